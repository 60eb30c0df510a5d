"""One renewal of an expired credential for all polls of a client (rule 26).

When a token expires, all polls in flight are answered with 401. An auth that renews its token for each 401 would renew
it as often. With `SharedAuth`, the first of these requests renews the token. The other requests wait for the renewal
and are then sent again with the new token. An exception of the auth is raised as a `CallerError`.

An auth may read the bodies of its responses. They keep the limit of bodies meanwhile.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import anyio

from azpoll.protocol.answer import FailureKind
from azpoll.transport.body import BoundedStream, bounded_stream_class
from azpoll.transport.caller_error import CallerError, call
from azpoll.transport.library import advice_for_credential

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from types import ModuleType

    from azpoll.transport.library import HTTPRequest

UNAUTHORIZED = 401


class SharedAuth:
    """The auth of a client, shared by all its requests. `shared_auth` derives it from the library's `Auth`."""

    def __init__(
        self,
        auth: Any,  # noqa: ANN401 - of the client's own library
        stream_class: type[BoundedStream],
        max_body: int,
    ) -> None:
        self.auth = auth
        self.requires_response_body: bool = auth.requires_response_body
        self._stream_class = stream_class
        self._max_body = max_body
        self._renewing = anyio.Lock()
        self._renewals = 0

    async def async_auth_flow(self, request: HTTPRequest) -> AsyncGenerator[Any, Any]:
        """Send a request with the client's auth. After a 401, renew the credential or use one that was just renewed."""
        renewals = self._renewals
        flow = self.auth.async_auth_flow(request)
        try:
            response = self._bounded((yield await _step(flow)))
            is_renewing = response.status_code == UNAUTHORIZED
            async with self._renewing if is_renewing else nullcontext():
                if is_renewing and renewals != self._renewals:
                    await call(FailureKind.AUTH, flow.aclose)
                    flow = self.auth.async_auth_flow(request)
                    response = self._bounded((yield await _step(flow)))
                renewals = self._renewals
                while True:
                    try:
                        following = await _step(flow, response)
                    except StopAsyncIteration:
                        return
                    if is_renewing:
                        self._renewals = renewals + 1
                    response = self._bounded((yield following))
        finally:
            await call(FailureKind.AUTH, flow.aclose)

    def _bounded(self, response: Any) -> Any:  # noqa: ANN401 - of the client's own library
        """Give a response whose body is unread a stream within the limit."""
        if not response.is_stream_consumed and not isinstance(response.stream, BoundedStream):
            response.stream = self._stream_class(response.stream, self._max_body, response.headers)
        return response


async def _step(flow: AsyncGenerator[Any, Any], response: Any = None) -> Any:  # noqa: ANN401 - as above
    """Return the next request of an auth flow, which is given the response to the previous one.

    If the auth reads a body that cannot be read, the exception is that of the response and not the auth's.
    """
    was_sent = response is not None and response.status_code != UNAUTHORIZED  # the service executes no refused request
    try:
        return await call(FailureKind.AUTH, flow.asend, response, was_sent=was_sent)
    except CallerError as raised:
        stream = None if response is None else response.stream
        if isinstance(stream, BoundedStream) and stream.error is raised.error:
            raise raised.error from None
        raise


def shared_auth(auth: Any, library: ModuleType, max_body: int) -> SharedAuth:  # noqa: ANN401 - of the client's own library
    """Share an auth, in an instance of the library's `Auth`, because `client.send` accepts no other class.

    Args:
        auth: what the library accepts: an `Auth`, a pair of name and password, or a function of the request.
        library: the HTTP library of the client.
        max_body: the longest body of a response that the auth reads, in bytes.

    Raises:
        TypeError: the auth is something else, for example of the other library.
    """
    base: type = library.Auth
    given = auth
    if isinstance(given, tuple):  # name and password
        auth = library.BasicAuth(*auth)
    elif not isinstance(auth, base) and callable(auth):
        sign = auth

        def auth_flow(_: object, request: HTTPRequest) -> Generator[Any, Any, None]:
            yield sign(request)

        auth = type("FunctionAuth", (base,), {"auth_flow": auth_flow})()
    if not isinstance(auth, base):
        needed = f"the auth must be one of {library.__name__}"
        raise TypeError(f"{needed}, not {type(auth).__name__}{advice_for_credential(auth)}")
    shared: SharedAuth = type("SharedAuth", (SharedAuth, base), {})(auth, bounded_stream_class(library), max_body)
    return shared
