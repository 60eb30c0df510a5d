"""Whether an initial request may be sent again, and after which delay.

A request that was refused with 429 was not executed. After any other failure the service may have executed it, so it
is sent again only if the caller declares it idempotent.
"""

from typing import NamedTuple

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits, backoff_delay
from azpoll.protocol.patience import DEFAULT_PATIENCE
from azpoll.protocol.reading import Reading, StatusClass, read
from azpoll.protocol.throttling import TOO_MANY_REQUESTS


class Retry(NamedTuple):
    """One more attempt of an initial request, after `failures` attempts that failed since the monotonic `since_s`."""

    delay: Delay
    failures: int
    since_s: float


def next_retry(
    outcome: Answer | RequestFailure, before: Retry | None, limits: DelayLimits, *, idempotent: bool
) -> Retry | None:
    """Return the attempt after `before` and its outcome; None if that outcome is final.

    Source: rule 25 for the delays and for the bound of ten attempts and ten minutes.
    """
    reading = read(outcome)
    throttled = reading.status_code == TOO_MANY_REQUESTS
    if isinstance(reading, Reading):
        transient = reading.status_class is StatusClass.TRANSIENT
    else:
        transient = reading.outcome.kind in {FailureKind.CONNECTION, FailureKind.TIMEOUT}
    if not throttled and not (idempotent and transient):
        return None
    failures, since_s = (1, reading.at_s) if before is None else (before.failures + 1, before.since_s)
    if failures >= DEFAULT_PATIENCE.attempts and reading.at_s - since_s >= DEFAULT_PATIENCE.seconds:
        return None
    if throttled and reading.retry_after_s is not None:  # the whole scope slows down, so no request backs off itself
        return Retry(Delay(limits.clamp(reading.retry_after_s), by_server=True), failures, since_s)
    return Retry(backoff_delay(reading.retry_after_s, limits, failures), failures, since_s)
