"""The seam: a URL in, an `Answer` or `RequestFailure` out, through the caller's own client.

The client's auth, headers, cookies, proxies and event hooks apply. Three things are azpoll's: redirects are
never followed here (each is a decision of `protocol.machine`), a whole exchange has one deadline, and no
body is read beyond its limit.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic

import anyio

from azpoll.eventloop.clock import loop_clock
from azpoll.eventloop.timeouts import EXCHANGE_S, ExchangeTimeouts
from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.states import Polling
from azpoll.protocol.url_policy import origin_of
from azpoll.transport.body import TooLargeError, UndecodableError, read_body
from azpoll.transport.headers import bytes_of, read_headers
from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, ResponseT, library_of
from azpoll.transport.request_template import RAW_REQUEST_ID, REQUEST_ID
from azpoll.transport.sender import Sender
from azpoll.transport.shortcuts.url_cache import URLCache

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from azpoll.protocol.states import Pending
    from azpoll.transport.shortcuts.direct_send import RawResponse

CLOSED = "the HTTP client is closed"

STATUS_LIMIT = 1024 * 1024
"""Bytes of a status monitor's body (rule 38)."""

RESULT_LIMIT = 8 * 1024 * 1024
"""Bytes of a body that is or may be the result (rule 38)."""

_RECODED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class ClientTransport(Generic[ResponseT]):
    """Sends requests with the caller's client.

    Raises:
        TypeError: the client is neither an `httpx.AsyncClient` nor an `httpx2.AsyncClient`.
        RuntimeError: the client is closed.
    """

    def __init__(self, client: HTTPClient[ResponseT]) -> None:
        self.library = library_of(client)
        self._client = client
        urls = URLCache(self.library.url)
        self.parse = urls.of
        self._sender = Sender(client, self.library, urls)
        self._limit = ExchangeTimeouts(EXCHANGE_S)
        self.now: Callable[[], float] = anyio.current_time
        self._process = os.getpid()
        if client.is_closed:
            raise RuntimeError(CLOSED)

    def open(self) -> None:
        """Note that all requests will be sent in the running event loop."""
        self.now = loop_clock()
        self._process = os.getpid()
        self._limit.open()

    def cut(self) -> None:
        """End all requests under way, as if their time were over."""
        self._limit.end_all()

    def close(self) -> None:
        """Note that nothing more will be sent."""
        self._limit.close()

    @property
    def is_inherited(self) -> bool:
        """Whether this is a fork of the process that opened it, whose connections are not its own to use."""
        return os.getpid() != self._process

    @property
    def is_closed(self) -> bool:
        """Whether the caller closed the client."""
        return self._client.is_closed

    @property
    def base_url(self) -> str:
        """The client's base URL; empty when it has none."""
        return str(self._client.base_url)

    @property
    def at_once(self) -> tuple[int, int]:
        """How many requests the client serves well at once: the least and the most."""
        return self._sender.at_once

    def ask(self, state: Pending) -> Awaitable[Answer | RequestFailure]:
        """Send what a pending state asks for. Raises nothing but cancellation."""
        is_status = isinstance(state, Polling) and state.pattern.is_monitor
        limit = STATUS_LIMIT if is_status else RESULT_LIMIT
        return self.request("GET", state.next_request.url, limit=limit, client_request_id=state.plan.client_request_id)

    def post(self, url: str) -> Awaitable[Answer | RequestFailure]:
        """Send a POST without a body. Raises nothing but cancellation."""
        return self.request("POST", url, limit=STATUS_LIMIT)

    async def request(
        self, method: str, url: str, *, limit: int, client_request_id: str | None = None
    ) -> Answer | RequestFailure:
        """Send one request and read its answer. Raises nothing but cancellation."""
        if self._client.is_closed:
            return RequestFailure(FailureKind.UNSENDABLE, CLOSED, self.now())
        received: RawResponse | None = None
        try:
            with self._limit.exchange(self.now()):
                received = await self._sender.send(method, url, client_request_id)
                return await self._answer(received, method, url, limit)
            error: BaseException = TimeoutError()
        except Exception as raised:  # noqa: BLE001 - auth and event hooks are the caller's code: whatever they raise,
            error = raised  # it is this poll that failed, not the operation
        except asyncio.CancelledError as raised:
            if _is_cancelled():
                raise
            error = raised  # the auth or a hook has awaited something that was cancelled
        try:
            return self._unreachable(error, None if received is None else _head(received, method, url, self.now()))
        finally:
            del error  # it leads to this frame and those beneath, which hold what was read

    def initial(self, method: str, url: str, arguments: Mapping[str, object]) -> HTTPRequest:
        """Return an initial request, with a client request id.

        Raises:
            ValueError: none can be made of the arguments.
        """
        library = self.library
        try:
            request: HTTPRequest = self._client.build_request(method, url, **arguments)
            has_host = bool(origin_of(request.url).host)
        except library.unsendable as error:
            raise ValueError(f"no request can be made of these arguments: {type(error).__name__}") from None
        except Exception as error:
            raise ValueError(f"no request can be made of these arguments: {error}") from error
        if not has_host:
            raise ValueError("no request can be made of these arguments: the URL names no host")
        if REQUEST_ID not in request.headers:
            from uuid import uuid4  # noqa: PLC0415 - slow to import, and not needed where requests are sent elsewhere

            request.headers[REQUEST_ID] = str(uuid4())
        request.headers["Accept-Encoding"] = "identity"
        return request

    async def begin(self, request: HTTPRequest) -> Answer | RequestFailure:
        """Send an initial request and read its answer. Raises nothing but cancellation."""
        try:
            response = await self._sender.send_whole(request)
            return await self._answer(response, request.method, str(request.url), RESULT_LIMIT)
        except Exception as error:  # noqa: BLE001 - as in `request`
            return self._unreachable(error)

    async def _answer(self, received: RawResponse, method: str, url: str, limit: int) -> Answer:
        """Read an answer whole, and give its connection back.

        Raises:
            TooLargeError: the body is longer than `limit` bytes.
            UndecodableError: the body cannot be decoded.
            Exception: whatever the client's transport raises.
        """
        raw, now = received.headers.raw, datetime.now(UTC)
        headers = read_headers(raw)
        if headers.pop("set-cookie", None) is not None:
            await self._keep_cookies(received, url)
        body = await read_body(received, limit, headers.get("content-encoding", ""))
        return Answer(received.status_code, headers, body, url, now, self.now(), method, raw)

    async def _keep_cookies(self, received: RawResponse, url: str) -> None:
        """Let the client keep the cookies of an answer, whatever becomes of its body; the caller's jar may raise."""
        try:
            self._sender.keep_cookies(url, received.headers.raw)
        except BaseException:
            await received.stream.aclose()
            raise

    def received(self, response: HTTPResponse) -> Answer:
        """Return the answer in a response that the caller received.

        Raises:
            TypeError: it is not a response of httpx or httpx2.
            ValueError: it does not belong to a request, or its body was not read.
        """
        try:
            request, body = response.request, response.content
            raw = response.headers.raw
            status_code, url, method = response.status_code, str(request.url), request.method
        except AttributeError as error:
            raise TypeError(f"a response of httpx or httpx2 is needed, not {type(response).__name__}") from error
        except RuntimeError as error:  # so httpx says both "no request" and "not read"
            raise ValueError(f"the initial response cannot be used: {error}") from error
        return Answer(status_code, read_headers(raw), body, url, datetime.now(UTC), self.now(), method, raw)

    def response_of(self, answer: Answer) -> ResponseT:
        """Return an answer as a response of the client's library; its request has no headers, so no credential."""
        raw = [(name, value) for name, value in bytes_of(answer.raw_headers) if name.lower() not in _RECODED]
        request = self.library.request(answer.method, answer.url)
        response: ResponseT = self.library.response(
            answer.status_code, headers=raw, content=answer.body, request=request
        )
        return response

    def _unreachable(self, error: BaseException, head: Answer | None = None) -> RequestFailure:
        """Say what failed. No exception of the client's or the caller's is kept, and none of their texts.

        They may quote what was sent or received, and hold the request with its headers. What is kept of them is
        the operating system's own error beneath a failure of the network.
        """
        fault, name = self._fault(error), type(error).__name__
        detail = f"{name} in {_place_of(error)}" if fault is FailureKind.CALLER else name
        cause = _os_error_beneath(error) if isinstance(error, self.library.network) else None
        return RequestFailure(fault, detail, self.now(), cause, head)

    def _fault(self, error: BaseException) -> FailureKind:
        library = self.library
        if isinstance(error, (TimeoutError, library.timeouts)):
            return FailureKind.TIMEOUT
        if _has_cause(error, ssl.SSLCertVerificationError):
            return FailureKind.CERTIFICATE
        if isinstance(error, library.unsendable):
            return FailureKind.UNSENDABLE
        if isinstance(error, TooLargeError):
            return FailureKind.TOO_LARGE
        if isinstance(error, (UndecodableError, library.undecodable)):
            return FailureKind.UNDECODABLE
        return FailureKind.CONNECTION if isinstance(error, library.failures) else FailureKind.CALLER


def _head(received: RawResponse, method: str, url: str, at_s: float) -> Answer:
    """Return what came of an answer whose body did not come whole."""
    raw = received.headers.raw
    return Answer(received.status_code, read_headers(raw), b"", url, datetime.now(UTC), at_s, method, raw)


def is_repeatable(request: HTTPRequest) -> bool:
    """Whether a request can be sent twice: a body that is a stream is gone after the first time."""
    try:
        _ = request.content
    except RuntimeError:  # so httpx says "not read"
        return False
    return True


def request_id_of(request: HTTPRequest) -> str | None:
    """Return the `x-ms-client-request-id` of a request (rule 45)."""
    # httpx's own look-up would decode all headers.
    values = [value for name, value in request.headers.raw if name.lower() == RAW_REQUEST_ID]
    text = b", ".join(values).decode("latin-1")
    return text if values and text.isascii() and text.isprintable() else None


def _is_cancelled() -> bool:
    """Whether it is this task that was cancelled, and not only something it has awaited."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # trio cancels in another way
        return False
    return task is None or task.cancelling() > 0


def _place_of(error: BaseException) -> str:
    """Return where an exception was raised, without the directories."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{frame.f_code.co_name}, {frame.f_code.co_filename.rpartition(os.sep)[2]}:{line}"


def _os_error_beneath(error: BaseException | None) -> OSError | None:
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
