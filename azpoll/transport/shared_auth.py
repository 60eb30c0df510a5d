"""One renewal of an expired credential for all polls of a client (rule 26).

When a token expires, all polls in flight are answered with 401. An auth that renews its token for each 401 would renew
it as often. With `SharedAuth`, the first of these requests renews the token. The other requests wait for the renewal
and are then sent again with the new token.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.transport.library import HTTPRequest

UNAUTHORIZED = 401


class SharedAuth:
    """The auth of a client, shared by all its requests. `shared_auth` derives it from the library's `Auth`."""

    def __init__(self, auth: Any) -> None:  # noqa: ANN401 - of the client's own library
        self.auth = auth
        self._renewing = anyio.Lock()
        self._renewals = 0

    async def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[Any, Any]:
        """Send a request with the client's auth. After a 401, renew the credential or use one that was just renewed."""
        renewals = self._renewals
        flow = self.auth.async_auth_flow(request)
        try:
            response = yield await anext(flow)
            is_renewing = response.status_code == UNAUTHORIZED
            async with self._renewing if is_renewing else nullcontext():
                if is_renewing and renewals != self._renewals:
                    await flow.aclose()
                    flow = self.auth.async_auth_flow(request)
                    response = yield await anext(flow)
                renewals = self._renewals
                while True:
                    try:
                        following = await flow.asend(response)
                    except StopAsyncIteration:
                        return
                    if is_renewing:
                        self._renewals = renewals + 1
                    response = yield following
        finally:
            await flow.aclose()


def shared_auth(auth: object, base: type) -> SharedAuth:
    """Share the client's auth, in an instance of the library's `Auth`, because `client.send` accepts no other class."""
    if not isinstance(auth, base):
        raise TypeError(f"the client's auth must be of its own library, not {type(auth).__name__}")
    shared: SharedAuth = type("SharedAuth", (SharedAuth, base), {})(auth)
    return shared
