"""`ClientTransport`: the transport over the caller's own client of httpx or httpx2.

The client's auth, headers, cookies, proxies and event hooks apply. azpoll adds four rules. No answer changes the
client's cookies. The transport follows no
redirect, because each redirect is a decision of `protocol.machine`. Each request has one time limit. No body is read
beyond one limit.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Generic

import anyio

from azpoll.eventloop.clock import loop_clock
from azpoll.eventloop.timeouts import ExchangeTimeouts
from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.cookies import cookies_after, cookies_for, joined
from azpoll.protocol.reading import SET_COOKIE, is_believed
from azpoll.protocol.url_policy import is_addressable, origin_of
from azpoll.transport.body import BLANKS, ENDS_OF_JSON, is_complete, read_body
from azpoll.transport.caller_error import CallerError, is_cancelled
from azpoll.transport.failure import failure_of
from azpoll.transport.headers import CLIENT_REQUEST_ID, client_request_id_of, read_headers
from azpoll.transport.library import ResponseT, timeout_of, unsendable_errors
from azpoll.transport.received_response import body_of, raw_headers_of, response_in
from azpoll.transport.request_template import with_connect_limit
from azpoll.transport.sender import Sender
from azpoll.transport.shortcuts.broken_connection import close_broken_connection
from azpoll.transport.shortcuts.unfinished_connection import close_unfinished_connection
from azpoll.transport.transport import MAX_BODY, REQUEST_TIMEOUT_S, InitialRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import RawHeaders
    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.url_policy import Origin, ParsedURL
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse
    from azpoll.transport.raw_response import RawResponse
    from azpoll.transport.received_response import InitialResponse

CLOSED = "the HTTP client is closed"

_CODING_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class ClientTransport(Generic[ResponseT]):
    """Sends requests with the caller's client in the running event loop; it satisfies `Transport`.

    Args:
        client: an `httpx.AsyncClient` or `httpx2.AsyncClient`.
        request_timeout_s: the time limit of each request in seconds, from connecting to the last byte.
        max_body: the longest body of a response in bytes, coded and decoded.

    Raises:
        TypeError: the client is neither an `httpx.AsyncClient` nor an `httpx2.AsyncClient`.
    """

    def __init__(
        self,
        client: HTTPClient[ResponseT],
        *,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        max_body: int = MAX_BODY,
    ) -> None:
        self._client = client
        self._max_body = max_body
        self._request_timeout_s = request_timeout_s
        self._sender = Sender(client, request_timeout_s, max_body)
        self._library = self._sender.library
        self._now = loop_clock()
        self._timeouts = ExchangeTimeouts(request_timeout_s)

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
        """Send one request without a body. Raises nothing but cancellation."""
        if self._client.is_closed:
            return RequestFailure(FailureKind.UNSENDABLE, CLOSED, self._now())
        response: RawResponse | None = None
        try:
            with self._timeouts.exchange(self._now()) as exchange:
                send, cancel = self._sender.send, exchange.cancel
                sending = (
                    self._sender.send_anonymously(method, url, cancel=cancel)
                    if anonymous
                    else send(method, url, client_request_id, headers, params_at, cookies=cookies, cancel=cancel)
                )
                try:
                    response = await sending
                except BaseException as raised:
                    await close_unfinished_connection(raised)
                    raise
                return await self._read(response, method, url)
            error: BaseException = TimeoutError()
        except (Exception, asyncio.CancelledError) as raised:  # the caller's auth and event hooks may raise anything
            if isinstance(raised, asyncio.CancelledError) and is_cancelled():
                raise
            error = raised  # the auth or an event hook may have awaited another task, which was cancelled
        try:
            head = None if response is None else self._head(response.status_code, response.headers, method, url)
            return await self._failure(error, head)
        finally:
            del error  # its traceback refers to this frame and those beneath, which hold the response

    def build_initial(
        self, method: str, url: str, arguments: Mapping[str, object], timeout_s: float | None = None
    ) -> InitialRequest:
        """Build an initial request, with a client request id."""
        arguments = dict(arguments)
        options: dict[str, object] = {}
        if "auth" in arguments:
            options["auth"] = self._sender.auth_of(arguments.pop("auth"))
        if "follow_redirects" in arguments:
            options["follow_redirects"] = follow = arguments.pop("follow_redirects")
            if not isinstance(follow, bool):
                raise TypeError(f"follow_redirects must be True or False, not {type(follow).__name__}")
        timeout = timeout_of(self._client, self._library)
        try:
            message: HTTPRequest = self._client.build_request(method, url, timeout=timeout, **arguments)
            limits = message.extensions["timeout"]
            message.extensions["timeout"] = with_connect_limit(limits, timeout_s or self._request_timeout_s)
            is_sendable = is_addressable(_absolute_origin(message.url))
        except unsendable_errors(self._library) as error:
            raise ValueError(f"no request can be made of these arguments: {type(error).__name__}") from None
        except Exception as error:
            raise ValueError(f"no request can be made of these arguments: {error}") from error
        if not is_sendable:
            reason = "the URL names no host, or a host or a port that no server can have"
            raise ValueError(f"no request can be made of these arguments: {reason}")
        if CLIENT_REQUEST_ID not in message.headers:
            from uuid import uuid4  # noqa: PLC0415 - slow to import, and unused in processes that begin no operation

            message.headers[CLIENT_REQUEST_ID] = str(uuid4())
        message.headers["Accept-Encoding"] = "identity"
        return InitialRequest(
            message.method,
            str(message.url),
            client_request_id=client_request_id_of(message),
            is_repeatable=_has_content(message),
            timeout_s=timeout_s,
            message=message,
            options=options,
        )

    async def send_initial(self, request: InitialRequest) -> Answer | RequestFailure:
        """Send an initial request. Raises nothing but cancellation."""
        if self._client.is_closed:
            return RequestFailure(FailureKind.UNSENDABLE, CLOSED, self._now())
        message: HTTPRequest = request.message
        limit_s = self._request_timeout_s if request.timeout_s is None else request.timeout_s
        head: Answer | None = None
        targets: list[str] = []
        if request.cookies and (own := cookies_for(request.cookies, str(message.url), self._sender.parse_url)):
            message.headers["Cookie"] = joined(message.headers.get("Cookie"), own)
        try:
            with anyio.fail_after(limit_s) as scope:
                response = await self._sender.send_initial(
                    message,
                    request.options,
                    partial(self._on_redirect, request, targets),
                    cancel=partial(setattr, scope, "deadline", -math.inf),
                )
                url = response.url or str(message.url)  # as the auth and the event hooks left it
                head = self._head(response.status_code, response.headers, message.method, url)
                return await self._read(response, message.method, url)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            if head is not None and is_believed(head) and not isinstance(error, CallerError):
                return head._replace(at_s=self._now(), is_complete=False)
            failure = await self._failure(error, head)
            return failure._replace(was_sent=True) if targets else failure
        finally:
            request.client_request_id = client_request_id_of(message)
            request.url = str(message.url)
            if head is not None and SET_COOKIE in head.headers:
                request.cookies = cookies_after(request.cookies, head, self._sender.parse_url)

    def answer_from(self, response: InitialResponse) -> tuple[Answer, str | None]:
        """Convert a response that the caller received into an answer and its client request id."""
        try:
            received = response_in(response)
            request: HTTPRequest = received.request
            head = self._head(received.status_code, raw_headers_of(received), request.method, str(request.url))
            extensions: Mapping[str, object] = getattr(received, "extensions", {})  # azure-core has none
            body = body_of(received)
            answer = head._replace(body=body)
            if not body.endswith(ENDS_OF_JSON):
                answer = _marked(answer, extensions.get("http_version"))
            return answer, client_request_id_of(request)
        except AttributeError as error:
            name = type(response).__name__
            advice = ": await it to get its response" if isinstance(response, Coroutine) else ""
            raise TypeError(f"a response of httpx, httpx2 or azure-core is needed, not {name}{advice}") from error
        except Exception as error:  # each library has its own for a missing request and for an unread body
            raise ValueError(f"the initial response cannot be used: {error}") from error

    def response_from(self, answer: Answer) -> ResponseT:
        """Convert an answer into a response of the client's library; its request has no headers, so no credential."""
        library = self._library
        headers = library.Headers(answer.raw_headers)
        for name in _CODING_HEADERS:
            headers.pop(name, None)
        request = library.Request(answer.method, answer.url)
        response: ResponseT = library.Response(
            answer.status_code, headers=headers, content=answer.body, request=request
        )
        return response

    def abort(self, task_id: int | None = None) -> None:
        """End the polls in flight as if their time limit had passed, and release the timer."""
        self._timeouts.abort(task_id)

    async def _read(self, response: RawResponse, method: str, url: str) -> Answer:
        """Read the body of a response and release its connection."""
        raw, received_at = response.headers, datetime.now(UTC)
        headers = read_headers(raw)
        body = await read_body(response, self._max_body, headers.get("content-encoding", ""))
        answer = Answer(response.status_code, headers, body, url, received_at, self._now(), method, raw)
        return answer if body.endswith(ENDS_OF_JSON) else _marked(answer, response.http_version)

    def _on_redirect(
        self, request: InitialRequest, targets: list[str], redirect: HTTPResponse, target: HTTPRequest
    ) -> None:
        """Keep the cookies of a redirect of an initial request, and send those for its target (rule 52)."""
        targets.append(str(target.url))
        parse = self._sender.parse_url
        head = self._head(redirect.status_code, redirect.headers.raw, request.method, str(redirect.request.url))
        request.cookies = cookies_after(request.cookies, head, parse)
        if own := cookies_for(request.cookies, targets[-1], parse):
            target.headers["Cookie"] = joined(target.headers.get("Cookie"), own)

    async def _failure(self, error: BaseException, head: Answer | None) -> RequestFailure:
        """Return the failure that an exception means, and close the connection if it is broken for all requests."""
        failure = failure_of(error, self._library, self._now(), head)
        await close_broken_connection(error)
        return failure

    def _head(self, status_code: int, raw: RawHeaders, method: str, url: str) -> Answer:
        """Return an answer without its body."""
        return Answer(status_code, read_headers(raw), b"", url, datetime.now(UTC), self._now(), method, raw)


def _marked(answer: Answer, http_version: object) -> Answer:
    """Mark an answer whose body may have been cut, so that it is empty or the beginning of JSON (rule 17)."""
    is_blank = not answer.body.lstrip(BLANKS)
    if is_complete(answer, http_version, is_blank=is_blank):
        return answer
    return answer.without_end() if is_blank else answer._replace(is_complete=False)


def _absolute_origin(url: ParsedURL) -> Origin:
    if not url.scheme:
        raise ValueError("the URL is relative, and the client has no base_url")
    return origin_of(url)


def _has_content(request: HTTPRequest) -> bool:
    """Whether the body is in memory; a streamed body is consumed by the first attempt."""
    try:
        _ = request.content
    except RuntimeError:  # httpx raises it for a body that was not read
        return False
    return True
