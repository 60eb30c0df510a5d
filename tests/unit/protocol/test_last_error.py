"""The reason of the last failed poll, as snapshots, events and logs show it (rule 55)."""

from __future__ import annotations

import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.last_error import counts_of, error_of_poll, last_error
from azpoll.protocol.machine import advance, expire, start
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.states import Confirming, Fetching, Pending, Polling, Succeeded, Unknown, UnknownReason
from tests.support.protocol_rows import HOST, Reply, plan, url

MONITOR = url("/op")
RUNNING = Reply(200, b'{"status": "Running"}')
SUCCEEDED = Reply(200, b'{"status": "Succeeded"}')
EVIL = "https://evil.example/"
PAGE = Reply(502, b"<html><body>Bad Gateway")


def polling(method: str = "POST", **changes: object) -> Polling:
    state = start(plan(method, **changes), Reply(202, b"", {"azure-asyncoperation": MONITOR}).to(url("/rg/vm"), 0.0))
    assert isinstance(state, Polling)
    return state


def after(state: Pending, *replies: Reply | RequestFailure) -> tuple[Pending, Pending | Unknown]:
    """Return the last two states of polls that are a second apart."""
    for at_s, reply in enumerate(replies, 1):
        outcome = reply._replace(at_s=at_s) if isinstance(reply, RequestFailure) else reply.to(MONITOR, float(at_s))
        following = advance(state, outcome)
        if at_s == len(replies):
            assert isinstance(following, Pending | Unknown)
            return state, following
        assert isinstance(following, Pending)
        state = following
    raise AssertionError("there is a reply")


def failure(kind: FailureKind, detail: str = "") -> RequestFailure:
    return RequestFailure(kind, detail, 0.0)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404), "HTTP 404"),
        (Reply(401), "HTTP 401"),
        (Reply(403, b"<html>", {"content-type": "text/html"}), "HTTP 403 from a proxy (HTML)"),
        (Reply(503, b"<!DOCTYPE html><p>"), "HTTP 503 from a proxy (HTML)"),
        (Reply(503, b'{"error": {"code": "Busy"}}'), "HTTP 503"),
        (Reply(400, b'{"error": {"code": "Bad"}}'), "HTTP 400"),
        (Reply(304), "HTTP 304 is no answer to a poll"),
        (Reply(302), "HTTP 302 without a Location"),
        (failure(FailureKind.CONNECTION, "connection refused"), "connection refused"),
        (failure(FailureKind.CONNECTION, "ReadError"), "the connection failed: ReadError"),
        (failure(FailureKind.TIMEOUT, "ReadTimeout"), "no complete answer came in time"),
        (failure(FailureKind.CERTIFICATE, "certificate expired"), "certificate expired"),
        (failure(FailureKind.UNDECODABLE), "the answer could not be decoded"),
    ],
)
def test_rule_55_each_failed_poll_has_a_short_reason(reply: Reply | RequestFailure, reason: str) -> None:
    before, state = after(polling(), reply)
    assert last_error(state) == error_of_poll(before, state) == reason
    assert counts_of(state).in_a_row == 1


def test_failed_polls_of_all_kinds_count_in_a_row() -> None:
    _, state = after(polling(), Reply(503), Reply(404), Reply(401), PAGE)
    assert counts_of(state)[-2:] == (4, "HTTP 502 from a proxy (HTML)")


def test_a_readable_answer_ends_the_row() -> None:
    before, state = after(polling(), Reply(503), RUNNING)
    assert (counts_of(state).in_a_row, last_error(state), error_of_poll(before, state)) == (0, None, None)


def test_a_redirect_is_no_failure_and_no_end_of_the_row() -> None:
    before, state = after(polling(), Reply(503), Reply(307, b"", {"location": f"{HOST}/elsewhere"}))
    assert (counts_of(state).in_a_row, error_of_poll(before, state)) == (1, None)


def test_a_missing_status_that_the_resource_does_not_explain_is_a_failure() -> None:
    before, state = after(polling("DELETE"), Reply(404))
    assert isinstance(state, Confirming)
    assert error_of_poll(before, state) is None, "the resource decides"
    before, state = after(state, Reply(200, b"{}"))
    assert error_of_poll(before, state) == (
        "the status is not found, and the resource, read in its place, answers HTTP 200"
    )


def test_the_end_of_a_confirmation_keeps_its_failures() -> None:
    _, state = after(polling("DELETE"), Reply(404), Reply(503))
    assert isinstance(state, Confirming)
    assert last_error(expire(state)) == "HTTP 503"


def test_a_refused_url_is_the_reason_though_the_answer_was_readable() -> None:
    foreign = Reply(200, b'{"status": "Running"}', {"azure-asyncoperation": EVIL})
    before, state = after(polling(), Reply(503), foreign)
    assert isinstance(state, Unknown)
    assert error_of_poll(before, state) == last_error(state) == state.detail
    assert counts_of(state).in_a_row == 0


def test_a_refused_url_is_the_failure_of_its_poll_after_a_poll_that_succeeded() -> None:
    before, state = after(polling(), Reply(200, b'{"status": "Running"}', {"azure-asyncoperation": EVIL}))
    assert isinstance(state, Unknown)
    assert error_of_poll(before, state) == state.detail


def test_a_redirect_beyond_the_deadline_is_no_failed_poll() -> None:
    """The deadline passes, and the counts of the polls before it stay."""
    redirect = Reply(307, b"", {"location": f"{HOST}/elsewhere", "retry-after": "1"})
    before, state = after(polling(deadline_s=3.0), Reply(503), Reply(503), redirect)
    assert isinstance(state, Unknown)
    assert (state.reason, last_error(state)) == (UnknownReason.TIMED_OUT, "HTTP 503")
    assert error_of_poll(before, state) is None


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([Reply(400)], "HTTP 400"),
        ([failure(FailureKind.CERTIFICATE, "certificate expired")], "certificate expired"),
        (
            [failure(FailureKind.TOO_LARGE, "9 MiB")._replace(head=Reply(200).to(MONITOR, 0.0))],
            "the answer was larger than allowed: 9 MiB",
        ),
        ([failure(FailureKind.AUTH, "CredentialError")] * 3, "the client's auth raised an error: CredentialError"),
    ],
)
def test_rule_55_a_result_that_is_given_up_has_the_reason_of_its_last_request(
    replies: list[Reply | RequestFailure], reason: str
) -> None:
    """Without the text that the operation itself succeeded."""
    _, fetching = after(polling("PUT"), SUCCEEDED)
    assert isinstance(fetching, Fetching)
    _, state = after(fetching, *replies)
    assert isinstance(state, Unknown)
    assert last_error(state) == reason


def test_rule_55_a_deleted_resource_that_is_still_visible_is_the_reason() -> None:
    deletion = polling("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI)
    _, fetching = after(deletion, SUCCEEDED)
    assert isinstance(fetching, Fetching)
    assert last_error(after(fetching, Reply(200, b"{}"))[1]) == "the resource is still visible after its deletion"


def test_the_deadline_of_an_operation_that_was_read_is_no_failure() -> None:
    assert last_error(expire(polling())) is None
    assert expire(polling()).detail == "the deadline passed while it ran"


def test_an_end_that_the_service_reported_has_no_failures() -> None:
    end = advance(after(polling(), Reply(503))[1], Reply(200, b'{"status": "Succeeded"}').to(MONITOR, 9.0))  # type: ignore[arg-type]  # - pending
    assert isinstance(end, Succeeded)
    assert (counts_of(end).in_a_row, last_error(end)) == (0, None)


@pytest.mark.parametrize("kind", FailureKind)
def test_a_request_may_have_arrived_unless_it_was_never_sent(kind: FailureKind) -> None:
    unsent = kind in {FailureKind.CERTIFICATE, FailureKind.UNSENDABLE}
    assert failure(kind).may_have_arrived is not unsent
    assert not failure(kind)._replace(was_sent=False).may_have_arrived
