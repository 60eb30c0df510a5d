"""`ScriptedTransport`: a transport without an HTTP library, whose answers are given in advance."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import urljoin, urlsplit

import anyio

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.transport.transport import InitialRequest
from tests.support.folded_headers import fold_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from azpoll.protocol.answer import RawHeaders
    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.url_policy import Origin
    from azpoll.transport.received_response import InitialResponse

ORIGIN = "https://management.azure.com"


class ScriptedReply(NamedTuple):
    """The status code, JSON body and headers of an answer, and the seconds until it is received."""

    status_code: int = 200
    body: object = None
    headers: Mapping[str, str] = {}
    latency_s: float = 0.0


class SentRequest(NamedTuple):
    """A request that was sent, and the event loop time at which it was sent, in seconds."""

    method: str
    url: str
    at_s: float
    client_request_id: str | None
    arguments: Mapping[str, object] = {}
    anonymous: bool = False
    headers: HeaderPairs = ()
    params_at: Origin | None = None
    cookies: tuple[str, ...] = ()


class ScriptedRequest(NamedTuple):
    """The request of a `ScriptedResponse`."""

    method: str
    url: str
    client_request_id: str | None = None


class ScriptedHeaders(NamedTuple):
    """The headers of a `ScriptedResponse`."""

    raw: RawHeaders = ()


class ScriptedResponse:
    """A response that belongs to no HTTP library."""

    def __init__(self, status_code: int, content: bytes, request: ScriptedRequest, raw: RawHeaders = ()) -> None:
        self.status_code = status_code
        self.content = content
        self.request: Any = request
        self.headers = ScriptedHeaders(raw)

    def json(self) -> Any:
        """Return the value of the body."""
        return json.loads(self.content)


class PlainURL:
    """A URL parsed by `urllib`, for URL policies."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = urlsplit(text)
        self.scheme = self._parts.scheme
        self.raw_host = (self._parts.hostname or "").encode()
        self.port = self._parts.port
        self.userinfo = self._parts.netloc.rpartition("@")[0].encode()

    def __str__(self) -> str:
        return self.text

    def join(self, url: str) -> PlainURL:
        """Resolve a relative URL."""
        return PlainURL(urljoin(self.text, url))


Outcome: TypeAlias = ScriptedReply | FailureKind


class ScriptedTransport:
    """Answers requests from a list, or with a function, and records them.

    Args:
        outcomes: the outcome of each request in the order of sending, or a function that returns it for a request. A
            request beyond the end of the list fails.
    """

    def __init__(self, outcomes: Iterable[Outcome] | Callable[[SentRequest], Outcome]) -> None:
        self.sent: list[SentRequest] = []
        self._rest = None if callable(outcomes) else iter(outcomes)
        self._outcome_of = outcomes if callable(outcomes) else self._next
        self._scopes: dict[anyio.CancelScope, int] = {}

    async def poll(
        self,
        method: str,
        url: str,
        client_request_id: str | None = None,
        *,
        headers: HeaderPairs = (),
        params_at: Origin | None = None,
        anonymous: bool = False,
        cookies: tuple[str, ...] = (),
    ) -> Answer | RequestFailure:
        """Record a request and return its scripted outcome; `TIMEOUT` if it is aborted meanwhile."""
        at_s = anyio.current_time()
        sent = SentRequest(method, url, at_s, client_request_id, {}, anonymous, headers, params_at, cookies)
        with anyio.CancelScope() as scope:
            self._scopes[scope] = anyio.get_current_task().id
            try:
                return await self._exchange(sent)
            finally:
                del self._scopes[scope]
        return RequestFailure(FailureKind.TIMEOUT, "aborted", anyio.current_time())

    def build_initial(
        self, method: str, url: str, arguments: Mapping[str, object], timeout_s: float | None = None
    ) -> InitialRequest:
        """Build a request whose client request id is the number of requests sent so far."""
        absolute = urljoin(ORIGIN, url)
        if not urlsplit(absolute).hostname:
            raise ValueError("no request can be made of these arguments: the URL names no host")
        return InitialRequest(method, absolute, f"scripted-{len(self.sent)}", timeout_s=timeout_s, message=arguments)

    async def send_initial(self, request: InitialRequest) -> Answer | RequestFailure:
        """Record an initial request and return its scripted outcome."""
        sent = SentRequest(
            request.method, request.url, anyio.current_time(), request.client_request_id, request.message
        )
        return await self._exchange(sent)

    def answer_from(self, response: InitialResponse) -> tuple[Answer, str | None]:
        """Convert a `ScriptedResponse`."""
        if not isinstance(response, ScriptedResponse):
            raise TypeError(f"a ScriptedResponse is needed, not {type(response).__name__}")
        request: ScriptedRequest = response.request
        return _answer(request, response.status_code, response.headers.raw, response.content), request.client_request_id

    def response_from(self, answer: Answer) -> ScriptedResponse:
        """Convert an answer into a `ScriptedResponse`."""
        request = ScriptedRequest(answer.method, answer.url)
        return ScriptedResponse(answer.status_code, answer.body, request, answer.raw_headers)

    def abort(self, task_id: int | None = None) -> None:
        """Abort the poll of one task, or all polls."""
        for scope, owner in self._scopes.items():
            if task_id in (None, owner):
                scope.cancel()

    async def _exchange(self, sent: SentRequest) -> Answer | RequestFailure:
        self.sent.append(sent)
        outcome = self._outcome_of(sent)
        if isinstance(outcome, FailureKind):
            return RequestFailure(outcome, "scripted", anyio.current_time())
        await anyio.sleep(outcome.latency_s)
        body = b"" if outcome.body is None else json.dumps(outcome.body).encode()
        return _answer(sent, outcome.status_code, tuple(outcome.headers.items()), body)

    def _next(self, _: SentRequest) -> Outcome:
        assert self._rest is not None
        return next(self._rest, FailureKind.CONNECTION)


def _answer(request: SentRequest | ScriptedRequest, status_code: int, raw: Any, body: bytes) -> Answer:
    headers, now = fold_headers(raw), datetime.now(UTC)
    return Answer(status_code, headers, body, request.url, now, anyio.current_time(), request.method, raw)
