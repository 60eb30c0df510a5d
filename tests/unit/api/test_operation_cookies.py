"""A cookie that an answer sets goes with the later requests of its own operation, and with no other (rule 52)."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll import fast
from azpoll.testing import Cut, Reply
from tests.support.clients import ORIGIN, Library, client_of, new_client
from tests.support.deletion_service import RUNNING, THING, polls_of, service
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from azpoll.hints import HintBoard

pytestmark = pytest.mark.anyio

OTHER = "https://eu.management.azure.com"
BROKEN = "region=M\xfcnchen; Path=/; Domain=azure.com".encode("latin-1")


async def _hook(_: object) -> None: ...


def _plain(client: Any) -> None:
    """Send polls to the transport itself."""


def _hooked(client: Any) -> None:
    client.event_hooks = {"request": [_hook], "response": [_hook]}


def _signed(client: Any) -> None:
    client.auth = ("user", "password")


def _instrumented(client: Any) -> None:
    own = client.send

    async def send(request: Any, **options: Any) -> Any:
        return await own(request, **options)

    client.send = send


def _with_a_jar_of_its_own(client: Any) -> None:
    _instrumented(client)
    client.cookies = {"mine": "1"}


WAYS = (_plain, _hooked, _signed, _instrumented, _with_a_jar_of_its_own)
EACH_WAY = pytest.mark.parametrize("way", WAYS)


class Service:
    """A service whose operation `/hostile` sets cookies with each answer, while `/innocent` sets none."""

    def __init__(self, library: Library, *cookies: bytes) -> None:
        self.library = import_module(library)
        self.cookies = cookies
        self.received: list[tuple[str, str | None]] = []
        self.answers = 0

    def __call__(self, request: Any) -> Any:
        self.answers += 1
        path = request.url.path
        self.received.append((path, request.headers.get("cookie")))
        headers: list[tuple[bytes, bytes]] = []
        if path.startswith("/hostile"):
            headers = [(b"Set-Cookie", cookie.replace(b"{n}", b"%d" % self.answers)) for cookie in self.cookies]
        if request.method in {"PUT", "DELETE"}:
            headers.append((b"Location", f"{path}/poll".encode()))
            return self.library.Response(202, headers=headers)
        polls = sum(seen == path for seen, _ in self.received)
        return self.library.Response(202 if polls < 4 else 200, headers=headers, json={})

    def cookies_at(self, path: str) -> list[str | None]:
        return [cookie for seen, cookie in self.received if seen.startswith(path)]


async def play(service: Service, library: Library, way: Callable[[Any], None], **options: Any) -> Any:
    """Run both operations to their ends, then an innocent third; return the client."""
    client = new_client(library, transport=service.library.MockTransport(service), base_url=ORIGIN, **options)
    way(client)
    async with client, azpoll.Tracker(client, min_interval=0, interval=0) as tracker:
        first = [await tracker.begin("DELETE", "/hostile"), await tracker.begin("DELETE", "/innocent")]
        for operation in first:
            await operation
        await (await tracker.begin("DELETE", "/innocent2"))
    return client


@EACH_LIBRARY
@EACH_WAY
async def test_rule_52_no_other_operation_carries_a_cookie_of_a_poll(
    library: Library, way: Callable[[Any], None]
) -> None:
    service = Service(library, b"affinity=7; Path=/", b"wide=1; Path=/; Domain=azure.com", BROKEN)
    client = await play(service, library, way, cookies={"mine": "1"})
    assert set(service.cookies_at("/innocent")) == {"mine=1"}
    initial, *polls = service.cookies_at("/hostile")
    assert initial == "mine=1"
    assert set(polls) == {"mine=1; affinity=7; wide=1"}
    assert dict(client.cookies) == {"mine": "1"}


@EACH_LIBRARY
@EACH_WAY
async def test_rule_52_cookies_of_many_answers_do_not_accumulate(library: Library, way: Callable[[Any], None]) -> None:
    service = Service(library, *(b"c%d-{n}=" % number + b"x" * 4000 + b"; Path=/" for number in range(3)))
    client = await play(service, library, way)
    assert set(service.cookies_at("/innocent")) <= {None, "mine=1"}
    assert 4000 < max(len(cookie or "") for cookie in service.cookies_at("/hostile")) <= 16 * 1024
    assert dict(client.cookies) in ({}, {"mine": "1"})


@EACH_LIBRARY
async def test_a_client_of_a_derived_class_keeps_its_jar(library: Library) -> None:
    base: Any = import_module(library).AsyncClient

    class Client(base):  # type: ignore[misc]  # - the library is a parameter
        async def send(self, request: Any, **options: Any) -> Any:
            return await base.send(self, request, **options)

    service = Service(library, b"affinity=7; Path=/", BROKEN)
    transport = service.library.MockTransport(service)
    client: Any = Client(transport=transport, base_url=ORIGIN)
    async with client:
        tracker: azpoll.Tracker[Any] = azpoll.Tracker(client, min_interval=0, interval=0)
        async with tracker:
            await (await tracker.begin("DELETE", "/hostile"))
        assert not client.cookies
        await client.get("/hostile/direct")
        assert client.cookies["affinity"] == "7", "a request of the program's own is stored as before"


@EACH_LIBRARY
async def test_rule_52_a_request_for_a_token_keeps_its_cookies(library: Library) -> None:
    """An auth may log in, and what it receives is no answer to a poll."""
    module = import_module(library)
    base: Any = module.Auth

    class Login(base):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> Any:
            yield module.Request("GET", f"{ORIGIN}/hostile/login")
            yield request

    service = Service(library, b"session={n}; Path=/")

    def way(client: Any) -> None:
        client.auth = Login()

    client = await play(service, library, way)
    assert client.cookies["session"].isdecimal()


class Scripted:
    """A service that gives one answer after the other, and records method, URL and cookie of each request."""

    def __init__(self, library: Library, *answers: tuple[int, dict[str, str], object]) -> None:
        self.library = import_module(library)
        self.answers = list(answers)
        self.received: list[tuple[str, str, str | None]] = []

    def __call__(self, request: Any) -> Any:
        self.received.append((request.method, str(request.url), request.headers.get("cookie")))
        status, headers, body = self.answers.pop(0)
        return self.library.Response(status, headers=headers, json=body)

    @property
    def cookies(self) -> list[str | None]:
        return [cookie for _, _, cookie in self.received]


SET = {"Set-Cookie": "affinity=7; Path=/"}
STARTED = (202, {"Location": "/poll"}, None)
ENDED: tuple[int, dict[str, str], object] = (200, {}, {})


@asynccontextmanager
async def tracking(service: Scripted, library: Library, **options: Any) -> AsyncGenerator[azpoll.Tracker[Any]]:
    """Open a tracker of a client with a cookie of its own, which must have no other at the end."""
    transport = service.library.MockTransport(service)
    async with new_client(library, transport=transport, base_url=ORIGIN, cookies={"mine": "1"}) as client:
        async with azpoll.Tracker(client, interval=0, min_interval=0, **options) as tracker:
            yield tracker
        assert dict(client.cookies) == {"mine": "1"}


@EACH_LIBRARY
async def test_rule_52_a_repeated_initial_request_carries_the_cookies_of_its_answer(library: Library) -> None:
    service = Scripted(library, (503, {**SET, "Retry-After": "0"}, None), STARTED, ENDED)
    async with tracking(service, library) as tracker:
        await (await tracker.begin("PUT", THING, json={}))
    assert service.cookies == ["mine=1", "mine=1; affinity=7", "mine=1; affinity=7"]


@EACH_LIBRARY
async def test_rule_52_a_tracked_response_gives_its_cookies_to_its_operation(library: Library) -> None:
    """Even if the program received it with another client."""
    service = Scripted(library, ENDED)
    async with tracking(service, library) as tracker:
        request = service.library.Request("DELETE", f"{ORIGIN}{THING}")
        await tracker.track(service.library.Response(202, headers={"Location": "/poll", **SET}, request=request))
    assert service.cookies == ["mine=1; affinity=7"]


@EACH_LIBRARY
@pytest.mark.parametrize("target", ["/moved", f"{OTHER}/moved"])
async def test_rule_52_a_redirect_to_another_host_leaves_the_cookies_behind(library: Library, target: str) -> None:
    wide = {"Set-Cookie": "affinity=7; Path=/; Domain=azure.com"}
    service = Scripted(library, STARTED, (307, {"Location": target, **wide}, None), (200, SET, {}))
    async with tracking(service, library, allowed_origins=[OTHER]) as tracker:
        await (await tracker.begin("DELETE", THING))
    assert service.cookies == ["mine=1", "mine=1", None if OTHER in target else "mine=1; affinity=7"]


@EACH_LIBRARY
async def test_rule_52_a_host_gets_no_cookie_of_a_sibling(library: Library) -> None:
    wide = {"Set-Cookie": "affinity=7; Path=/; Domain=azure.com", "Location": f"{OTHER}/poll"}
    service = Scripted(library, (202, wide, None), (202, {**SET, "Location": f"{ORIGIN}/poll"}, None), ENDED)
    async with tracking(service, library, allowed_origins=[OTHER]) as tracker:
        await (await tracker.begin("DELETE", THING))
    assert service.cookies == ["mine=1", "mine=1", "mine=1; affinity=7"]


@EACH_LIBRARY
async def test_rule_52_a_cancel_request_carries_the_cookies_and_its_answer_sets_some(library: Library) -> None:
    set_by_cancel = (202, {"Set-Cookie": "canceled=1; Path=/"}, None)
    service = Scripted(library, (202, {**STARTED[1], **SET, "Retry-After": "5"}, None), set_by_cancel, ENDED)
    async with tracking(service, library) as tracker:
        operation = await tracker.begin("DELETE", THING, cancel_url="/cancel")
        await operation.cancel()
        await operation
    assert service.received[1] == ("POST", f"{ORIGIN}/cancel", "mine=1; affinity=7")
    assert service.cookies[2] == "mine=1; affinity=7; canceled=1"


@EACH_LIBRARY
async def test_rule_52_an_anonymous_origin_neither_gets_nor_sets_cookies(library: Library) -> None:
    answers = [(202, {**SET, "Location": f"{OTHER}/poll"}, None), (202, SET, None), ENDED]
    service = Scripted(library, *answers)
    async with tracking(service, library, anonymous_origins=[OTHER]) as tracker:
        await (await tracker.begin("DELETE", THING))
    assert service.cookies == ["mine=1", None, None]


@EACH_LIBRARY
async def test_rule_52_a_source_of_hints_sets_no_cookies(library: Library) -> None:
    service = Scripted(library, (200, SET, {}), (200, SET, {}), (202, STARTED[1], None), ENDED)

    class Source:
        async def run(self, board: HintBoard) -> None:
            await board.read(f"{ORIGIN}/list")
            await board.read(f"{ORIGIN}/list")
            done.set()

    done = anyio.Event()
    async with tracking(service, library) as tracker:
        tracker.add_hints(Source())
        await done.wait()
        await (await tracker.begin("DELETE", THING))
    assert set(service.cookies) == {"mine=1"}


@EACH_LIBRARY
async def test_rule_52_a_resume_token_holds_no_cookie(library: Library) -> None:
    service = Scripted(library, (202, {**STARTED[1], **SET}, None), ENDED)
    async with tracking(service, library, on_exit="stop") as tracker:
        operation = await tracker.begin("DELETE", THING)
        token = operation.resume_token()
        operation.stop_tracking()
        await tracker.resume(token)
    assert service.cookies == ["mine=1", "mine=1"]
    assert b"affinity" not in base64.b64decode(token + "==", altchars=b"-_")


@EACH_LIBRARY
async def test_the_cookie_header_of_the_client_or_of_the_caller_stays(library: Library) -> None:
    service = Scripted(library, (202, {**STARTED[1], **SET}, None), ENDED, (202, {**STARTED[1], **SET}, None), ENDED)
    transport = service.library.MockTransport(service)
    async with (
        new_client(library, transport=transport, base_url=ORIGIN, headers={"Cookie": "mine=1; affinity=0"}) as client,
        azpoll.Tracker(client, interval=0, min_interval=0) as tracker,
    ):
        await (await tracker.begin("DELETE", THING))
        await (await tracker.begin("DELETE", THING, poll_headers={"cookie": "caller=1"}))
    assert service.cookies[1::2] == ["mine=1; affinity=7", "caller=1; affinity=7"]


@EACH_LIBRARY
async def test_a_cookie_of_the_client_that_cannot_be_encoded_is_named_at_once(library: Library) -> None:
    service = Scripted(library, STARTED)
    transport = service.library.MockTransport(service)
    async with (
        new_client(library, transport=transport, base_url=ORIGIN) as client,
        azpoll.Tracker(client, interval=0, min_interval=0) as tracker,
    ):
        operation = await tracker.begin("DELETE", THING)
        client.cookies.set("region", "M\xfcnchen")
        with pytest.raises(azpoll.PollingError, match=r"could not send the request: .*not ASCII") as failed:
            await operation
        assert "nchen" not in str(failed.value)
        with pytest.raises(ValueError, match="no request can be made of these arguments"):
            await tracker.begin("DELETE", THING)


def test_rule_52_over_the_fast_transport() -> None:
    """Over real sockets, directly and with an auth."""
    received: list[tuple[str, str | None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = lines[0].split()[1]
        cookie = next((line.partition(": ")[2] for line in lines if line.lower().startswith("cookie:")), None)
        received.append((path, cookie))
        polls = sum(seen == path for seen, _ in received)
        status = "200 OK" if path.endswith("poll") and polls == 3 else "202 Accepted"
        head = [f"HTTP/1.1 {status}", f"Location: {path.removesuffix('/poll')}/poll", "Content-Length: 0"]
        if path.startswith("/hostile"):
            head += ["Set-Cookie: affinity=7; Path=/", "Set-Cookie: region=M\xfcnchen; Path=/"]
        writer.write("\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1"))
        writer.close()

    async def run(auth: Any) -> dict[str, str]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            client = new_client(transport=fast.transport(), base_url=base, auth=auth)
            async with client, azpoll.Tracker(client, interval=0.001, min_interval=0.001) as tracker:
                for path in ("/hostile", "/innocent"):
                    await (await tracker.begin("DELETE", path))
            return dict(client.cookies)

    for auth in (None, ("user", "password")):
        received.clear()
        assert asyncio.run(run(auth)) == {}
        assert {cookie for path, cookie in received if path.startswith("/innocent")} == {None}
        assert [cookie for path, cookie in received if path == "/hostile/poll"] == ["affinity=7"] * 3


@EACH_LIBRARY
async def test_rule_52_a_cut_answer_sets_cookies_too(library: Library) -> None:
    arm = service(Cut(5, Reply(200, {"status": "Running"}, headers=SET)), RUNNING)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("DELETE", THING))
        assert not client.cookies
    assert [request.headers.get("cookie") for request in polls_of(arm)] == [None, "affinity=7", "affinity=7"]
