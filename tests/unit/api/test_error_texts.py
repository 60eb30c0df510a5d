"""No error text is untrue: each says whether the status was read, and whether a request was sent (rules 7, 24)."""

from __future__ import annotations

import httpx
import pytest

import azpoll
from azpoll.errors import error_of
from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.delay import IMMEDIATELY
from azpoll.protocol.machine import start
from azpoll.protocol.patterns import OPERATION_LOCATION
from azpoll.protocol.states import Fetching, NextRequest, Polling, State, Unknown, UnknownReason
from azpoll.testing import Drop, FakeARM, Reply
from azpoll.tracking.unanswered import unanswered
from azpoll.transport.transport import InitialRequest
from tests.support.breaking_transport import Breaking
from tests.support.clients import client_of
from tests.support.operations import THING
from tests.support.protocol_rows import Reply as Row
from tests.support.protocol_rows import plan, url

PLAN = plan("POST")
POLLING = Polling(PLAN, OPERATION_LOCATION, url("/op"), NextRequest(url("/op"), IMMEDIATELY))
FETCHING = Fetching(PLAN, url("/rg"), NextRequest(url("/rg"), IMMEDIATELY))
READ, UNREAD, NOT_FOLLOWED = "operation x did not", "the status of operation x could not be read", "cannot be followed"


@pytest.mark.parametrize(
    ("reason", "begins"),
    [
        (UnknownReason.EXHAUSTED, UNREAD),
        (UnknownReason.UNREACHABLE, UNREAD),
        (UnknownReason.MALFORMED, UNREAD),
        (UnknownReason.UNAUTHENTICATED, UNREAD),
        (UnknownReason.FORBIDDEN, UNREAD),
        (UnknownReason.NOT_FOUND, UNREAD),
        (UnknownReason.REFUSED, UNREAD),
        (UnknownReason.UNTRUSTED, f"operation x {NOT_FOLLOWED}"),
        (UnknownReason.TIMED_OUT, f"{READ} end in time"),
    ],
)
def test_rule_24_a_text_says_unread_only_where_the_status_was_not_read(reason: UnknownReason, begins: str) -> None:
    error = error_of(Unknown(reason, "because", POLLING), "operation x", "token", None)
    assert str(error).startswith(f"{begins}: because. It may still run. ")
    assert str(error).endswith("with the resume_token of this error")
    assert "renewed" not in str(error)


def test_a_deadline_after_failed_polls_says_that_the_status_was_not_read() -> None:
    failing = POLLING._replace(failure_counts=POLLING.failure_counts._replace(in_a_row=1, reason="HTTP 503"))
    error = error_of(Unknown(UnknownReason.TIMED_OUT, "because", failing), "operation x", "token", None)
    assert str(error).startswith(UNREAD)


@pytest.mark.parametrize("reason", [each for each in UnknownReason if each is not UnknownReason.NOT_STARTED])
def test_the_text_about_an_unread_result_says_nothing_about_the_status(reason: UnknownReason) -> None:
    error = error_of(Unknown(reason, "the operation succeeded", FETCHING), "operation x", "token", None)
    assert str(error).startswith("operation x: the operation succeeded. ")
    assert "may still run" not in str(error)


def test_an_operation_without_a_polling_url_cannot_be_followed() -> None:
    error = error_of(Unknown(UnknownReason.MALFORMED, "nowhere to poll", None), "operation x", None, None)
    assert str(error) == f"operation x {NOT_FOLLOWED}: nowhere to poll. It may still run"


@pytest.mark.parametrize(
    ("status", "acted"),
    [(302, False), (400, False), (401, False), (404, False), (409, False), (429, False), (408, True), (500, True)],
)
def test_rule_7_a_refused_initial_request_says_whether_it_may_have_been_executed(status: int, *, acted: bool) -> None:
    state: State = start(plan("PUT"), Row(status).to(url("/rg"), 0.0))
    assert isinstance(state, Unknown)
    error = error_of(state, "PUT https://x/", None, None)
    assert isinstance(error, azpoll.InitialRequestFailed)
    assert error.may_have_acted is acted
    assert f"was answered with HTTP {status}" in str(error)
    assert ("may have executed it" if acted else "did not execute it") in str(error)


@pytest.mark.parametrize(
    ("status", "correction"),
    [
        (307, "Correct its URL, which the service redirects,"),
        (400, "Correct the request"),
        (401, "Give the client a valid credential"),
        (403, "Grant this identity"),
        (429, "Wait"),
    ],
)
def test_rule_7_a_refused_initial_request_says_what_to_correct(status: int, correction: str) -> None:
    state: State = start(plan("PUT"), Row(status).to(url("/rg"), 0.0))
    assert isinstance(state, Unknown)
    text = str(error_of(state, "PUT https://x/", None, None))
    assert f"did not execute it. {correction}" in text
    assert text.endswith("and send it again")


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("was_sent", [True, False])
def test_rule_7_a_request_without_an_answer_says_whether_it_was_sent(kind: FailureKind, *, was_sent: bool) -> None:
    failure = RequestFailure(kind, "why", 0.0, was_sent=was_sent)
    request, acted = InitialRequest("PUT", "https://x/?sig=1"), failure.may_have_arrived
    error = unanswered(request, failure, None, may_have_acted=acted)
    assert error.may_have_acted is failure.may_have_arrived
    assert ("may have executed it" in str(error)) is failure.may_have_arrived
    assert ("Nothing was sent" in str(error)) is not failure.may_have_arrived


@pytest.mark.parametrize(
    ("status_code", "acted", "advice"),
    [
        (200, True, "may have executed it"),
        (400, False, "did not execute it. Correct the request"),
        (401, False, "did not execute it. Give the client a valid credential"),
        (429, False, "did not execute it. Wait and send it again"),
        (503, True, "may have executed it"),
    ],
)
def test_rule_7_an_answer_that_could_not_be_read_was_an_answer(status_code: int, advice: str, *, acted: bool) -> None:
    """It was too large, for example. The text must not say that nothing was sent."""
    head = Row(status_code, headers={"x-ms-error-code": "Odd"}).to(url("/rg"), 0.0, "PUT")
    failure = RequestFailure(FailureKind.CONNECTION, "cut", 0.0, head=head)
    error = unanswered(InitialRequest("PUT", "https://x/"), failure, None, may_have_acted=acted)
    assert f"was answered with HTTP {status_code}, but the answer could not be read" in str(error)
    assert advice in str(error)
    assert "Nothing was sent" not in str(error)
    assert (error.status_code, error.code) == (status_code, "Odd")
    assert (error.may_have_acted, error.is_local) == (acted, False)


def test_rule_53_the_token_of_an_unanswered_request_is_explained() -> None:
    """Also after a repetition that was refused: an earlier attempt may have been executed."""
    failure = RequestFailure(FailureKind.CONNECTION, "why", 0.0)
    error = unanswered(InitialRequest("PUT", "https://x/"), failure, "token", may_have_acted=True)
    assert error.resume_token == "token"
    assert str(error).endswith("The resume_token of this error polls it")
    refused = start(plan("PUT", sent_s=0.0), Row(400).to(url("/rg"), 0.0), repeated=True)
    assert isinstance(refused, Unknown)
    repeated = error_of(refused, "PUT https://x/", "token", None, may_have_acted=True)
    assert isinstance(repeated, azpoll.InitialRequestFailed)
    assert repeated.may_have_acted
    assert str(repeated).endswith("The resume_token of this error polls it")


def refusing(arm: FakeARM) -> Breaking:
    """Return a transport that finds no connection for POSTs."""
    return Breaking(arm, "httpx", httpx.ConnectError("refused"), "POST")


@pytest.mark.anyio
async def test_a_cancel_request_that_was_not_sent_says_so() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=50)
    async with (
        client_of(arm, transport=refusing(arm)) as client,
        azpoll.Tracker(client, on_exit="stop") as tracker,
    ):
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        with pytest.raises(azpoll.CancelFailed, match="was not asked to cancel"):
            await operation.cancel()


@pytest.mark.anyio
async def test_an_initial_request_that_found_no_connection_was_not_sent() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial=Drop())
    arm.operation("PUT", initial=Reply(500))
    async with client_of(arm, transport=refusing(arm)) as client, azpoll.Tracker(client) as tracker:
        for _ in range(2):
            with pytest.raises(azpoll.InitialRequestFailed, match="may have executed it") as caught:
                await tracker.begin("PUT", THING, idempotent=False)
            assert caught.value.may_have_acted
        with pytest.raises(azpoll.InitialRequestFailed, match="Nothing was sent") as caught:
            await tracker.begin("POST", THING)
        assert not caught.value.may_have_acted
