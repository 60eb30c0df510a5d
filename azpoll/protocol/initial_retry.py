"""Whether an initial request may be sent again, and after which delay.

A request that was refused with 429 was not executed. After any other failure the service may have executed it, so it
is sent again only if the caller declares it idempotent.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation at import.

from typing import NamedTuple

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits, backoff_delay
from azpoll.protocol.failures import FAILING_LIMIT_S, MAX_FAILURES
from azpoll.protocol.reading import AnyReading, Reading, read
from azpoll.protocol.status_class import StatusClass
from azpoll.protocol.throttling import TOO_MANY_REQUESTS


class Retry(NamedTuple):
    """One more attempt of an initial request.

    Attributes:
        delay: before it is sent.
        failures: attempts that failed so far, 1 or more.
        since_s: monotonic seconds of the first failure.
    """

    delay: Delay
    failures: int
    since_s: float


def next_retry(
    outcome: Answer | RequestFailure, before: Retry | None, limits: DelayLimits, *, idempotent: bool
) -> Retry | None:
    """Return the next attempt of an initial request; None if the outcome is final.

    Args:
        outcome: of the last attempt.
        before: the attempt that brought this outcome, as returned for the outcome before it; None for the first.
        limits: the caller's settings.
        idempotent: whether the service may execute the request twice, as the caller declares.

    Source: rule 25 for the delays and for the bound of ten attempts and ten minutes.
    """
    reading = read(outcome)
    throttled = reading.status_code == TOO_MANY_REQUESTS
    if not throttled and not (idempotent and _is_transient(reading)):
        return None
    failures, since_s = (1, reading.at_s) if before is None else (before.failures + 1, before.since_s)
    if failures >= MAX_FAILURES and reading.at_s - since_s >= FAILING_LIMIT_S:
        return None
    if throttled and reading.retry_after_s is not None:  # the whole scope slows down, so no request backs off itself
        return Retry(Delay(limits.clamp(reading.retry_after_s), by_server=True), failures, since_s)
    return Retry(backoff_delay(reading.retry_after_s, limits, failures), failures, since_s)


def _is_transient(reading: AnyReading) -> bool:
    if isinstance(reading, Reading):
        return reading.status_class is StatusClass.TRANSIENT
    return reading.outcome.kind in {FailureKind.CONNECTION, FailureKind.TIMEOUT}
