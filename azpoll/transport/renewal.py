"""One renewal of an expired credential for the whole fleet (rule 26).

When a token expires, every poll under way is refused at once, and a client's auth that renews on a 401 would renew
for each of them. Here the first refused request renews; the others wait for it and are sent again with what it got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

import anyio

from azpoll.transport.body import drain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from azpoll.transport.library import HTTPRequest, HTTPResponse

    Send: TypeAlias = Callable[[HTTPRequest], Awaitable[HTTPResponse]]
    Flow: TypeAlias = AsyncGenerator[HTTPRequest, HTTPResponse]

UNAUTHORIZED = 401


class Auth(Protocol):
    """The client's auth: what `httpx.Auth` and `httpx2.Auth` share."""

    def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[HTTPRequest, HTTPResponse]:
        """Yield requests to send and receive their responses."""
        ...


class SharedRenewal:
    """The auth of a client, as all its requests share it.

    Args:
        auth: the client's.
        base: of the authentication classes of the client's library.
        keep_cookies: of an answer that another request follows.

    Raises:
        TypeError: the auth is not the library's.
    """

    def __init__(self, auth: object, base: type, keep_cookies: Callable[[HTTPResponse], object]) -> None:
        if not _is_auth(auth, base):
            raise TypeError(f"the client's auth must be of its own library, not {type(auth).__name__}")
        self._auth = auth
        self._keep_cookies = keep_cookies
        self._renewing = anyio.Lock()
        self._renewals = 0

    def shares(self, auth: object) -> bool:
        """Whether this is the auth that is shared."""
        return self._auth is auth

    async def send(self, request: HTTPRequest, send: Send) -> HTTPResponse:
        """Send a request with the client's auth; when refused, renew, or use what another request renewed.

        Raises:
            Exception: whatever `send` or the auth raises.
        """
        renewals = self._renewals
        flow = self._auth.async_auth_flow(request)
        try:
            response = await send(await anext(flow))
            if response.status_code != UNAUTHORIZED:
                return await self._follow(flow, response, send)
            async with self._renewing:
                if renewals != self._renewals:
                    await self._pass(response)
                    await flow.aclose()
                    flow = self._auth.async_auth_flow(request)
                    response = await send(await anext(flow))
                return await self._follow(flow, response, send, self._renewals + 1)
        finally:
            await flow.aclose()

    async def _follow(
        self, flow: Flow, response: HTTPResponse, send: Send, renewals: int | None = None
    ) -> HTTPResponse:
        """Send what the auth makes of an answer, until it is satisfied; `renewals` is their number if that renews."""
        while True:
            try:
                following = await flow.asend(response)
                await self._pass(response)
            except StopAsyncIteration:
                return response
            except BaseException:
                await response.aclose()
                raise
            if renewals is not None:
                self._renewals = renewals
            response = await send(following)

    async def _pass(self, response: HTTPResponse) -> None:
        """Leave an answer behind, and its connection ready for the next request."""
        self._keep_cookies(response)
        await drain(response)


def _is_auth(value: object, base: type) -> TypeGuard[Auth]:
    return isinstance(value, base)
