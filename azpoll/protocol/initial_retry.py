"""Whether an initial request may be sent again, and after which delay.

A request that was refused with 429 was not executed. After any other transient failure the service may have executed
it. A PUT, DELETE or GET is repeated nevertheless, as ARM's contract allows. The caller can allow or forbid it for any
method (rule 53).
"""

from typing import NamedTuple

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits, backoff_delay
from azpoll.protocol.patience import DEFAULT_PATIENCE, Patience
from azpoll.protocol.reading import StatusClass, is_success, read, status_class
from azpoll.protocol.throttling import TOO_MANY_REQUESTS

IDEMPOTENT_METHODS = frozenset({"PUT", "DELETE", "GET"})
"""The methods of requests that may be executed twice, unless the caller says otherwise."""


class Retry(NamedTuple):
    """One more attempt of an initial request, after `failures` attempts that failed since the monotonic `since_s`."""

    delay: Delay
    failures: int
    since_s: float


class InitialOutcome(NamedTuple):
    """The outcome of an initial request after its last attempt.

    Attributes:
        last: the outcome of the last attempt.
        sent_s: monotonic seconds of the first attempt that the service may have executed; None if there was none, or
            if the last answer accepts the request.
        repeated: whether the last attempt was a repetition of such an attempt.
    """

    last: Answer | RequestFailure
    sent_s: float | None = None
    repeated: bool = False


def is_idempotent(method: str, declared: bool | None) -> bool:  # noqa: FBT001 - the value of an option
    """Whether a request may be executed twice: as the caller declared, else by its method (rule 53)."""
    return method in IDEMPOTENT_METHODS if declared is None else declared


def outcome_after(before: InitialOutcome | None, outcome: Answer | RequestFailure, sent_s: float) -> InitialOutcome:
    """Return the outcome after one more attempt, which was sent at `sent_s`."""
    if isinstance(outcome, Answer) and is_success(outcome.status_code):
        return InitialOutcome(outcome)
    if before is not None and before.sent_s is not None:
        return InitialOutcome(outcome, before.sent_s, repeated=True)
    head = outcome if isinstance(outcome, Answer) else outcome.head or outcome
    acted = may_be_executed(head.status_code) if isinstance(head, Answer) else head.may_have_arrived
    return InitialOutcome(outcome, sent_s if acted else None)


def may_be_executed(status_code: int) -> bool:
    """Whether the service may have executed an initial request whose answer begins with a status code."""
    return is_success(status_code) or (
        status_code != TOO_MANY_REQUESTS and status_class(status_code) is StatusClass.TRANSIENT
    )


def next_retry(
    outcome: Answer | RequestFailure,
    before: Retry | None,
    limits: DelayLimits,
    *,
    idempotent: bool,
    patience: Patience = DEFAULT_PATIENCE,
) -> Retry | None:
    """Return the attempt after `before` and its outcome; None if that outcome is final.

    Source: rule 25 for the delays and for the bounds.
    """
    reading = read(outcome)
    throttled = reading.status_code == TOO_MANY_REQUESTS
    transient = reading.status_code is not None and status_class(reading.status_code) is StatusClass.TRANSIENT
    if isinstance(outcome, RequestFailure):  # the status code of an answer that could not be read counts too
        transient = transient or outcome.kind in {FailureKind.CONNECTION, FailureKind.TIMEOUT}
    if not throttled and not (idempotent and transient):
        return None
    failures, since_s = (1, reading.at_s) if before is None else (before.failures + 1, before.since_s)
    if failures >= patience.attempts and reading.at_s - since_s >= patience.seconds:
        return None
    if throttled and reading.retry_after_s is not None:  # the whole scope slows down, so no request backs off itself
        return Retry(Delay(limits.clamp(reading.retry_after_s), by_server=True), failures, since_s)
    return Retry(backoff_delay(reading.retry_after_s, limits, failures), failures, since_s)
