"""The invariants, read off a history: what went wrong, if anything did. Knows the rules and the truth, not the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proofs.simulation.operation_history import Came, Killed, Sent
from tests.proofs.simulation.service_reply import Effect
from tests.proofs.simulation.simulated_service import GONE, ROLES, TRUSTED, Situation, situation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proofs.simulation.ground_truth import Truth
    from tests.proofs.simulation.operation_history import Ended, Entry
    from tests.proofs.simulation.service_reply import Said
    from tests.proofs.simulation.simulated_service import Role

FLOOR_S, LONGEST_S = 1.0, 60.0
MOST_FAILURES, FAILING_S = 10, 600.0
MOST_MISSES, MISSING_S = 5, 60.0
ENDLESS = 40
MOST_HOPS = 3
ROUNDING_S = 1e-6

_READABLE = frozenset({Effect.RUNS, Effect.ENDS, Effect.RESULT})
_AT_ONCE = frozenset({Effect.ENDS, Effect.UNAUTHORIZED})
_ENDINGS = {"Succeeded": "succeeded", "Failed": "failed", "Canceled": "canceled"}


class Broken(Exception):
    """An invariant does not hold; the text names it."""


def judge(truth: Truth, history: Sequence[Entry]) -> str | None:
    """Return which invariant a history breaks, and how; None for none."""
    judging = _Judging(truth)
    try:
        for entry in history:
            judging.see(entry)
        if not judging.over:
            return "I1: it has no end"
    except Broken as broken:
        return str(broken)
    return None


class _Judging:
    """One pass over a history."""

    __slots__ = (
        "asked",
        "asked_for",
        "at_s",
        "end",
        "failing",
        "failing_since_s",
        "foreign",
        "last",
        "misses",
        "missing_since_s",
        "over",
        "redirects",
        "result",
        "role",
        "situation",
        "truth",
        "unauthorized",
        "unread",
        "waiting",
        "where",
    )  # fmt: skip

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.where = truth.result_at
        self.asked = 0
        self.at_s = 0.0
        self.waiting = self.over = self.foreign = False
        self.role: Role | None = None
        self.situation = self.asked_for = Situation.NOBODYS
        self.last: Said | None = None
        self.end: Said | None = None
        self.result: Said | None = None
        self.redirects = 0
        self.forget()

    def forget(self) -> None:
        """Count what goes wrong anew: something could be read, or another process took over."""
        self.failing = self.misses = self.unauthorized = self.unread = 0
        self.failing_since_s = self.missing_since_s = 0.0

    def see(self, entry: Entry) -> None:
        """Judge the next entry."""
        if self.over:
            raise Broken(f"I1: after its end, {entry}")
        if isinstance(entry, Sent):
            self._see_sent(entry)
        elif isinstance(entry, Came):
            self._see_came(entry)
        elif isinstance(entry, Killed):
            self.forget()
            self.redirects = 0
        else:
            self.over = True
            self._see_end(entry)

    def _see_sent(self, sent: Sent) -> None:
        if self.waiting:
            raise Broken(f"I5: a second request in flight, {sent}")
        self.waiting = True
        self.asked += 1
        if not sent.url.startswith(TRUSTED):
            raise Broken(f"I6: a request to an origin that is not trusted, {sent}")
        last, before = self.last, self.asked_for
        self.role = ROLES.get(sent.url)
        self.situation = situation_of(self.truth, self.role)
        if self.situation is not Situation.STRAY:
            self.asked_for = self.situation
        if last is None:
            return
        missed = last.effect is Effect.MISSES and last.status in {404, 410}
        confirms = missed and self.situation is Situation.VANISHING and before is not Situation.VANISHING
        self._check_place(sent, confirms=confirms or before is Situation.VANISHING)
        at_once = confirms or self.redirects or last.effect in _AT_ONCE
        self._check_time(sent, last.told_s or 0.0, 0.0 if at_once else FLOOR_S)

    def _check_place(self, sent: Sent, *, confirms: bool) -> None:
        situation = self.situation
        if self.result is not None:
            raise Broken(f"I8: after the result was told, {sent}")
        if situation is Situation.STRAY:
            return
        if self.end is not None:
            if self.where is None or self.truth.ending != "succeeded":
                raise Broken(f"I8: after the end was told, with nothing left to ask, {sent}")
            if self.role != self.where:
                raise Broken(f"I8: after the end was told, another than the final GET, {sent}")
            return
        if situation is Situation.VANISHING and self.truth.header is not None and not confirms:
            raise Broken(f"I8: a confirmation of nothing, {sent}")
        if situation in {Situation.RESULT, Situation.NOBODYS}:
            raise Broken(f"I8: {situation.value}, before the end was told: {sent}")

    def _check_time(self, sent: Sent, told_s: float, least_s: float) -> None:
        if sent.due_s < self.at_s + max(least_s, told_s) - ROUNDING_S:
            raise Broken(f"I4: {self.at_s + max(least_s, told_s) - sent.due_s:.3f} s early, {sent}")
        if sent.due_s > self.at_s + max(LONGEST_S, told_s) + FLOOR_S:
            raise Broken(f"I1: forgotten for {sent.due_s - self.at_s:.0f} s, {sent}")
        deadline_s = self.truth.deadline_s
        if deadline_s is not None and least_s and sent.due_s > deadline_s + FLOOR_S:
            raise Broken(f"I1: after the deadline, {sent}")
        if self.unread > ENDLESS:
            raise Broken(f"I1: not given up after {self.unread} answers that tell nothing, {sent}")

    def _see_came(self, outcome: Came) -> None:
        if not self.waiting:
            raise Broken(f"I5: an answer to no request, {outcome}")
        self.waiting, self.at_s, self.last = False, outcome.at_s, outcome.said
        said, effect = outcome.said, outcome.said.effect
        self.foreign |= effect is Effect.FOREIGN or said.foreign_location
        self.redirects = self.redirects + 1 if effect is Effect.REDIRECTS else 0
        if self.redirects > MOST_HOPS:
            self.redirects, effect = 0, Effect.FAILS
        if effect in _READABLE or (effect is Effect.STANDS and self.truth.header is None):
            self.forget()
            self._see_readable(said)
        elif effect is not Effect.REDIRECTS:
            self._see_unread(effect, said.status, outcome.at_s)

    def _see_readable(self, said: Said) -> None:
        if said.effect is Effect.RUNS or said.effect is Effect.STANDS:
            return
        if self.end is None:
            self.end = said
            if said is not GONE:
                return
        self.result = said

    def _see_unread(self, effect: Effect, status: int, at_s: float) -> None:
        self.unread += 1
        if effect is Effect.FAILS:
            self.failing += 1
            self.failing_since_s = self.failing_since_s if self.failing > 1 else at_s
        elif effect is Effect.MISSES:
            self.misses += 1
            self.missing_since_s = self.missing_since_s if self.misses > 1 else at_s
            if self.end is not None and self.truth.method == "DELETE" and status in {404, 410}:
                self.result = GONE
        elif effect is Effect.UNAUTHORIZED:
            self.unauthorized += 1

    def _see_end(self, ended: Ended) -> None:
        if ended.state in _ENDINGS:
            self._check_verdict(ended)
        elif ended.state == "Unknown":
            self._check_lost(ended)
        else:
            raise Broken(f"I1: it has no end, {ended}")

    def _check_verdict(self, ended: Ended) -> None:
        if self.end is None:
            raise Broken(f"I2: nobody said so: {ended}")
        if _ENDINGS[ended.state] != self.truth.ending:
            raise Broken(f"I2: in truth {self.truth.ending}, {ended}")
        if self.truth.ending != "succeeded":
            return
        told = self.end if self.where is None or self.end is GONE else self.result
        if told is None:
            raise Broken(f"I2: without its final GET, {ended}")
        if ended.result != ((204, b"") if told is GONE or told.effect is Effect.MISSES else (told.status, told.body)):
            raise Broken(f"I2: with another result than was told, {ended}")

    def _check_lost(self, ended: Ended) -> None:
        if not self._may_be_lost(ended):
            raise Broken(f"I1: lost for no reason, {ended}")
        if ended.resumed in _ENDINGS:
            if _ENDINGS[ended.resumed] != self.truth.ending:
                raise Broken(f"I2: in truth {self.truth.ending}, {ended}")
        elif ended.resumed == "refused" or not ended.resumed:
            if ended.reason not in {"UNTRUSTED", "NOT_STARTED"}:
                raise Broken(f"I1: lost for good, {ended}")
        elif ended.resumed != "UNTRUSTED" or not self.foreign:  # what was refused before is refused again
            raise Broken(f"I1: lost even when its service had recovered, {ended}")

    def _may_be_lost(self, ended: Ended) -> bool:
        deadline_s, effect = self.truth.deadline_s, None if self.last is None else self.last.effect
        nothing_left = self.where is None or self.truth.ending != "succeeded"
        match ended.reason:
            case "UNTRUSTED":
                return self.foreign
            case "NOT_STARTED":
                return self.asked == 1 and effect is Effect.REFUSES
            case _ if self.end is not None and nothing_left:
                return False
            case "EXHAUSTED" | "MALFORMED":
                return self.failing >= MOST_FAILURES and self.at_s - self.failing_since_s >= FAILING_S
            case "NOT_FOUND" | "FORBIDDEN":
                return self.misses >= MOST_MISSES and self.at_s - self.missing_since_s >= MISSING_S
            case "UNAUTHENTICATED":
                return self.unauthorized > 1
            case "REFUSED" | "UNREACHABLE":
                return effect is Effect.REFUSES
            case "TIMED_OUT":
                return deadline_s is not None and ended.at_s >= deadline_s - ROUNDING_S
            case _:
                return False
