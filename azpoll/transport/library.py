"""The HTTP library of the caller's client: httpx, or its fork httpx2, found without importing either.

The two share all names azpoll needs, but none of their classes: the exceptions of one are not caught as
those of the other, so each is taken from the library that the client itself comes from.
"""

from __future__ import annotations

import sys
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Never, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from azpoll.protocol.answer import RawHeaders
    from azpoll.protocol.url_policy import ParsedURL

LIBRARIES = {"httpx": "httpcore", "httpx2": "httpcore2"}
"""Each with the library beneath it, which knows connections and nothing else."""

Exceptions: TypeAlias = tuple[type[Exception], ...]


class Headers(Protocol):
    """The headers of a response, as they are read here."""

    @property
    def raw(self) -> RawHeaders:
        """All names and values as they were received, repeated names included."""
        ...


class HTTPRequest(Protocol):
    """A request: what `httpx.Request` and `httpx2.Request` share and azpoll uses."""

    method: str
    url: Any
    headers: Any
    extensions: Any

    @property
    def content(self) -> bytes:
        """The body; an error of the library's when it is a stream."""
        ...


class HTTPResponse(Protocol):
    """A response: what `httpx.Response` and `httpx2.Response` share and azpoll uses."""

    status_code: int

    @property
    def headers(self) -> Headers:
        """As received."""
        ...

    @property
    def content(self) -> bytes:
        """The body; an error of the library's when it has not been read."""
        ...

    is_stream_consumed: bool
    stream: Any
    request: Any

    async def aclose(self) -> None:
        """Give the connection back."""
        ...


ResponseT = TypeVar("ResponseT", bound=HTTPResponse)
ResponseT_co = TypeVar("ResponseT_co", bound=HTTPResponse, covariant=True)


class HTTPClient(Protocol[ResponseT_co]):
    """An asynchronous client: what `httpx.AsyncClient` and `httpx2.AsyncClient` share and azpoll uses."""

    @property
    def is_closed(self) -> bool:
        """Whether it can send no more."""
        ...

    @property
    def base_url(self) -> object:
        """Empty when the caller set none."""
        ...

    @property
    def auth(self) -> object:
        """What signs its requests; None when nothing does."""
        ...

    @property
    def headers(self) -> Headers:
        """Sent with each request."""
        ...

    @property
    def cookies(self) -> Any:  # noqa: ANN401 - of the client's own class
        """Sent with each request they match; empty is falsy."""
        ...

    @property
    def timeout(self) -> object:
        """Of each request; compares by value."""
        ...

    @property
    def event_hooks(self) -> Mapping[str, Sequence[object]]:
        """What the caller wants to be called with each request and response."""
        ...

    @property
    def build_request(self) -> Callable[..., Any]:
        """Make a request with the client's headers and cookies."""
        ...

    async def send(
        self, request: Never, *, stream: bool = ..., auth: Never = ..., follow_redirects: bool = ...
    ) -> ResponseT_co:
        """Send a request of this client's own making, with its auth, hooks and proxies."""
        ...


class Library:
    """What is taken from the client's library.

    Attributes:
        name: "httpx" or "httpx2".
        url: the URL class.
        request: the request class, called with method and URL.
        response: the response class.
        headers: the class of headers.
        auth: the base of authentication classes.
        timeouts: exceptions that mean that no answer came in time.
        failures: other exceptions of the transport.
        network: those of the failures that come from the network itself.
        unsendable: exceptions that the next try must raise again.
        undecodable: exceptions of a body that is not what its coding says.
        transport: the class of its own asynchronous transport.
        core: what that transport sends with; None while nobody has made one.
    """

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - either library's module
        self.name: str = module.__name__
        self.url: Callable[[str], ParsedURL] = module.URL
        self.request: Callable[..., HTTPRequest] = module.Request
        self.response: Callable[..., Any] = module.Response
        self.headers: Callable[[object], Any] = module.Headers
        self.auth: type = module.Auth
        self.timeouts: Exceptions = (module.TimeoutException,)
        self.failures: Exceptions = (module.TransportError,)
        self.network: Exceptions = (module.NetworkError,)
        self.unsendable: Exceptions = (module.UnsupportedProtocol, module.LocalProtocolError, module.InvalidURL)
        self.undecodable: Exceptions = (module.DecodingError,)
        self.transport: Any = module.AsyncHTTPTransport
        self.core: Any = sys.modules.get(LIBRARIES[self.name])
        if self.core is not None:
            self._add_errors_of(self.core)

    def owns(self, step: object) -> bool:
        """Whether a function or method is the library's own, neither overridden nor wrapped by an instrument."""
        if type(step) is MethodType:
            step = step.__func__
        if type(step) is not FunctionType:  # a wrapper may pretend to be one
            return False
        module: object = step.__globals__.get("__name__")
        return isinstance(module, str) and module.partition(".")[0] == self.name

    def _add_errors_of(self, core: Any) -> None:  # noqa: ANN401 - either library's core
        """Know also the errors that the library's own transport translates."""
        self.timeouts += (core.TimeoutException,)
        self.failures += (core.NetworkError, core.ProtocolError, core.ProxyError)
        self.network += (core.NetworkError,)
        self.unsendable += (core.UnsupportedProtocol, core.LocalProtocolError)


def library_of(client: object) -> Library:
    """Return the library an asynchronous client comes from; classes derived from it count.

    Raises:
        TypeError: it is neither an `httpx.AsyncClient` nor an `httpx2.AsyncClient`.
    """
    roots = (cls.__module__.partition(".")[0] for cls in type(client).__mro__)
    name = next((root for root in roots if root in LIBRARIES), None)
    module = sys.modules[name] if name else None
    if module is None or not isinstance(client, module.AsyncClient):
        raise TypeError(f"an httpx.AsyncClient or httpx2.AsyncClient is needed, not {type(client).__name__}")
    return Library(module)
