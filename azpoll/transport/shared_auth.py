"""One renewal of an expired credential for all polls of a client (rule 26).

When a token expires, all polls in flight are answered with 401. An auth that renews its token for each 401 would renew
it as often. With `SharedAuth`, the first of these requests renews the token. The other requests wait for the renewal
and are then sent again with the new token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.transport.library import HTTPRequest, HTTPResponse

UNAUTHORIZED = 401


class Auth(Protocol):
    """An auth of either library."""

    requires_request_body: bool
    requires_response_body: bool

    def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[HTTPRequest, HTTPResponse]:
        """Yield the requests to send, and receive the response to each."""
        ...


class SharedAuth:
    """The auth of a client, shared by all its requests. `shared_auth` derives it from the library's `Auth`."""

    def __init__(self, auth: Auth) -> None:
        self.requires_request_body = auth.requires_request_body
        self.requires_response_body = auth.requires_response_body
        self._auth = auth
        self._renewing = anyio.Lock()
        self._renewals = 0

    def shares(self, auth: object) -> bool:
        """Whether `auth` is the auth that is shared."""
        return self._auth is auth

    async def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[HTTPRequest, HTTPResponse]:
        """Send a request with the client's auth. After a 401, renew the credential or use one that was just renewed."""
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
    """Share the client's auth, in an instance of the library's `Auth`, because `client.send` accepts no other class.

    Args:
        auth: the client's.
        base: the library's `Auth`.

    Raises:
        TypeError: `auth` is not an instance of `base`.
    """
    if not _is_auth(auth, base):
        raise TypeError(f"the client's auth must be of its own library, not {type(auth).__name__}")
    shared: SharedAuth = type("SharedAuth", (SharedAuth, base), {})(auth)
    return shared


def _is_auth(value: object, base: type) -> TypeGuard[Auth]:
    return isinstance(value, base)
