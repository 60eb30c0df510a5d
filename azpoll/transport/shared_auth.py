"""One renewal of an expired credential for the whole fleet (rule 26).

When a token expires, every poll under way is refused at once, and a client's auth that renews on a 401 would renew
for each of them. Here the first refused request renews; the others wait for it and are sent again with what it got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.transport.library import HTTPRequest, HTTPResponse

UNAUTHORIZED = 401


class Auth(Protocol):
    """The client's auth: what `httpx.Auth` and `httpx2.Auth` share."""

    requires_request_body: bool
    requires_response_body: bool

    def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[HTTPRequest, HTTPResponse]:
        """Yield requests to send and receive their responses."""
        ...


class SharedAuth:
    """The auth of a client, shared by all polls; made an `Auth` of its library by `shared_auth`."""

    def __init__(self, auth: Auth) -> None:
        self.requires_request_body = auth.requires_request_body
        self.requires_response_body = auth.requires_response_body
        self._auth = auth
        self._renewing = anyio.Lock()
        self._renewals = 0

    def shares(self, auth: object) -> bool:
        """Whether this is the auth that is shared."""
        return self._auth is auth

    async def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[HTTPRequest, HTTPResponse]:
        """Send a request with the client's auth; when refused, renew, or use what another request renewed."""
        renewals = self._renewals
        flow = self._auth.async_auth_flow(request)
        try:
            response = yield await anext(flow)
            if response.status_code == UNAUTHORIZED:
                await self._renewing.acquire()
                try:
                    if renewals != self._renewals:
                        await flow.aclose()
                        flow = self._auth.async_auth_flow(request)
                        response = yield await anext(flow)
                    renewals = self._renewals
                    while True:
                        try:
                            following = await flow.asend(response)
                        except StopAsyncIteration:
                            return
                        self._renewals = renewals + 1
                        response = yield following
                finally:
                    self._renewing.release()
            while True:
                try:
                    following = await flow.asend(response)
                except StopAsyncIteration:
                    return
                response = yield following
        finally:
            await flow.aclose()


def shared_auth(auth: object, base: type) -> SharedAuth:
    """Return the client's auth with one renewal for all, as an instance of `base`, the library's `Auth`.

    Raises:
        TypeError: it is not the library's.
    """
    if not _is_auth(auth, base):
        raise TypeError(f"the client's auth must be of its own library, not {type(auth).__name__}")
    kind = type("SharedAuth", (SharedAuth, base), {})
    shared: SharedAuth = kind(auth)
    return shared


def _is_auth(value: object, base: type) -> TypeGuard[Auth]:
    return isinstance(value, base)
