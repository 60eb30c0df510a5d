"""The HTTP library of the caller's client: httpx, or its fork httpx2.

The two libraries share the names that azpoll uses, but not their classes. An exception of one is not caught as that of
the other, so azpoll takes each class from the module of the client's library. It imports neither.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Never, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

LIBRARIES = ("httpx", "httpx2")


class HTTPRequest(Protocol):
    """A request of either library."""

    method: str
    url: Any
    headers: Any
    extensions: Any
    stream: Any

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
    headers: Any
    request: Any

    @property
    def content(self) -> bytes:
        """The body. The library raises an error if it has not been read."""
        ...

    def json(self) -> object:
        """Return the body read as JSON. The library raises an error if it is not JSON."""
        ...


ResponseT = TypeVar("ResponseT", bound=HTTPResponse)
ResponseT_co = TypeVar("ResponseT_co", bound=HTTPResponse, covariant=True)


class HTTPClient(Protocol[ResponseT_co]):
    """An asynchronous client of either library."""

    base_url: Any
    auth: Any
    headers: Any
    params: Any
    cookies: Any
    timeout: Any
    event_hooks: Any

    @property
    def is_closed(self) -> bool:
        """Whether the client can send no more requests."""
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


def library_of(client: object) -> ModuleType:
    """Return the library of an asynchronous client, or of a class derived from one.

    Raises:
        TypeError: the client is neither an `httpx.AsyncClient` nor an `httpx2.AsyncClient`.
    """
    roots = (cls.__module__.partition(".")[0] for cls in type(client).__mro__)
    name = next((root for root in roots if root in LIBRARIES), None)
    library = sys.modules[name] if name else None
    if library is None or not isinstance(client, library.AsyncClient):
        needed = "an httpx.AsyncClient or httpx2.AsyncClient is needed"
        raise TypeError(f"{needed}, not {_shown(client)}{_advice_for_client(client)}")
    return library


def _shown(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _advice_for_client(value: object) -> str:
    """Return a clause for a value in the place of a client; empty if its type gives no hint."""
    if isinstance(value, type) and any(base.__name__ == "AsyncClient" for base in value.__mro__):
        return ". Call the class to make a client"
    kind = type(value)  # a property of the value itself may raise
    if hasattr(kind, "async_auth_flow"):
        return ". It is an auth: make the client with auth=..."
    if callable(getattr(kind, "request", None)) and not hasattr(kind, "__aenter__"):
        return ". It is synchronous, and azpoll awaits each request"
    return advice_for_credential(value)


def is_credential(value: object) -> bool:
    """Whether a value returns access tokens, as the credentials of azure-identity do."""
    return any(callable(getattr(value, name, None)) for name in ("get_token_info", "get_token"))


def advice_for_credential(value: object) -> str:
    """Return a clause for a credential in the place of a client or of an auth; empty for any other value."""
    if not is_credential(value):
        return ""
    return ". It is a credential: make the client with auth=azpoll.identity.auth(credential)"


def timeout_of(client: HTTPClient[HTTPResponse], library: ModuleType) -> object:
    """Return the timeouts of a client, in the library's own class; None if they are the default (rule 38).

    The default is 5 s, and services may take 60 s to answer.
    """
    timeout: object = client.timeout
    return None if timeout == library.Timeout(5.0) else timeout


def unsendable_errors(library: ModuleType) -> tuple[type[Exception], ...]:
    """Return the errors of a request that every further attempt would raise again."""
    return (library.UnsupportedProtocol, library.LocalProtocolError, library.InvalidURL)
