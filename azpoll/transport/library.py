"""The HTTP library of the caller's client: httpx, or its fork httpx2.

The two libraries share the names that azpoll uses, but not their classes. An exception of one is not caught as that of
the other, so azpoll takes each class from the library of the client. It imports neither.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Never, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from azpoll.protocol.answer import RawHeaders
    from azpoll.protocol.url_policy import ParsedURL

LIBRARIES = ("httpx", "httpx2")


class Headers(Protocol):
    """The headers of a message."""

    @property
    def raw(self) -> RawHeaders:
        """All names and values in the order of the message, repeated names included."""
        ...


class HTTPRequest(Protocol):
    """A request of either library."""

    method: str
    url: Any
    headers: Any
    stream: Any
    extensions: Any

    @property
    def content(self) -> bytes:
        """The body. The library raises an error if it is a stream that was not read."""
        ...

    def read(self) -> bytes:
        """Read the body into memory."""
        ...


class HTTPResponse(Protocol):
    """A response of either library."""

    status_code: int
    request: Any

    @property
    def headers(self) -> Headers:
        """The response headers."""
        ...

    @property
    def content(self) -> bytes:
        """The body. The library raises an error if it has not been read."""
        ...


class RawResponse(Protocol):
    """A response whose body may be unread; it may belong to no library."""

    status_code: int
    is_stream_consumed: bool
    stream: Any

    @property
    def headers(self) -> Headers:
        """The response headers."""
        ...

    @property
    def content(self) -> bytes:
        """The body, once the stream is consumed."""
        ...


class StreamedResponse(HTTPResponse, RawResponse, Protocol):
    """A response of either library whose body may be unread."""

    async def aclose(self) -> None:
        """Release the connection."""
        ...


ResponseT = TypeVar("ResponseT", bound=HTTPResponse)
ResponseT_co = TypeVar("ResponseT_co", bound=HTTPResponse, covariant=True)


class HTTPClient(Protocol[ResponseT_co]):
    """An asynchronous client of either library."""

    @property
    def is_closed(self) -> bool:
        """Whether the client can send no more requests."""
        ...

    @property
    def base_url(self) -> object:
        """The base URL; empty when the caller set none."""
        ...

    @property
    def auth(self) -> object:
        """The authentication of all requests; None for none."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers of all requests."""
        ...

    @property
    def cookies(self) -> Any:  # noqa: ANN401 - of the client's own class
        """The cookie jar; falsy when it is empty."""
        ...

    @property
    def timeout(self) -> object:
        """The timeouts of all requests; compares by value."""
        ...

    @property
    def event_hooks(self) -> Mapping[str, Sequence[object]]:
        """Functions of the caller that the client calls with each request and each response."""
        ...

    @property
    def build_request(self) -> Callable[..., Any]:
        """Build a request with the client's headers and cookies."""
        ...

    async def send(
        self, request: Never, *, stream: bool = ..., auth: Never = ..., follow_redirects: bool = ...
    ) -> ResponseT_co:
        """Send a request that this client built, with its auth, event hooks and proxies."""
        ...


class Library:
    """The classes that azpoll takes from the client's library.

    Attributes:
        name: "httpx" or "httpx2".
        url: the URL class.
        request: the request class, called with method and URL.
        response: the response class.
        headers: the class of headers.
        auth: the base of authentication classes.
        transport_error: the base of the errors of sending a request and of reading its response.
        timeout_error: an answer did not arrive in time.
        network_error: the network failed.
        unsendable_errors: the next attempt would raise the same error.
        decoding_error: the content coding of a body is broken.
    """

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - either library's module
        self.name: str = module.__name__
        self.url: Callable[[str], ParsedURL] = module.URL
        self.request: Callable[..., HTTPRequest] = module.Request
        self.response: Callable[..., Any] = module.Response
        self.headers: Callable[[object], Any] = module.Headers
        self.auth: type = module.Auth
        self.transport_error: type[Exception] = module.TransportError
        self.timeout_error: type[Exception] = module.TimeoutException
        self.network_error: type[Exception] = module.NetworkError
        self.unsendable_errors: tuple[type[Exception], ...] = (
            module.UnsupportedProtocol,
            module.LocalProtocolError,
            module.InvalidURL,
        )
        self.decoding_error: type[Exception] = module.DecodingError


def library_of(client: object) -> Library:
    """Return the library of an asynchronous client, or of a class derived from one.

    Raises:
        TypeError: the client is neither an `httpx.AsyncClient` nor an `httpx2.AsyncClient`.
    """
    roots = (cls.__module__.partition(".")[0] for cls in type(client).__mro__)
    name = next((root for root in roots if root in LIBRARIES), None)
    module = sys.modules[name] if name else None
    if module is None or not isinstance(client, module.AsyncClient):
        raise TypeError(f"an httpx.AsyncClient or httpx2.AsyncClient is needed, not {type(client).__name__}")
    return Library(module)
