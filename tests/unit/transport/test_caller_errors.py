"""Each failure names the raiser: the client's auth, an event hook or the transport (rules 26, 51)."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.testing import Cut, Drop, FakeARM, Reply, Script, status_monitor
from azpoll.transport.client import ClientTransport
from tests.support.canary import CANARY
from tests.support.clients import Library, client_of
from tests.support.marks import ASYNCIO, EACH_LIBRARY
from tests.support.operations import THING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx

pytestmark = pytest.mark.anyio

POLL = "https://management.azure.com/poll"
TOKEN = "https://login.example/token"


async def failed(client: httpx.AsyncClient, *, replaced: bool = False) -> RequestFailure:
    """Return the failure of one poll; a client whose `send` is replaced sends by itself."""
    if replaced:
        replace_send(client)
    async with client:
        outcome = await ClientTransport(client).poll("GET", POLL)
    assert isinstance(outcome, RequestFailure)
    return outcome


def replace_send(client: httpx.AsyncClient) -> None:
    """Replace the `send` of a client, as an instrument does."""
    own: Any = client.send

    async def send(request: Any, **options: Any) -> Any:
        return await own(request, **options)

    setattr(client, "send", send)  # noqa: B010 - mypy refuses an assignment to a method


def auth_of(library: Library, error: Exception, *, after_answer: bool = False) -> Any:
    base: Any = import_module(library).Auth

    class Failing(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            if after_answer:
                yield request
            raise error

    return Failing()


EACH_WAY = pytest.mark.parametrize("replaced", [False, True], ids=["in steps", "client.send"])


@EACH_LIBRARY
@EACH_WAY
@pytest.mark.parametrize("after_answer", [False, True], ids=["before", "after"])
async def test_rule_26_an_error_of_the_auth_is_chained(library: Library, *, after_answer: bool, replaced: bool) -> None:
    """Its text is not shown: it may quote a credential."""
    error = ValueError(CANARY)
    auth = auth_of(library, error, after_answer=after_answer)
    failure = await failed(client_of(FakeARM(), library, auth=auth), replaced=replaced)
    assert (failure.kind, failure.cause) == (FailureKind.AUTH, error)
    assert failure.may_have_arrived is after_answer
    assert failure.detail.startswith("ValueError in async_auth_flow, test_caller_errors.py:")


@EACH_LIBRARY
async def test_rule_26_an_unreachable_token_service_is_an_error_of_the_auth(library: Library) -> None:
    """The auth's own client has the errors of the same library."""
    error = import_module(library).ConnectError("refused")
    failure = await failed(client_of(FakeARM(), library, auth=auth_of(library, error)))
    assert (failure.kind, failure.cause) == (FailureKind.AUTH, error)


@EACH_LIBRARY
@EACH_WAY
async def test_rule_26_so_is_a_failed_request_that_the_auth_hands_to_the_client(
    library: Library, *, replaced: bool
) -> None:
    made: Any = import_module(library)

    class Fetching(made.Auth):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            yield made.Request("POST", TOKEN)
            yield request

    gone = FakeARM()
    gone.operation("POST", "/token", initial=Drop())
    mounts = {"https://login.example": gone.transport(library)}
    failure = await failed(client_of(FakeARM(), library, auth=Fetching(), mounts=mounts), replaced=replaced)
    assert failure.kind is FailureKind.AUTH
    assert isinstance(failure.cause, made.TransportError)


@EACH_LIBRARY
@EACH_WAY
@pytest.mark.parametrize("event", ["request", "response"])
async def test_rule_51_an_error_of_an_event_hook_is_chained(library: Library, event: str, *, replaced: bool) -> None:
    """Also one of the library's own classes."""
    error = import_module(library).ConnectError(CANARY)

    async def fail(_: Any) -> None:
        raise error

    failure = await failed(client_of(FakeARM(), library, event_hooks={event: [fail]}), replaced=replaced)
    assert (failure.kind, failure.cause) == (FailureKind.HOOK, error)
    assert failure.may_have_arrived is (event == "response")
    assert failure.detail.startswith("ConnectError in fail, test_caller_errors.py:")


@EACH_LIBRARY
@EACH_WAY
async def test_rule_51_so_is_one_with_a_response_that_has_no_request(library: Library, *, replaced: bool) -> None:
    """The caller made that response; the library raises an error if it is asked for its request."""
    made: Any = import_module(library)
    error: Any = ValueError("why")
    error.response = made.Response(409)

    async def fail(_: Any) -> None:
        raise error

    failure = await failed(client_of(FakeARM(), library, event_hooks={"response": [fail]}), replaced=replaced)
    assert (failure.kind, failure.cause) == (FailureKind.HOOK, error)


@EACH_LIBRARY
@pytest.mark.parametrize("event", ["request", "response"])
async def test_rule_53_an_error_of_a_hook_says_whether_the_request_was_sent(library: Library, event: str) -> None:
    """The service may have accepted it; the resource then tells."""

    async def fail(_: Any) -> None:
        raise ValueError

    arm, sent = FakeARM(), event == "response"
    arm.operation("PUT", duration_s=0)
    client = client_of(arm, library, event_hooks={event: [fail]})
    async with client, azpoll.Tracker(client) as tracker:
        text = "may have executed it" if sent else "Nothing was sent"
        with pytest.raises(azpoll.InitialRequestFailed, match=text) as caught:
            await tracker.begin("PUT", THING)
    assert (caught.value.may_have_acted, caught.value.resume_token is not None) == (sent, sent)


@EACH_LIBRARY
@EACH_WAY
@ASYNCIO
async def test_a_task_that_a_hook_awaits_and_that_was_cancelled_cancels_no_begin(
    library: Library, *, replaced: bool
) -> None:
    """Under asyncio its `CancelledError` looks like a cancellation of the caller."""

    async def fail(_: Any) -> None:
        raise asyncio.CancelledError

    client = client_of(FakeARM(), library, event_hooks={"request": [fail]})
    if replaced:
        replace_send(client)
    async with client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="an event hook of the client raised an error"):
            await tracker.begin("PUT", THING)


@EACH_LIBRARY
@EACH_WAY
async def test_an_error_of_the_transport_is_blamed_on_nobody_else(library: Library, *, replaced: bool) -> None:
    """A closed event loop, or a defect in a transport of the caller."""
    base: Any = import_module(library)

    class Broken(base.AsyncBaseTransport):  # type: ignore[misc]  # - the library is a parameter
        async def handle_async_request(self, _: Any) -> Any:
            raise RuntimeError("Event loop is closed")

    async def look(_: Any) -> None:
        """Do nothing."""

    auth = base.BasicAuth("name", "word")
    client = client_of(FakeARM(), library, transport=Broken(), auth=auth, event_hooks={"request": [look]})
    failure = await failed(client, replaced=replaced)
    assert (failure.kind, failure.cause) == (FailureKind.TRANSPORT, None)
    assert failure.detail.startswith("RuntimeError in handle_async_request, test_caller_errors.py:")


@EACH_LIBRARY
async def test_rule_26_the_user_sees_the_error_of_the_auth(library: Library) -> None:
    """After three attempts, or 60 s."""
    base: Any = import_module(library).Auth
    error = OSError("no credential")

    class Failing(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            if request.method == "GET":
                raise error
            yield request

    arm = FakeARM(default=Script(duration_s=5))
    async with client_of(arm, library, auth=Failing()) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        with pytest.raises(azpoll.AuthenticationFailed, match="the client's auth raised an error") as caught:
            await operation
    assert caught.value.__cause__ is error
    assert caught.value.resume_token


@EACH_LIBRARY
async def test_rule_26_a_failed_auth_of_an_initial_request_is_chained(library: Library) -> None:
    error = OSError(CANARY)
    client = client_of(FakeARM(), library, auth=auth_of(library, error))
    async with client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="the client's auth raised an error") as caught:
            await tracker.begin("PUT", THING)
    assert caught.value.__cause__ is error
    assert not caught.value.may_have_acted
    assert CANARY not in str(caught.value)


@EACH_LIBRARY
async def test_the_cut_answer_that_an_auth_needs_is_no_error_of_the_auth(library: Library) -> None:
    """Httpx reads the body for such an auth within the auth flow."""
    base: Any = import_module(library).Auth

    class Reading(base):  # type: ignore[misc]  # - the library is a parameter
        requires_response_body = True

        def auth_flow(self, request: Any) -> Any:
            responses: list[Any] = [(yield request)]
            response = responses[0]
            assert response.content or response.status_code == 202

    arm = FakeARM()
    arm.operation("DELETE", polls=[Cut(5, Reply(200, {"status": "Succeeded"})), status_monitor("Succeeded")])
    async with client_of(arm, library, auth=Reading()) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.track(await client.delete(THING))
        assert (await operation).status_code == 200
