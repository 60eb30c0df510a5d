"""A transport with `get_directly` sends polls without request and response objects where no code receives them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Reply, Script
from azpoll.transport.raw_response import raw_response
from tests.support.clients import ORIGIN, ClientOptions, Library, client_of, new_client
from tests.support.deletion_service import RUNNING, THING, polled, polls_of, service
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import delete

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

pytestmark = pytest.mark.anyio

DIRECT, WHOLE = "direct", "whole"


def twofold(arm: FakeARM, library: Library, ways: list[str]) -> Any:
    """Return a transport of both kinds that records the way in which each GET was sent."""
    made, inner = import_module(library), arm.transport(library)
    base: Any = made.AsyncBaseTransport

    class Twofold(base):  # type: ignore[misc]  # - the library is a parameter
        async def handle_async_request(self, request: Any) -> Any:
            if request.method == "GET":
                ways.append(WHOLE)
            return await inner.handle_async_request(request)

        async def get_directly(
            self,
            url: str,
            headers: Sequence[tuple[str, str]],
            own: Sequence[tuple[str, str]],
            timeouts: Mapping[str, float | None],
        ) -> Any:
            ways.append(DIRECT)
            request = made.Request("GET", url, headers=[*headers, *own], extensions={"timeout": timeouts})
            return raw_response(await inner.handle_async_request(request))

    return Twofold()


async def ways_of(arm: FakeARM, library: Library, **options: Unpack[ClientOptions]) -> list[str]:
    """Poll one operation of a client to its end."""
    ways: list[str] = []
    transport = twofold(arm, library, ways)
    client = client_of(arm, library, **{"transport": transport, **options})
    await polled(client)
    return ways


@EACH_LIBRARY
async def test_a_direct_poll_has_the_headers_that_the_client_would_send(library: Library) -> None:
    arm = service(RUNNING)
    headers = {"Authorization": "Bearer canary", "X-Team": "blue"}
    assert await ways_of(arm, library, headers=headers, timeout=7.0) == [DIRECT, DIRECT]
    initial, *polls = arm.requests
    assert len(polls) == 2
    for poll in polls:
        for name in ("authorization", "x-team", "user-agent", "accept", "x-ms-client-request-id", "host"):
            assert poll.headers[name] == initial.headers[name]
        assert poll.headers["accept-encoding"] == "identity"


@EACH_LIBRARY
async def test_an_auth_receives_requests_and_responses(library: Library) -> None:
    base: Any = import_module(library).Auth

    class Signed(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            request.headers["x-proof"] = "yes"
            yield request

    arm = service(RUNNING)
    assert await ways_of(arm, library, auth=Signed()) == [WHOLE, WHOLE]
    assert all(request.headers["x-proof"] == "yes" for request in arm.requests)


@EACH_LIBRARY
async def test_event_hooks_receive_requests_and_responses(library: Library) -> None:
    async def hook(_: object) -> None: ...

    assert await ways_of(service(RUNNING), library, event_hooks={"response": [hook]}) == [WHOLE, WHOLE]


@EACH_LIBRARY
async def test_a_cookie_is_stored_and_sent_from_then_on(library: Library) -> None:
    """A cookie depends on the URL, and only the client knows the rules."""
    arm = service(Reply(200, {"status": "Running"}, headers={"Set-Cookie": "affinity=7; Path=/"}), RUNNING)
    assert await ways_of(arm, library) == [DIRECT, WHOLE, WHOLE]
    sent = [request.headers.get("cookie") for request in polls_of(arm)]
    assert sent == [None, "affinity=7", "affinity=7"]


@EACH_LIBRARY
async def test_the_transport_mounted_for_an_origin_is_called_directly(library: Library) -> None:
    ways: list[str] = []
    arm, unused = service(RUNNING), FakeARM()
    mounts = {ORIGIN: twofold(arm, library, ways)}
    assert await ways_of(unused, library, mounts=mounts) == []
    assert ways == [DIRECT, DIRECT]
    assert not unused.requests


@EACH_LIBRARY
async def test_a_header_changed_while_an_operation_runs_is_sent_with_the_next_poll(library: Library) -> None:
    """A program that renews its token itself does this."""
    arm = service(RUNNING)
    ways: list[str] = []
    transport = twofold(arm, library, ways)
    client = new_client(library, transport=transport, base_url=ORIGIN, headers={"X-Token": "old"})

    def renew(event: azpoll.Event) -> None:
        if isinstance(event, azpoll.PollAnswered):
            client.headers["X-Token"] = "new"

    async with client, azpoll.Tracker(client) as tracker:
        tracker.subscribe(renew)
        await (await tracker.begin("DELETE", THING))
    assert ways == [DIRECT, DIRECT]
    assert [request.headers["x-token"] for request in arm.requests] == ["old", "old", "new"]


@pytest.mark.parametrize(("told", "given", "expected"), [((5, 5), None, 5), ((2, 6), None, 6), ((5, 9), 3, 3)])
@EACH_LIBRARY
async def test_a_transport_declares_its_concurrency(
    library: Library, told: tuple[int, int], given: int | None, expected: int
) -> None:
    """`max_in_flight` of the caller takes precedence."""
    arm = FakeARM(default=Script(duration_s=5, retry_after=5), latency_s=0.4, limits=None)
    transport: Any = arm.transport(library)
    transport.concurrency = told
    flying = most = 0

    async def left(request: Any) -> None:
        nonlocal flying, most
        flying += request.method == "GET"
        most = max(most, flying)

    async def back(response: Any) -> None:
        nonlocal flying
        flying -= response.request.method == "GET"

    hooks = {"request": [left], "response": [back]}
    client = new_client(library, transport=transport, base_url=ORIGIN, event_hooks=hooks)
    tracker = azpoll.Tracker(client, max_in_flight=given, budget=None)
    async with client, tracker, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(delete, tracker, f"{THING}{number}")
    assert most == expected
