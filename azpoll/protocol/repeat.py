"""Whether an initial request may be sent again, and after how long.

A request that is refused with 429 was not executed. Any other failure may have come after the service had acted on the
request, so it is sent again only if the caller says that a second one does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.answer import Answer, Fault
from azpoll.protocol.delay import Wait, backoff_wait, retry_after
from azpoll.protocol.kinds import Kind, kind_of
from azpoll.protocol.throttle import TOO_MANY_REQUESTS
from azpoll.protocol.trouble import FAILING_S, MOST_FAILURES

if TYPE_CHECKING:
    from azpoll.protocol.answer import Unreachable
    from azpoll.protocol.delay import Pace


class Repeat(NamedTuple):
    """One more try of an initial request.

    Attributes:
        wait: before it is sent.
        failures: tries that failed so far, 1 or more.
        since_s: when the first of them failed.
    """

    wait: Wait
    failures: int
    since_s: float


def repeat(came: Answer | Unreachable, before: Repeat | None, pace: Pace, *, idempotent: bool) -> Repeat | None:
    """Return how an initial request is sent again; None when what came is the caller's answer.

    Args:
        came: what the last try brought.
        before: what this returned for the try before that; None for the first.
        pace: the caller's settings.
        idempotent: whether the caller says that the request may be executed twice.

    Source: rule 25 for the waits and the bound, ten tries and ten minutes.
    """
    head = came if isinstance(came, Answer) else came.head
    throttled = head is not None and head.status_code == TOO_MANY_REQUESTS
    if not throttled and not (idempotent and _is_transient(came)):
        return None
    failures, since_s = (1, came.at_s) if before is None else (before.failures + 1, before.since_s)
    if failures >= MOST_FAILURES and came.at_s - since_s >= FAILING_S:
        return None
    asked = None if head is None else retry_after(head)
    if throttled and asked is not None:  # its scope slows down as a whole: it need not wait longer by itself
        return Repeat(Wait(pace.clamp(asked), by_server=True), failures, since_s)
    return Repeat(backoff_wait(came, pace, failures), failures, since_s)


def _is_transient(came: Answer | Unreachable) -> bool:
    if isinstance(came, Answer):
        return kind_of(came.status_code) is Kind.TRANSIENT
    return came.fault in {Fault.CONNECTION, Fault.TIMEOUT}
