"""The seam: a URL in, an `Answer` or `Unreachable` out, through the caller's own client.

The client's auth, headers, cookies, proxies and event hooks apply. Three things are azpoll's: redirects are
never followed here (each is a decision of `protocol.machine`), a whole exchange has one deadline, and no
body is read beyond its limit.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic
from uuid import uuid4

import anyio

from azpoll.protocol.answer import Answer, Fault, Unreachable
from azpoll.protocol.states import Polling
from azpoll.transport.body import TooLargeError, UndecodableError, read_body
from azpoll.transport.headers import read_headers
from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, ResponseT, library_of
from azpoll.transport.renewal import SharedRenewal, shared_renewal
from azpoll.transport.requests import REQUEST_ID, Requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.states import Pending

CLOSED = "the HTTP client is closed"

POLL_S = 30.0
"""Seconds for one whole exchange (rule 38): httpx's own limits are per read, and a dripping server outlives them."""

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
        self._requests = Requests(client, self.library)
        self._auth: SharedRenewal | None = None
        if client.is_closed:
            raise RuntimeError(CLOSED)

    @property
    def is_closed(self) -> bool:
        """Whether the caller closed the client."""
        return self._client.is_closed

    @property
    def base_url(self) -> str:
        """The client's base URL; empty when it has none."""
        return str(self._client.base_url)

    async def ask(self, state: Pending) -> Answer | Unreachable:
        """Send what a pending state asks for. Raises nothing but cancellation."""
        is_status = isinstance(state, Polling) and state.pattern.is_monitor
        limit = STATUS_LIMIT if is_status else RESULT_LIMIT
        return await self.request("GET", state.ask.url, limit=limit, client_request_id=state.plan.client_request_id)

    async def post(self, url: str) -> Answer | Unreachable:
        """Send a POST without a body. Raises nothing but cancellation."""
        return await self.request("POST", url, limit=STATUS_LIMIT)

    async def request(
        self, method: str, url: str, *, limit: int, client_request_id: str | None = None
    ) -> Answer | Unreachable:
        """Send one request and read its answer. Raises nothing but cancellation."""
        if self._client.is_closed:
            return Unreachable(Fault.UNSENDABLE, CLOSED, anyio.current_time())
        try:
            request = self._requests.make(method, url, client_request_id)
            with anyio.fail_after(POLL_S):
                return await self.exchange(request, url, limit)
        except Exception as error:  # noqa: BLE001 - auth and event hooks are the caller's code: whatever they raise, it
            return self._unreachable(error)  # is this poll that failed, not the operation

    async def begin(self, method: str, url: str, arguments: Mapping[str, object]) -> tuple[Answer | Unreachable, str]:
        """Send an initial request, and return its answer and its client request id.

        Raises:
            ValueError: no request can be made of the arguments; nothing was sent.
        """
        try:
            request = self._client.build_request(method.upper(), url, **arguments)
        except Exception as error:
            raise ValueError(f"no request can be made of these arguments: {error}") from error
        request_id = request.headers.get(REQUEST_ID)
        if request_id is None:
            request_id = request.headers[REQUEST_ID] = str(uuid4())
        request.headers["Accept-Encoding"] = "identity"
        try:
            return await self.exchange(request, str(request.url), RESULT_LIMIT), request_id
        except Exception as error:  # noqa: BLE001 - as in `request`
            return self._unreachable(error), request_id

    async def exchange(self, request: HTTPRequest, url: str, limit: int) -> Answer:
        """Send a request and read its answer, redirects not followed.

        Raises:
            TooLargeError: the body is longer than `limit` bytes.
            UndecodableError: the body cannot be decoded.
            Exception: whatever the client, its auth or its event hooks raise.
        """
        auth = self._shared_auth()
        # Request and auth are of the client's own classes, which the types here cannot say.
        response = await self._client.send(request, stream=True, auth=auth, follow_redirects=False)  # type: ignore[arg-type]
        try:
            raw = response.headers.raw
            headers = read_headers(raw)
            body = await read_body(response, limit, headers.get("content-encoding", ""))
        finally:
            await response.aclose()
        now, now_s = datetime.now(UTC), anyio.current_time()
        return Answer(response.status_code, headers, body, url, now, now_s, request.method, raw)

    def _shared_auth(self) -> SharedRenewal | None:
        """Return the client's present auth, with one renewal for all requests."""
        auth = self._client.auth
        if auth is None:
            return None
        if self._auth is None or not self._auth.shares(auth):
            self._auth = shared_renewal(auth, self.library.auth)
        return self._auth

    def response_of(self, answer: Answer) -> ResponseT:
        """Return an answer as a response of the client's library; its request has no headers, so no credential."""
        raw = [(name, value) for name, value in answer.raw_headers if name.lower() not in _RECODED]
        request = self.library.request(answer.method, answer.url)
        response: ResponseT = self.library.response(
            answer.status_code, headers=raw, content=answer.body, request=request
        )
        return response

    def _unreachable(self, error: Exception) -> Unreachable:
        fault = self._fault(error)
        return Unreachable(fault, type(error).__name__, anyio.current_time(), error)

    def _fault(self, error: Exception) -> Fault:
        library = self.library
        if isinstance(error, (TimeoutError, library.timeouts)):
            return Fault.TIMEOUT
        if _has_cause(error, ssl.SSLCertVerificationError):
            return Fault.CERTIFICATE
        if isinstance(error, library.unsendable):
            return Fault.UNSENDABLE
        if isinstance(error, TooLargeError):
            return Fault.TOO_LARGE
        if isinstance(error, (UndecodableError, library.undecodable)):
            return Fault.UNDECODABLE
        return Fault.CONNECTION if isinstance(error, library.failures) else Fault.CALLER


def answer_of(response: HTTPResponse) -> Answer:
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
    now, now_s = datetime.now(UTC), anyio.current_time()
    return Answer(status_code, read_headers(raw), body, url, now, now_s, method, raw)


def request_id_of(response: HTTPResponse) -> str | None:
    """Return the `x-ms-client-request-id` of the request that a response answers (rule 45)."""
    value = response.request.headers.get(REQUEST_ID)
    return value if isinstance(value, str) and value.isascii() and value.isprintable() else None


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
