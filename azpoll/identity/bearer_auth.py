"""`AzureAuth`: the auth of a client, which adds the tokens of a credential to its requests."""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from azpoll.identity.challenge import claims_in
from azpoll.transport.library import LIBRARIES, HTTPRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    import httpx
    import httpx2

    from azpoll.identity.token_cache import TokenCache
    from azpoll.identity.trust import TokenTrust

    class _Auth(httpx.Auth, httpx2.Auth):
        """An auth of both libraries, whose flows take the requests of either."""

        def auth_flow(self, request: HTTPRequest) -> Generator[Any, Any, None]: ...
        def sync_auth_flow(self, request: HTTPRequest) -> Generator[Any, Any, None]: ...
        def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[Any, Any]: ...
else:
    _Auth = object

AUXILIARY = "x-ms-authorization-auxiliary"
"""The header with the tokens of other tenants."""

_READS = frozenset({"GET", "HEAD"})
_UNAUTHORIZED = 401
_WARNINGS_KEPT = 100

_log = logging.getLogger("azpoll")


class AzureAuth(_Auth):
    """The auth of a client of httpx or httpx2. `azpoll.identity.auth` makes it.

    It is for asynchronous clients, under asyncio and trio, in one event loop at a time.

    One token serves all requests. One request renews it before it expires: after the credential's `refresh_on`, else 5
    minutes before its expiry, or after half its life if it lives less than 10 minutes. If that fails, the old token is
    used until it expires, and the next attempt is made after 30 s. A 401 renews the token once for all requests. If it
    carries a claims challenge (continuous access evaluation), the credential gets the claims.

    A request raises `CredentialFailed` if the credential returns no token. A tracker then repeats the request, and
    finally raises `AuthenticationFailed` with that error as its `__cause__` (rule 26).
    """

    requires_request_body = False
    requires_response_body = False

    def __init__(self, name: str, tokens: TokenCache, auxiliary: Sequence[TokenCache], trust: TokenTrust) -> None:
        self._name = name
        self._tokens = tokens
        self._auxiliary = tuple(auxiliary)
        self._trust = trust
        self._warned: set[tuple[str, bytes, int | None]] = set()

    def __repr__(self) -> str:
        return f"<azpoll.identity.auth of {self._name}>"

    @property  # type: ignore[misc]  # - object's can be set
    def __class__(self) -> type[AzureAuth]:  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        """A class derived from the `Auth` of each HTTP library that is imported by now.

        Each library accepts only what `isinstance` takes for its own `Auth`, and `isinstance` reads this attribute. So
        an auth serves both libraries, also one that is imported after it was made, and imports neither.
        """
        return _class_for(tuple(name for name in LIBRARIES if name in sys.modules))

    def sends_token_to(self, url: str) -> bool:
        """Whether a request to this URL gets a token."""
        return self._trust.is_trusted(self._trust.parse(url))

    async def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[Any, Any]:
        """Send a request with a token. After a 401, send it once more if the credential has another token.

        A request to an origin that is not trusted gets no token. A body that is a stream is sent once.

        Raises:
            CredentialFailed: the credential returned no token.
        """
        if not self._trust.is_trusted(request.url):
            response = yield request
            if response.status_code == _UNAUTHORIZED:
                self._warn(request.url)
            return
        token = await self._tokens.get()
        others = [await cache.get() for cache in self._auxiliary] if request.method not in _READS else []
        _sign(request, token, others)
        response = yield request
        if response.status_code != _UNAUTHORIZED or not self._trust.is_trusted(response.request.url):
            return  # the URL is another one if the client followed redirects
        claims = claims_in(", ".join(response.headers.get_list("www-authenticate")))
        newer = await self._tokens.replace(token, claims)
        newer_others = others if claims is not None else await self._replaced(others)
        if (newer is not None or newer_others != others) and _is_repeatable(request):
            _sign(request, newer or token, newer_others)
            yield request

    def sync_auth_flow(self, request: HTTPRequest) -> Generator[Any, Any, None]:  # noqa: ARG002 - of the base
        """Refuse to serve a synchronous client.

        Raises:
            TypeError: always.
        """
        raise TypeError("azpoll.identity.auth is for an AsyncClient: a synchronous client cannot wait for a credential")

    async def _replaced(self, tokens: Sequence[str]) -> list[str]:
        """Return the tokens of the other tenants after a 401, which one expired token among them causes."""
        pairs = zip(self._auxiliary, tokens, strict=False)  # a read has no such tokens
        return [await cache.replace(token) or token for cache, token in pairs]

    def _warn(self, url: Any) -> None:  # noqa: ANN401 - of either library
        """Log once for each origin that refused a request without a token."""
        origin = (url.scheme, url.raw_host, url.port)
        if origin in self._warned or len(self._warned) >= _WARNINGS_KEPT:
            return
        self._warned.add(origin)
        port = "" if url.port is None else f":{url.port}"
        _log.warning(
            "%s://%s%s answered 401. Requests there get no token of %s: if you trust it, list it in origins of"
            " azpoll.identity.auth",
            *(url.scheme, url.raw_host.decode("ascii", "replace"), port, self._name),
        )


@lru_cache(maxsize=4)
def _class_for(libraries: tuple[str, ...]) -> type[AzureAuth]:
    """Return `AzureAuth` with the `Auth` of these libraries as further bases."""
    bases: tuple[type, ...] = tuple(sys.modules[name].Auth for name in libraries)
    return type(AzureAuth.__name__, (AzureAuth, *bases), {"__module__": __name__, "__doc__": AzureAuth.__doc__})


def _sign(request: HTTPRequest, token: str, others: Sequence[str]) -> None:
    request.headers["Authorization"] = f"Bearer {token}"
    if others:
        request.headers[AUXILIARY] = ", ".join(f"Bearer {other}" for other in others)


def _is_repeatable(request: HTTPRequest) -> bool:
    """Whether the body is in memory; a streamed body is consumed by the first attempt."""
    try:
        _ = request.content
    except RuntimeError:  # the library raises it for a body that was not read
        return False
    return True
