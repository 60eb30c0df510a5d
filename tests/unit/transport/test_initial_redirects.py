"""Redirects of an initial request with `follow_redirects=True`: bounded, with cookies, and signed as httpx does it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.transport.client import ClientTransport
from tests.support.clients import ORIGIN, Library
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from azpoll.transport.transport import InitialRequest

pytestmark = pytest.mark.anyio

MAX_BODY = 1024
OTHER = "https://other.example"

EACH_WAY = pytest.mark.parametrize("way", ["client", "hooks", "own send"])
"""Through `client.send`, through the transport with event hooks, and through a `send` of the caller's own."""


class Sent(NamedTuple):
    """A request as it was sent; an auth may change it later."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


class Service:
    """Answers requests in memory with `answer`, and records them."""

    def __init__(self, library: Library, answer: Callable[[Any], tuple[int, dict[str, str], Any]]) -> None:
        self.requests: list[Sent] = []
        self._answer = answer
        self._module: Any = import_module(library)

    def _body(self, content: Any) -> dict[str, Any]:
        if isinstance(content, bytes):
            return {"content": content}
        return {"stream": type("Stream", (Endless, self._module.AsyncByteStream), {})()}

    def client(self, way: str = "client", **options: Any) -> Any:
        """Return a client of this service whose requests go a way."""
        service = self

        class Transport(self._module.AsyncBaseTransport):  # type: ignore[misc,name-defined]  # - of either library
            async def handle_async_request(self, request: Any) -> Any:
                content = await request.aread()
                service.requests.append(Sent(request.method, request.url.path, dict(request.headers), content))
                status_code, headers, answer_content = service._answer(request)
                return service._module.Response(status_code, headers=headers, **service._body(answer_content))

        async def ignore(_: object) -> None:
            """Do nothing."""

        if way == "hooks":
            options["event_hooks"] = {"request": [ignore], "response": [ignore]}
        client: Any = self._module.AsyncClient(transport=Transport(), base_url=ORIGIN, **options)
        if way == "own send":
            own = client.send

            async def send(request: Any, **arguments: Any) -> Any:
                return await own(request, **arguments)

            client.send = send
        return client


async def begun(client: Any, method: str = "PUT", **arguments: Any) -> tuple[Answer | RequestFailure, InitialRequest]:
    """Send an initial request that follows redirects; return its outcome and the request."""
    async with client:
        transport: ClientTransport[Any] = ClientTransport(client, max_body=MAX_BODY)
        request = transport.build_initial(method, "/old", {"follow_redirects": True, **arguments})
        return await transport.send_initial(request), request


def redirected(content: Any = b"", status_code: int = 307, to: str = "/new", **headers: str) -> Any:
    """Return a service that redirects /old, and accepts any other request."""

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        if request.url.path != "/old":
            return 202, {}, b"{}"
        return status_code, {"Location": to, **headers}, content

    return answer


class Endless:
    """A body without an end."""

    read: ClassVar[int] = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        Endless.read += 512
        return bytes(512)

    async def aclose(self) -> None:
        """Do nothing."""


@EACH_LIBRARY
@EACH_WAY
async def test_t10_the_body_of_a_redirect_keeps_the_limit(library: Library, way: str) -> None:
    Endless.read = 0
    outcome, _ = await begun(Service(library, redirected(Endless())).client(way))
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.TOO_LARGE
    assert Endless.read <= MAX_BODY + 1024


@EACH_LIBRARY
@EACH_WAY
async def test_rule_52_cookies_of_redirects_go_to_their_origin_alone(library: Library, way: str) -> None:
    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        if request.url.path == "/old":
            return 307, {"Location": "/new", "Set-Cookie": "node=1; Path=/"}, b""
        if request.url.path == "/new":
            return 307, {"Location": f"{OTHER}/end", "Set-Cookie": "second=2; Path=/"}, b""
        return 202, {"Set-Cookie": "foreign=3; Path=/"}, b"{}"

    service = Service(library, answer)
    client = service.client(way)
    _, request = await begun(client)
    assert [sent.headers.get("cookie") for sent in service.requests] == [None, "node=1", None]
    assert [cookie.pair for cookie in request.cookies] == ["node=1", "second=2", "foreign=3"]
    assert not client.cookies


@EACH_LIBRARY
@EACH_WAY
@pytest.mark.parametrize(
    ("status_code", "method", "then"),
    [(301, "POST", "GET"), (301, "PUT", "PUT"), (302, "PUT", "GET"), (303, "DELETE", "GET"), (307, "POST", "POST"),
     (308, "PATCH", "PATCH")],
)  # fmt: skip
async def test_the_method_of_a_redirect_is_that_of_httpx(
    library: Library, way: str, status_code: int, method: str, then: str
) -> None:
    service = Service(library, redirected(status_code=status_code))
    outcome, _ = await begun(service.client(way), method, content=b"text")
    assert isinstance(outcome, Answer)
    assert (outcome.status_code, outcome.url) == (202, f"{ORIGIN}/new")
    assert [request.method for request in service.requests] == [method, then]
    assert service.requests[1].content == (b"" if then == "GET" else b"text")


@EACH_LIBRARY
@EACH_WAY
async def test_rule_9_no_credential_is_sent_where_a_redirect_of_begin_leads(library: Library, way: str) -> None:
    for to, is_signed in (("/new", True), (f"{OTHER}/new", False), ("http://management.azure.com/new", False)):
        service = Service(library, redirected(to=to))
        await begun(service.client(way, auth=("user", "word")))
        assert [("authorization" in request.headers) for request in service.requests] == [True, is_signed]


@EACH_LIBRARY
@EACH_WAY
async def test_a_chain_of_redirects_ends(library: Library, way: str) -> None:
    service = Service(library, lambda _: (307, {"Location": "/old"}, b""))
    outcome, _ = await begun(service.client(way))
    assert isinstance(outcome, RequestFailure)
    assert "TooManyRedirects" in outcome.detail
    assert len(service.requests) == 21


@EACH_LIBRARY
@EACH_WAY
async def test_rule_26_a_401_behind_a_redirect_renews_the_credential(library: Library, way: str) -> None:
    """The initial request is sent again, and redirected again, with the new credential."""
    module: Any = import_module(library)

    class Renewing(module.Auth):  # type: ignore[misc]  # - the library is a parameter
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            request.headers["Authorization"] = "old"
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = "new"
                yield request

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        if request.url.path == "/old":
            return 307, {"Location": "/new"}, b""
        return (202 if request.headers["Authorization"] == "new" else 401), {}, b"{}"

    service = Service(library, answer)
    outcome, _ = await begun(service.client(way, auth=Renewing()))
    assert isinstance(outcome, Answer)
    assert outcome.status_code == 202
    seen = [(request.path, request.headers["authorization"]) for request in service.requests]
    assert seen == [("/old", "old"), ("/new", "old"), ("/old", "new"), ("/new", "new")]


@EACH_LIBRARY
@EACH_WAY
async def test_rule_53_a_request_that_was_redirected_may_have_been_executed(library: Library, way: str) -> None:
    """A service that answers 303 has executed it, although the request to the target could not be sent."""
    module: Any = import_module(library)

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        if request.url.path == "/new":
            raise module.ConnectError("refused")
        return 303, {"Location": "/new"}, b""

    outcome, _ = await begun(Service(library, answer).client(way), "POST")
    assert isinstance(outcome, RequestFailure)
    assert outcome.may_have_arrived


@EACH_LIBRARY
@EACH_WAY
@pytest.mark.parametrize("to", ["/\x7f", "https://x:y/"])
async def test_a_redirect_to_no_url_is_a_failure(library: Library, way: str, to: str) -> None:
    outcome, _ = await begun(Service(library, redirected(to=to)).client(way))
    assert isinstance(outcome, RequestFailure)


@EACH_LIBRARY
async def test_a_redirect_is_followed_only_if_the_caller_wants_it(library: Library) -> None:
    service = Service(library, redirected())
    async with service.client(follow_redirects=True) as client:
        transport: ClientTransport[Any] = ClientTransport(client)
        outcome = await transport.send_initial(transport.build_initial("PUT", "/old", {}))
    assert isinstance(outcome, Answer)
    assert outcome.status_code == 307
