"""Whether an initial request may be sent again, and after how long.

A request that is refused with 429 was not executed. Any other failure may have come after the service had acted on the
request, so it is sent again only if the caller says that a second one does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.answer import Answer, FailureKind
from azpoll.protocol.delay import Delay, backoff_delay, retry_after
from azpoll.protocol.failures import FAILING_S, MOST_FAILURES
from azpoll.protocol.status_class import StatusClass, status_class
from azpoll.protocol.throttling import TOO_MANY_REQUESTS

if TYPE_CHECKING:
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.delay import DelayLimits


class Repeat(NamedTuple):
    """One more try of an initial request.

    Attributes:
        wait: before it is sent.
        failures: tries that failed so far, 1 or more.
        since_s: when the first of them failed.
    """

    wait: Delay
    failures: int
    since_s: float


def repeat(
    outcome: Answer | RequestFailure, before: Repeat | None, delay_limits: DelayLimits, *, idempotent: bool
) -> Repeat | None:
    """Return how an initial request is sent again; None when what came is the caller's answer.

    Args:
        outcome: what the last try brought.
        before: what this returned for the try before that; None for the first.
        delay_limits: the caller's settings.
        idempotent: whether the caller says that the request may be executed twice.

    Source: rule 25 for the waits and the bound, ten tries and ten minutes.
    """
    head = outcome if isinstance(outcome, Answer) else outcome.head
    throttled = head is not None and head.status_code == TOO_MANY_REQUESTS
    if not throttled and not (idempotent and _is_transient(outcome)):
        return None
    failures, since_s = (1, outcome.at_s) if before is None else (before.failures + 1, before.since_s)
    if failures >= MOST_FAILURES and outcome.at_s - since_s >= FAILING_S:
        return None
    asked = None if head is None else retry_after(head)
    if throttled and asked is not None:  # its scope slows down as a whole: it need not wait longer by itself
        return Repeat(Delay(delay_limits.clamp(asked), by_server=True), failures, since_s)
    return Repeat(backoff_delay(outcome, delay_limits, failures), failures, since_s)


def _is_transient(outcome: Answer | RequestFailure) -> bool:
    if isinstance(outcome, Answer):
        return status_class(outcome.status_code) is StatusClass.TRANSIENT
    return outcome.fault in {FailureKind.CONNECTION, FailureKind.TIMEOUT}
