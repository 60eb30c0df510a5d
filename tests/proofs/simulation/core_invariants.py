"""Checks the invariants of a history by the rules and the ground truth, without access to the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.plan import FinalStateVia
from tests.proofs.simulation.operation_history import Killed, Received, Sent
from tests.proofs.simulation.service_reply import Effect
from tests.proofs.simulation.simulated_service import GONE, ROLES, TRUSTED, Situation, situation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proofs.simulation.ground_truth import Truth
    from tests.proofs.simulation.operation_history import Ended, Entry
    from tests.proofs.simulation.service_reply import ServiceReply
    from tests.proofs.simulation.simulated_service import Role

FLOOR_S, LONGEST_S = 1.0, 60.0
MAX_FAILURES, FAILING_S = 10, 600.0
MAX_MISSES, MISSING_S = 5, 60.0
MAX_AUTH_ERRORS = 3
ENDLESS = 40
MAX_REDIRECTS = 3
ROUNDING_S = 1e-6

_READABLE = frozenset({Effect.RUNS, Effect.ENDS, Effect.RESULT})
_REFUSED = 400
_AT_ONCE = frozenset({Effect.ENDS, Effect.UNAUTHORIZED})
_ENDINGS = {"Succeeded": "succeeded", "Failed": "failed", "Canceled": "canceled"}


class InvariantBroken(Exception):
    """An invariant is broken; the text names it."""


def find_violation(truth: Truth, history: Sequence[Entry]) -> str | None:
    """Return the invariant that a history breaks and how; None if all hold."""
    checker = _Checker(truth)
    try:
        for entry in history:
            checker.see(entry)
        if not checker.over:
            return "I1: it has no end"
    except InvariantBroken as broken:
        return str(broken)
    return None


class _Checker:
    """One pass over a history."""

    __slots__ = (
        "asked",
        "asked_for",
        "at_s",
        "auth_errors",
        "auth_failing_since_s",
        "end",
        "failing",
        "failing_since_s",
        "foreign",
        "last",
        "left_origin",
        "misses",
        "missing_since_s",
        "origin",
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
        self.situation = self.asked_for = Situation.UNRELATED
        self.last: ServiceReply | None = None
        self.end: ServiceReply | None = None
        self.result: ServiceReply | None = None
        self.redirects = 0
        self.origin = ""
        self.left_origin = False  # the request in flight has no credentials (rule 9)
        self.forget()

    def forget(self) -> None:
        """Reset the failure counts, after a readable answer or a resume by another process."""
        self.failing = self.misses = self.unauthorized = self.auth_errors = self.unread = 0
        self.failing_since_s = self.missing_since_s = self.auth_failing_since_s = 0.0

    def see(self, entry: Entry) -> None:
        """Check the next entry."""
        if self.over:
            raise InvariantBroken(f"I1: after its end, {entry}")
        if isinstance(entry, Sent):
            self._see_sent(entry)
        elif isinstance(entry, Received):
            self._see_received(entry)
        elif isinstance(entry, Killed):
            self.forget()
            self.redirects = 0
        else:
            self.over = True
            self._see_end(entry)

    def _see_sent(self, sent: Sent) -> None:
        if self.waiting:
            raise InvariantBroken(f"I5: a second request in flight, {sent}")
        self.waiting = True
        self.asked += 1
        if not sent.url.startswith(TRUSTED):
            raise InvariantBroken(f"I6: a request to an origin that is not trusted, {sent}")
        before_origin, self.origin = self.origin, "/".join(sent.url.split("/")[:3])
        self.left_origin = bool(self.redirects) and (self.left_origin or self.origin != before_origin)
        last, before = self.last, self.asked_for
        self.role = ROLES.get(sent.url)
        self.situation = situation_of(self.truth, self.role)
        if self.situation is not Situation.DEAD_END:
            self.asked_for = self.situation
        if last is None:
            return
        missed = last.effect is Effect.MISSES and last.status in {404, 410}
        confirms = missed and self.situation is Situation.DELETED and before is not Situation.DELETED
        self._check_place(sent, confirms=confirms or before is Situation.DELETED)
        at_once = self.redirects or last.effect in _AT_ONCE
        self._check_time(sent, last.retry_after_s or 0.0, 0.0 if at_once else FLOOR_S)

    def _check_place(self, sent: Sent, *, confirms: bool) -> None:
        situation = self.situation
        if self.result is not None:
            raise InvariantBroken(f"I8: after the result was received, {sent}")
        if situation is Situation.DEAD_END:
            return
        if self.end is not None:
            if self.where is None or self.truth.ending != "succeeded":
                raise InvariantBroken(f"I8: after the end was received, with no request left, {sent}")
            if self.role != self.where:
                raise InvariantBroken(f"I8: after the end was received, not the final GET, {sent}")
            return
        in_turns = self.truth.method == "DELETE" and self.truth.via is FinalStateVia.ORIGINAL_URI  # rule 6
        if situation is Situation.DELETED and self.truth.header is not None and not (confirms or in_turns):
            raise InvariantBroken(f"I8: a confirmation of nothing, {sent}")
        if situation in {Situation.RESULT, Situation.UNRELATED}:
            raise InvariantBroken(f"I8: {situation.value}, before the end was received: {sent}")

    def _check_time(self, sent: Sent, retry_after_s: float, least_s: float) -> None:
        if sent.due_s < self.at_s + max(least_s, retry_after_s) - ROUNDING_S:
            raise InvariantBroken(f"I4: {self.at_s + max(least_s, retry_after_s) - sent.due_s:.3f} s early, {sent}")
        if sent.due_s > self.at_s + max(LONGEST_S, retry_after_s) + FLOOR_S:
            raise InvariantBroken(f"I1: forgotten for {sent.due_s - self.at_s:.0f} s, {sent}")
        deadline_s = self.truth.deadline_s
        if deadline_s is not None and least_s and sent.due_s > deadline_s + FLOOR_S:
            raise InvariantBroken(f"I1: after the deadline, {sent}")
        if self.unread > ENDLESS:
            raise InvariantBroken(f"I1: not given up after {self.unread} unreadable answers, {sent}")

    def _see_received(self, outcome: Received) -> None:
        if not self.waiting:
            raise InvariantBroken(f"I5: an answer to no request, {outcome}")
        self.waiting, self.at_s, self.last = False, outcome.at_s, outcome.reply
        reply, effect = outcome.reply, outcome.reply.effect
        self.foreign |= effect is Effect.FOREIGN or reply.foreign_location
        if self.redirects and reply.status >= _REFUSED and reply is not GONE and effect is Effect.ENDS:
            effect = Effect.FAILS  # a redirect may lead anywhere (rule 21)
        self.redirects = self.redirects + 1 if effect is Effect.REDIRECTS else 0
        if self.redirects > MAX_REDIRECTS:
            self.redirects, effect = 0, Effect.FAILS
        if effect in _READABLE or (effect is Effect.EXISTS and self.truth.header is None):
            self.forget()
            self._see_readable(reply)
        elif effect is not Effect.REDIRECTS:
            self._see_unread(effect, reply.status, outcome.at_s)

    def _see_readable(self, reply: ServiceReply) -> None:
        if reply.effect is Effect.RUNS or reply.effect is Effect.EXISTS:
            return
        if self.end is None:
            self.end = reply
            if reply is not GONE:
                return
        self.result = reply

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
        elif effect is Effect.AUTH_FAILS:
            self.auth_errors += 1
            self.auth_failing_since_s = self.auth_failing_since_s if self.auth_errors > 1 else at_s

    def _see_end(self, ended: Ended) -> None:
        if ended.state in _ENDINGS:
            self._check_verdict(ended)
        elif ended.state == "Unknown":
            self._check_unknown(ended)
        else:
            raise InvariantBroken(f"I1: it has no end, {ended}")

    def _check_verdict(self, ended: Ended) -> None:
        if self.end is None:
            raise InvariantBroken(f"I2: no answer said so: {ended}")
        if _ENDINGS[ended.state] != self.truth.ending:
            raise InvariantBroken(f"I2: in truth {self.truth.ending}, {ended}")
        if self.truth.ending != "succeeded":
            return
        received = self.end if self.where is None or self.end is GONE else self.result
        if received is None:
            raise InvariantBroken(f"I2: without its final GET, {ended}")
        if ended.result != (
            (204, b"") if received is GONE or received.effect is Effect.MISSES else (received.status, received.body)
        ):
            raise InvariantBroken(f"I2: with another result than was received, {ended}")

    def _check_unknown(self, ended: Ended) -> None:
        if not self._may_be_unknown(ended):
            raise InvariantBroken(f"I1: gave up without a reason, {ended}")
        if ended.resumed in _ENDINGS:
            if _ENDINGS[ended.resumed] != self.truth.ending:
                raise InvariantBroken(f"I2: in truth {self.truth.ending}, {ended}")
        elif ended.resumed == "refused" or not ended.resumed:
            if ended.reason not in {"UNTRUSTED", "NOT_STARTED"}:
                raise InvariantBroken(f"I1: cannot be resumed, {ended}")
        elif ended.resumed != "UNTRUSTED" or not self.foreign:  # a URL that was refused before is refused again
            raise InvariantBroken(f"I1: unknown although its service has recovered, {ended}")

    def _may_be_unknown(self, ended: Ended) -> bool:
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
                return self.failing >= MAX_FAILURES and self.at_s - self.failing_since_s >= FAILING_S
            case "NOT_FOUND" | "FORBIDDEN":
                return self.misses >= MAX_MISSES and self.at_s - self.missing_since_s >= MISSING_S
            case "UNAUTHENTICATED":
                if effect is Effect.AUTH_FAILS:
                    return self.auth_errors >= MAX_AUTH_ERRORS or self.at_s - self.auth_failing_since_s >= MISSING_S
                return self.unauthorized > 1 or (self.left_origin and effect is Effect.UNAUTHORIZED)
            case "REFUSED" | "UNREACHABLE":
                return effect is Effect.REFUSES
            case "TIMED_OUT":
                return deadline_s is not None and ended.at_s >= deadline_s - ROUNDING_S
            case _:
                return False
