"""An initial request is sent again after a 429, since it was not executed; else only if it is idempotent (rule 53)."""

from __future__ import annotations

import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits
from azpoll.protocol.initial_retry import InitialOutcome, Retry, is_idempotent, next_retry, outcome_after
from tests.support.protocol_rows import RESOURCE, Reply

LIMITS = DelayLimits()


def answer(status_code: int, at_s: float = 0.0, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status_code, headers=named).to(RESOURCE, at_s)


def test_a_429_is_retried_after_its_retry_after() -> None:
    assert next_retry(answer(429, retry_after="17"), None, LIMITS, idempotent=False) == Retry(
        Delay(17, by_server=True), 1, 0
    )


def test_a_429_without_a_retry_after_is_retried_after_1_2_4_s() -> None:
    again: Retry | None = None
    delays: list[float] = []
    for at_s in (0.0, 1.0, 3.0):
        again = next_retry(answer(429, at_s), again, LIMITS, idempotent=False)
        assert again is not None
        delays.append(again.delay.seconds)
    assert delays == [1, 2, 4]
    assert again == Retry(Delay(4, by_server=False), 3, 0)


def test_a_429_is_retried_after_its_retry_after_at_each_attempt() -> None:
    """The whole scope slows down, so a request with a `Retry-After` does not back off by itself."""
    before = Retry(Delay(8, by_server=False), 4, 0.0)
    again = next_retry(answer(429, 20.0, retry_after="2"), before, LIMITS, idempotent=False)
    assert again == Retry(Delay(2, by_server=True), 5, 0.0)
    failed = next_retry(answer(503, 20.0, retry_after="2"), before, LIMITS, idempotent=True)
    assert failed == Retry(Delay(16, by_server=False, retry_after_s=2), 5, 0.0)


def test_a_503_is_retried_after_the_longer_of_its_retry_after_and_the_backoff() -> None:
    """With a complete body or without."""
    later = answer(503, retry_after="17")
    assert next_retry(later, None, LIMITS, idempotent=True) == Retry(Delay(17, by_server=True), 1, 0)
    cut = RequestFailure(FailureKind.TIMEOUT, "", 0.0, None, later)
    assert next_retry(cut, None, LIMITS, idempotent=True) == Retry(Delay(17, by_server=True), 1, 0)


def test_the_delay_is_within_floor_and_cap() -> None:
    delay_limits = DelayLimits(floor=5, cap=60)
    delays = [
        next_retry(answer(429, retry_after=asked), None, delay_limits, idempotent=False) for asked in ("1", "600")
    ]
    assert [again and again.delay.seconds for again in delays] == [5, 60]


def test_a_429_with_an_incomplete_body_is_a_429() -> None:
    cut = RequestFailure(FailureKind.CONNECTION, "", 0.0, None, answer(429, retry_after="17"))
    assert next_retry(cut, None, LIMITS, idempotent=False) == Retry(Delay(17, by_server=True), 1, 0)


@pytest.mark.parametrize("status_code", [408, 500, 502, 503, 504])
def test_a_request_that_may_have_been_executed_is_retried_only_if_idempotent(status_code: int) -> None:
    assert next_retry(answer(status_code), None, LIMITS, idempotent=False) is None
    assert next_retry(answer(status_code), None, LIMITS, idempotent=True) == Retry(Delay(1, by_server=False), 1, 0)


@pytest.mark.parametrize("kind", [FailureKind.TOO_LARGE, FailureKind.UNDECODABLE])
@pytest.mark.parametrize(("status_code", "again"), [(408, True), (503, True), (400, False), (404, False)])
def test_rule_53_the_code_of_an_answer_that_could_not_be_read_counts(
    kind: FailureKind, status_code: int, *, again: bool
) -> None:
    """A gateway's 503 is repeated, whatever its body."""
    outcome = RequestFailure(kind, "", 0.0, None, answer(status_code))
    assert (next_retry(outcome, None, LIMITS, idempotent=True) is not None) is again
    assert next_retry(outcome, None, LIMITS, idempotent=False) is None


@pytest.mark.parametrize("kind", FailureKind)
def test_a_request_without_an_answer_is_retried_only_if_that_may_help(kind: FailureKind) -> None:
    outcome = RequestFailure(kind, "", 0.0)
    assert next_retry(outcome, None, LIMITS, idempotent=False) is None
    assert (next_retry(outcome, None, LIMITS, idempotent=True) is not None) == (
        kind in {FailureKind.CONNECTION, FailureKind.TIMEOUT}
    )


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 410, 412, 100])
def test_every_other_answer_is_final(status_code: int) -> None:
    assert next_retry(answer(status_code), None, LIMITS, idempotent=True) is None


@pytest.mark.parametrize("since_s", [-5000.0, 0.0, 5000.0])
@pytest.mark.parametrize(
    ("failures", "passed_s", "repeated"),
    [(8, 5000, True), (9, 599, True), (9, 600, False), (100, 599, True), (100, 600, False)],
)
def test_an_initial_request_is_given_up_after_ten_tries_and_ten_minutes(
    *, failures: int, passed_s: float, repeated: bool, since_s: float
) -> None:
    """Rule 25; the clock's zero may be anywhere."""
    before = Retry(Delay(1, by_server=False), failures, since_s)
    assert (next_retry(answer(429, since_s + passed_s), before, LIMITS, idempotent=False) is not None) == repeated


@pytest.mark.parametrize(
    ("method", "by_default"), [("PUT", True), ("DELETE", True), ("GET", True), ("PATCH", False), ("POST", False)]
)
def test_rule_53_put_delete_and_get_are_repeated_by_default(method: str, *, by_default: bool) -> None:
    assert is_idempotent(method, None) is by_default
    assert is_idempotent(method, declared=True) is True
    assert is_idempotent(method, declared=False) is False


DROPPED = RequestFailure(FailureKind.CONNECTION, "", 0.0)


@pytest.mark.parametrize("unsure", [DROPPED, answer(503), answer(408)])
@pytest.mark.parametrize("last", [answer(404), answer(409), answer(429), answer(500), DROPPED])
def test_a_repetition_remembers_the_first_attempt_that_may_have_been_executed(
    unsure: Answer | RequestFailure, last: Answer | RequestFailure
) -> None:
    """That of 20 s here: the service refused the one before it with 429."""
    outcome: InitialOutcome | None = None
    for sent_s, each in ((10.0, answer(429)), (20.0, unsure), (30.0, answer(429)), (40.0, last)):
        outcome = outcome_after(outcome, each, sent_s)
    assert outcome == InitialOutcome(last, 20.0, repeated=True)


@pytest.mark.parametrize("kind", FailureKind)
def test_a_request_without_an_answer_may_have_been_executed(kind: FailureKind) -> None:
    """Unless nothing was sent. A response hook raises after the service has answered."""
    failure = RequestFailure(kind, "", 0.0)
    may_be = kind not in {FailureKind.CERTIFICATE, FailureKind.UNSENDABLE}
    assert outcome_after(None, failure, 10.0) == InitialOutcome(failure, 10.0 if may_be else None)


def test_rule_53_a_request_without_a_connection_was_not_executed() -> None:
    """So the next attempt is no repetition; an earlier attempt may have been executed."""
    refused = DROPPED._replace(was_sent=False)
    outcome = outcome_after(None, refused, 10.0)
    assert outcome == InitialOutcome(refused)
    assert outcome_after(outcome, answer(404), 20.0) == InitialOutcome(answer(404))
    assert outcome_after(outcome, DROPPED, 20.0) == InitialOutcome(DROPPED, 20.0)
    before = InitialOutcome(DROPPED, 5.0)
    assert outcome_after(before, refused, 10.0) == InitialOutcome(refused, 5.0, repeated=True)


@pytest.mark.parametrize(
    ("status_code", "may_be"), [(200, True), (503, True), (429, False), (400, False), (302, False)]
)
def test_the_head_of_a_cut_answer_says_whether_it_was_executed(status_code: int, *, may_be: bool) -> None:
    failure = DROPPED._replace(head=answer(status_code))
    assert outcome_after(None, failure, 10.0) == InitialOutcome(failure, 10.0 if may_be else None)


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 206])
def test_an_accepted_repetition_leaves_no_doubt(status_code: int) -> None:
    accepted = answer(status_code)
    assert outcome_after(InitialOutcome(DROPPED, 10.0), accepted, 20.0) == InitialOutcome(accepted)


@pytest.mark.parametrize("status_code", [302, 400, 401, 403, 404, 409, 412, 429])
def test_a_refused_request_was_not_executed(status_code: int) -> None:
    refused = answer(status_code)
    assert outcome_after(None, refused, 10.0) == InitialOutcome(refused)
