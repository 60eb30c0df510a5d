"""A poll is sent by the shortest way that makes no observable difference."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll.testing import FakeARM, Reply
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.deletion_service import RUNNING, THING, polled, polls_of, service
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

pytestmark = pytest.mark.anyio


@EACH_LIBRARY
async def test_t9_a_poll_leaves_no_line_in_the_log_of_the_library(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """It would quote the polling URL, whose query may hold a signature."""
    arm = service(RUNNING)
    with caplog.at_level(logging.DEBUG):
        await polled(client_of(arm, library))
    told = [record.getMessage() for record in caplog.records if record.name.startswith(library)]
    assert [line for line in told if "DELETE" in line], "the client logs the initial request"
    assert not [line for line in told if "GET" in line]


@EACH_LIBRARY
async def test_event_hooks_receive_each_poll(library: Library) -> None:
    heard: list[tuple[str, str]] = []

    async def sent(request: Any) -> None:
        heard.append(("request", request.method))

    async def outcome(response: Any) -> None:
        heard.append(("response", response.request.method))

    await polled(client_of(service(RUNNING), library, event_hooks={"request": [sent], "response": [outcome]}))
    one = [("request", "GET"), ("response", "GET")]
    assert heard == [("request", "DELETE"), ("response", "DELETE"), *one, *one]


@EACH_LIBRARY
async def test_an_event_hook_added_while_an_operation_runs_receives_the_next_poll(library: Library) -> None:
    heard: list[str] = []

    async def sent(request: Any) -> None:
        heard.append(request.method)

    async with client_of(service(RUNNING), library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        client.event_hooks = {"request": [sent]}
        await operation
    assert heard == ["GET", "GET"]


@EACH_LIBRARY
async def test_a_client_with_a_send_of_its_own_sends_each_poll(library: Library) -> None:
    sent: list[str] = []
    base: Any = import_module(library).AsyncClient

    class Client(base):  # type: ignore[misc]  # - the library is a parameter
        async def send(self, request: Any, **options: Any) -> Any:
            sent.append(request.method)
            answer: object = await base.send(self, request, **options)
            return answer

    await polled(Client(transport=service(RUNNING).transport(library), base_url=ORIGIN))
    assert sent == ["DELETE", "GET", "GET"]


@EACH_LIBRARY
@pytest.mark.parametrize("step", ["send", "_send_single_request"])
async def test_an_instrumented_client_sends_each_poll(step: str, library: Library) -> None:
    """Tracers replace a method of the client."""
    sent: list[str] = []
    client = client_of(service(RUNNING), library)
    own: Callable[..., Awaitable[Any]] = getattr(client, step)

    async def traced(request: Any, **options: Any) -> Any:
        sent.append(request.method)
        return await own(request, **options)

    setattr(client, step, traced)
    await polled(client)
    assert sent == ["DELETE", "GET", "GET"]


@EACH_LIBRARY
async def test_the_transport_mounted_for_an_origin_is_used(library: Library) -> None:
    arm, unused = service(RUNNING), FakeARM()
    await polled(client_of(unused, library, mounts={ORIGIN: arm.transport(library)}))
    assert len(polls_of(arm)) == 2
    assert not unused.requests


@EACH_LIBRARY
async def test_an_auth_that_sends_two_requests_receives_both_responses(library: Library) -> None:
    """The response to the first request is read to its end, so that its connection can be used again."""
    base: Any = import_module(library).Auth
    seen: list[int] = []

    class Challenged(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            response = yield request
            seen.append(response.status_code)
            if response.status_code == 407:
                request.headers["x-proof"] = "yes"
                response = yield request
                seen.append(response.status_code)

    refusal = Reply(407, "x" * 10_000, headers={"Set-Cookie": "nonce=1; Path=/"})
    arm = service(refusal, RUNNING)
    client = client_of(arm, library, auth=Challenged())
    await polled(client)
    assert seen == [202, 407, 200, 200]
    first, second, _ = polls_of(arm)
    assert (first.headers.get("x-proof"), second.headers.get("x-proof")) == (None, "yes")
    assert not client.cookies, "the answers to a poll belong to its operation (rule 52)"


@EACH_LIBRARY
async def test_the_response_that_an_auth_has_read_itself_is_released(library: Library) -> None:
    """A body of exactly the limit can be read."""
    base: Any = import_module(library).Auth

    class Reading(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            response = yield request
            if response.status_code == 407:
                await response.aread()
                yield request

    arm = service(Reply(407, "x" * 2**23), RUNNING)
    await polled(client_of(arm, library, auth=Reading()))
    arm.one_request_at_a_time()
    refused, repeated, _ = polls_of(arm)
    assert repeated.at_s - refused.at_s < 1, "the auth sent the request again within the same poll"


@EACH_LIBRARY
async def test_a_large_response_that_an_auth_rejects_is_a_failed_poll(library: Library) -> None:
    base: Any = import_module(library).Auth

    class Challenged(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            response = yield request
            if response.status_code == 407:
                yield request

    arm = service(Reply(407, "x" * (2**23 + 1)))
    await polled(client_of(arm, library, auth=Challenged()))
    first, second = polls_of(arm)
    assert second.at_s - first.at_s >= 1, "the poll failed, and the next one is sent at its due time"


@EACH_LIBRARY
async def test_the_connection_is_released_when_an_auth_raises(library: Library) -> None:
    base: Any = import_module(library).Auth

    class Broken(base):  # type: ignore[misc]  # - the library is a parameter
        fails = 1

        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            yield request
            if request.method == "GET" and self.fails:
                self.fails -= 1
                raise ValueError

    arm = service(RUNNING)
    await polled(client_of(arm, library, auth=Broken()))
    arm.one_request_at_a_time()
    assert len(polls_of(arm)) == 2, "the auth discarded one answer, and the next one ended the operation"
