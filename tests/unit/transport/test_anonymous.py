"""Rule 9: nothing of the client but its connections and time limits reaches an anonymous origin."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll import fast
from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.transport.client import ClientTransport
from tests.support.canary import CANARY
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import httpx

pytestmark = pytest.mark.anyio

ORIGIN = "https://graph.example"
MONITOR = "https://contoso.sharepoint.com/monitor/1?t=2"
THING = "/drive/items/1/copy?api-version=1"
SUCCEEDED = {"status": "completed"}


class Network:
    """A transport in memory: the first request starts an operation, and the monitor answers by a script.

    Attributes:
        sent: the requests, in order.
        polls: the answers to polls, in order: status code, headers and JSON value; the last one is repeated.
    """

    def __init__(self, library: Library, monitor: str = MONITOR) -> None:
        self.library: Any = import_module(library)
        self.monitor = monitor
        self.sent: list[Any] = []
        self.polls: list[tuple[int, dict[str, str], object]] = [(200, {"Set-Cookie": "theirs=1"}, SUCCEEDED)]

    def __call__(self, request: Any) -> Any:
        self.sent.append(request)
        if request.method == "PUT":
            return self.library.Response(202, headers={"Operation-Location": self.monitor, "Retry-After": "1"})
        status_code, headers, value = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        return self.library.Response(status_code, headers=headers, json=value)

    def headers_at(self, host: str) -> list[dict[str, str]]:
        """Return the headers of the requests to a host."""
        return [dict(request.headers) for request in self.sent if request.url.host == host]


class Signing:
    """All ways in which a client adds a credential, and a record of those that were used."""

    def __init__(self, library: Library) -> None:
        self.used: list[str] = []
        signing = self

        class Signer(import_module(library).Auth):  # type: ignore[misc]  # - the library is a parameter
            def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
                signing.used.append(f"auth {request.url.host}")
                request.headers["Authorization"] = CANARY
                yield request

        self.auth = Signer()

    async def on_request(self, request: Any) -> None:
        """Sign a request."""
        self.used.append(f"hook {request.url.host}")
        request.headers["x-hook"] = CANARY

    async def on_response(self, response: Any) -> None:
        """Record a response."""
        self.used.append(f"response hook {response.request.url.host}")


def signing_client(library: Library, network: Network, signing: Signing) -> httpx.AsyncClient:
    """Return a client that signs in every way."""
    return new_client(
        library,
        transport=network.library.MockTransport(network),
        base_url=ORIGIN,
        auth=signing.auth,
        headers={"x-api-key": CANARY, "User-Agent": CANARY, "Accept": CANARY},
        cookies={"session": CANARY},
        params={"key": CANARY},
        event_hooks={"request": [signing.on_request], "response": [signing.on_response]},
    )


def user_agent(library: Library) -> str:
    return f"python-{library}/{import_module(library).__version__}"


@EACH_LIBRARY
@pytest.mark.parametrize("origin", ["https://contoso.sharepoint.com", "https://*.sharepoint.com"])
async def test_rule_9_an_anonymous_poll_is_a_bare_request(library: Library, origin: str) -> None:
    """Neither auth, headers, cookies, params, event hooks nor the client request id; no cookie is stored."""
    network, signing = Network(library), Signing(library)
    async with (
        signing_client(library, network, signing) as client,
        azpoll.Tracker(client, anonymous_origins=[origin]) as tracker,
    ):
        response = await (await tracker.begin("PUT", THING, result="status"))
        assert dict(client.cookies) == {"session": CANARY}
    assert response.json() == SUCCEEDED
    assert str(network.sent[-1].url) == MONITOR
    assert network.headers_at("contoso.sharepoint.com") == [
        {
            "host": "contoso.sharepoint.com",
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": user_agent(library),
        }
    ]
    assert CANARY in network.headers_at("graph.example")[0]["x-hook"]
    assert not [use for use in signing.used if "sharepoint" in use]


@EACH_LIBRARY
async def test_rule_9_a_redirect_to_another_listed_origin_is_a_bare_request(library: Library) -> None:
    """The next poll, at the polling URL, carries the credentials again."""
    network, signing = Network(library, "/monitor"), Signing(library)
    network.polls = [
        (307, {"Location": "https://eu.graph.example/monitor"}, None),
        (200, {"Set-Cookie": "theirs=1"}, {"status": "running"}),
        (200, {}, SUCCEEDED),
    ]
    async with (
        signing_client(library, network, signing) as client,
        azpoll.Tracker(client, allowed_origins=["https://*.graph.example"]) as tracker,
    ):
        await (await tracker.begin("PUT", THING, result="status"))
        assert dict(client.cookies) == {"session": CANARY}
    assert [request.url.host for request in network.sent] == [
        *("graph.example", "graph.example", "eu.graph.example", "graph.example")
    ]
    (bare,) = network.headers_at("eu.graph.example")
    assert bare.keys() == {"host", "accept", "accept-encoding", "user-agent"}
    assert all(CANARY in headers["authorization"] for headers in network.headers_at("graph.example"))


@EACH_LIBRARY
async def test_rule_9_a_cancel_request_to_an_anonymous_origin_is_bare(library: Library) -> None:
    """A POST without a body."""
    network, signing = Network(library), Signing(library)
    network.polls = [(200, {}, {"status": "running"})]
    async with (
        signing_client(library, network, signing) as client,
        azpoll.Tracker(client, anonymous_origins=["https://*.sharepoint.com"], on_exit="stop") as tracker,
    ):
        await (await tracker.begin("PUT", THING)).cancel()
    cancel = next(request for request in network.sent if request.method == "POST")
    assert str(cancel.url) == MONITOR.replace("?", ":cancel?")
    assert dict(cancel.headers).keys() == {"host", "accept", "accept-encoding", "user-agent", "content-length"}


@EACH_LIBRARY
async def test_rule_42_a_resumed_operation_polls_an_anonymous_origin_alike(library: Library) -> None:
    """By the origins of the caller that resumes; without them nothing is sent."""
    network, signing = Network(library), Signing(library)
    async with signing_client(library, network, signing) as client:
        async with azpoll.Tracker(client, anonymous_origins=["https://*.sharepoint.com"], on_exit="stop") as tracker:
            token = (await tracker.begin("PUT", THING)).resume_token()
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(azpoll.UntrustedPollingURL, match="in anonymous_origins"):
                tracker.resume(token)
        assert network.headers_at("contoso.sharepoint.com") == []
        async with azpoll.Tracker(client, anonymous_origins=["https://contoso.sharepoint.com"]) as tracker:
            await tracker.resume(token, result="status")
    (bare,) = network.headers_at("contoso.sharepoint.com")
    assert CANARY not in str(bare)


@EACH_LIBRARY
async def test_rule_9_an_untrusted_url_raises_an_error_that_can_be_resumed(library: Library) -> None:
    """The message names the option; with it, the token of the error leads to the result."""
    network, signing = Network(library), Signing(library)
    async with signing_client(library, network, signing) as client:
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(azpoll.UntrustedPollingURL, match="in anonymous_origins, then resume") as caught:
                await (await tracker.begin("PUT", THING))
        assert caught.value.resume_token is not None
        assert len(network.sent) == 1
        async with azpoll.Tracker(client, anonymous_origins=["https://contoso.sharepoint.com"]) as tracker:
            await tracker.resume(caught.value.resume_token, result="status")
    assert len(network.sent) == 2


@EACH_LIBRARY
async def test_rule_9_a_replaced_send_is_passed_by(library: Library) -> None:
    """It may add a credential too. A client whose transport cannot be chosen sends nothing."""
    network = Network(library)
    module: Any = network.library

    class Client(module.AsyncClient):  # type: ignore[misc]  # - the library is a parameter
        async def send(self, request: Any, **options: Any) -> Any:
            request.headers["Authorization"] = CANARY
            parent: Any = super()
            return await parent.send(request, **options)

    class Closed(Client):
        _transport_for_url = None

    client_classes: tuple[Any, Any] = (Client, Closed)
    client: Any
    async with client_classes[0](transport=module.MockTransport(network)) as client:
        outcome = await ClientTransport(client).poll("GET", MONITOR, anonymous=True)
    assert isinstance(outcome, Answer)
    assert "authorization" not in network.sent[-1].headers
    async with client_classes[1](transport=module.MockTransport(network)) as client:
        outcome = await ClientTransport(client).poll("GET", MONITOR, anonymous=True)
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.UNSENDABLE
    assert len(network.sent) == 1


@EACH_LIBRARY
async def test_an_anonymous_request_has_the_time_limits_of_the_client(library: Library) -> None:
    network = Network(library)
    limits = network.library.Timeout(7.0, read=3.0, write=None)
    async with new_client(library, transport=network.library.MockTransport(network), timeout=limits) as client:
        await ClientTransport(client).poll("GET", MONITOR, anonymous=True)
    assert network.sent[0].extensions["timeout"] == {"connect": 7.0, "read": 3.0, "write": None, "pool": None}


def serving(received: list[bytes]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """Return a server that records requests and answers them with a cookie."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: theirs=1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    return serve


@pytest.mark.parametrize("auth", [None, ("user", CANARY)])
def test_rule_9_an_anonymous_poll_over_the_fast_transport_is_a_bare_request(auth: object) -> None:
    """Also where its polls are otherwise sent directly, which they are without an auth."""
    received: list[bytes] = []

    async def run() -> dict[str, str]:
        async with await asyncio.start_server(serving(received), "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/op"
            async with new_client(transport=fast.transport(), auth=auth, headers={"x-api-key": CANARY}) as client:
                transport = ClientTransport(client)
                for anonymous in (True, False, True):
                    outcome = await transport.poll("GET", url, anonymous=anonymous)
                    assert isinstance(outcome, Answer)
                    client.cookies.clear() if not anonymous else None
                transport.abort()
                return dict(client.cookies)

    assert asyncio.run(run()) == {}
    first, signed, last = received
    assert CANARY.encode() in signed
    for bare in (first, last):
        names = {line.partition(b":")[0].lower() for line in bare.strip().split(b"\r\n")[1:]}
        assert names == {b"host", b"accept", b"accept-encoding", b"user-agent"}
