"""Rules 17, 28 and 45: an answer without its end or content, and the text of an outcome."""

from __future__ import annotations

from datetime import UTC, datetime

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure

CANARY = "canary7f3a"
SECRET = Answer(
    status_code=200,
    headers={"content-type": CANARY},
    body=CANARY.encode(),
    url=f"https://h/op?sig={CANARY}",
    received_at=datetime(2024, 11, 6, tzinfo=UTC),
    at_s=0.0,
)


def test_rule_45_an_answer_shows_its_status_and_size_only() -> None:
    """Not its URL, headers or body."""
    assert repr(SECRET) == str(SECRET) == "<Answer 200, 10 bytes>"
    assert CANARY not in repr(RequestFailure(FailureKind.CONNECTION, "", 0.0, cause=OSError(CANARY), head=SECRET))


def test_a_failure_for_want_of_a_credential_or_connection_is_local() -> None:
    assert {kind for kind in FailureKind if kind.is_local} == {
        FailureKind.AUTH,
        FailureKind.CERTIFICATE,
        FailureKind.CONNECTION,
        FailureKind.TIMEOUT,
    }


def test_only_failures_that_must_repeat_are_fatal() -> None:
    """A bad certificate, a request that cannot be sent, an error of a hook; rule 25 tries all others again."""
    assert {kind for kind in FailureKind if kind.fatal} == {
        FailureKind.CERTIFICATE,
        FailureKind.UNSENDABLE,
        FailureKind.HOOK,
    }
    assert RequestFailure(FailureKind.TIMEOUT, "no answer within 30 s", 0.0).cause is None


def test_rule_28_an_answer_without_content_keeps_only_its_request_and_time() -> None:
    """A 204, for the result of a DELETE."""
    answer = SECRET._replace(method="DELETE", raw_headers=((b"a", b"b"),))
    assert answer.without_content() == Answer(204, {}, b"", answer.url, answer.received_at, answer.at_s, "DELETE", ())
    assert answer.without_end().without_content().is_complete is True


def test_rule_17_an_answer_without_its_end_has_an_empty_body_that_may_be_cut() -> None:
    cut = SECRET._replace(body=b" \r\n").without_end()
    assert (cut.body, cut.is_complete) == (b"", False)
