"""Cores with one deliberate defect each, one for each way to break an invariant; the checker must find all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.machine import advance
from azpoll.protocol.states import (
    Confirming,
    Failed,
    Fetching,
    NextRequest,
    Polling,
    State,
    Succeeded,
    Unknown,
    UnknownReason,
)
from tests.proofs.simulation.core_driver import Core

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.protocol.states import Pending

Received = Answer | RequestFailure


def _waiting(factor: float, _before: Pending, _outcome: Received, after: State) -> State:
    if not isinstance(after, Polling):
        return after
    wait = after.next_request.delay
    return after._replace(next_request=after.next_request._replace(delay=wait._replace(seconds=wait.seconds * factor)))


def _flips_the_verdict(_before: Pending, _outcome: Received, after: State) -> State:
    return Succeeded(after.answer) if isinstance(after, Failed) else after


def _takes_any_200(_before: Pending, outcome: Received, after: State) -> State:
    return Succeeded(outcome) if isinstance(outcome, Answer) and outcome.status_code == 200 else after


def _takes_a_404_for_success(_before: Pending, outcome: Received, after: State) -> State:
    return Succeeded(outcome) if isinstance(outcome, Answer) and outcome.status_code == 404 else after


def _follows_foreign_urls(_before: Pending, outcome: Received, after: State) -> State:
    if isinstance(after, Unknown) and after.reason is UnknownReason.UNTRUSTED and isinstance(outcome, Answer):
        named = outcome.headers.get("azure-asyncoperation") or outcome.headers.get("location", "")
        if isinstance(after.last, Polling) and named.startswith("http"):
            return after.last._replace(kept_url=named, next_request=NextRequest(named, after.last.next_request.delay))
    return after


def _asks_after_the_end(before: Pending, _outcome: Received, after: State) -> State:
    return before if isinstance(before, Polling) and isinstance(after, (Succeeded, Failed)) else after


def _asks_after_the_result(before: Pending, _outcome: Received, after: State) -> State:
    return before if isinstance(before, Fetching) and isinstance(after, Succeeded) else after


def _skips_the_final_get(before: Pending, outcome: Received, after: State) -> State:
    skips = isinstance(before, Polling) and isinstance(after, Fetching) and isinstance(outcome, Answer)
    return Succeeded(outcome) if skips and isinstance(outcome, Answer) else after


def _mixes_up_results(_before: Pending, _outcome: Received, after: State) -> State:
    return after._replace(answer=after.answer._replace(body=b"another's")) if isinstance(after, Succeeded) else after


def _gives_up_too_early(before: Pending, outcome: Received, after: State) -> State:
    fails = isinstance(outcome, Answer) and outcome.status_code == 503
    return Unknown(UnknownReason.EXHAUSTED, "", before, outcome) if fails else after


def _drops_the_state_to_resume(_before: Pending, _outcome: Received, after: State) -> State:
    return after._replace(last=None) if isinstance(after, Unknown) else after


def _never_gives_up(reason: UnknownReason, before: Pending, _outcome: Received, after: State) -> State:
    """Return a state that never gives up for this reason."""
    return before if isinstance(after, Unknown) and after.reason is reason else after


def _drops_the_deadline(before: Pending, _outcome: Received, after: State) -> State:
    if not isinstance(after, Unknown) or after.reason is not UnknownReason.TIMED_OUT or isinstance(before, Confirming):
        return after
    return before._replace(plan=before.plan._replace(deadline_s=None))


def _asks_the_resource(_before: Pending, _outcome: Received, after: State) -> State:
    if isinstance(after, Polling) and after.plan.method in {"PUT", "DELETE"}:
        return after._replace(next_request=after.next_request._replace(kept_url=after.plan.resource_url))
    return after


def _raises(before: Pending, outcome: Received, after: State) -> State:
    if isinstance(before, Confirming) and isinstance(outcome, RequestFailure):
        raise LookupError("headers")  # noqa: TRY004 - a crash of the core
    return after


def _never(_state: Pending, _since_s: float) -> float | None:
    return None


def _immediately(_state: Pending, since_s: float) -> float | None:
    return since_s


def _core(change: Callable[[Pending, Received, State], State]) -> Core:
    def changed(before: Pending, outcome: Received) -> State:
        return change(before, outcome, advance(before, outcome))

    return Core(advance=changed)


BROKEN_CORES: dict[str, tuple[str, Core]] = {
    name: (found, _core(change))
    for name, found, change in (
        ("polls early", "I4", partial(_waiting, 0.5)),
        ("forgets an operation", "I1: forgotten", partial(_waiting, 1000.0)),
        ("flips a verdict", "I2: in truth failed", _flips_the_verdict),
        ("takes any 200 for success", "I2: no answer said so", _takes_any_200),
        ("takes any 404 for success", "I2: no answer said so", _takes_a_404_for_success),
        ("mixes up results", "I2: with another result", _mixes_up_results),
        ("skips the final GET", "I2: without its final GET", _skips_the_final_get),
        ("follows foreign URLs", "I6", _follows_foreign_urls),
        ("asks after the end", "I8: after the end", _asks_after_the_end),
        ("asks after the result", "I8: after the result", _asks_after_the_result),
        ("asks the resource too soon", "I8", _asks_the_resource),
        ("gives up too early", "I1: gave up without a reason", _gives_up_too_early),
        ("drops the state to resume", "I1: cannot be resumed", _drops_the_state_to_resume),
        ("never gives up", "I1: not given up", partial(_never_gives_up, UnknownReason.EXHAUSTED)),
        ("drops the deadline", "I1: after the deadline", _drops_the_deadline),
        ("raises", "I1: it has no end", _raises),
    )
} | {
    "never expires": ("I1: after the deadline", Core(expires_at=_never)),
    "always expires": ("I1: gave up without a reason", Core(expires_at=_immediately)),
}
"""The name of the defect, the start of the expected finding, and the core."""
