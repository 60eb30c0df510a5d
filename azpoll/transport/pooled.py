"""Polls through the connections of httpx's own transport, without the objects that it makes for each.

That transport is a translator: it makes a request of httpcore's out of one of httpx's, one of httpx's answers out of
one of httpcore's, and httpx's errors out of httpcore's. Where nobody looks on, a poll does without.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

from azpoll.transport.request_template import RAW_REQUEST_ID
from azpoll.transport.shortcuts.direct_send import UnreadResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from azpoll.transport.library import Library
    from azpoll.transport.request_template import RequestTemplate


class Pooled:
    """Sends through the connection pools of one library's own transports.

    Args:
        library: the client's.
    """

    def __init__(self, library: Library) -> None:
        self._core = library.core
        translate = library.transport.handle_async_request
        self._translate = translate if library.owns(translate) else None

    def pool_of(self, transport: object) -> Any:  # noqa: ANN401 - of either library's core
        """Return the pool of one of the library's own transports; None of any other, or where somebody looks on."""
        step = getattr(transport, "handle_async_request", None)
        if self._core is None or type(step) is not MethodType or step.__func__ is not self._translate:
            return None
        return getattr(transport, "_pool", None)

    async def get(
        self,
        pool: Any,  # noqa: ANN401 - as above
        model: RequestTemplate,
        target: bytes,
        client_request_id: str | None,
    ) -> UnreadResponse:
        """Send a GET to a model's origin.

        Raises:
            Exception: an error of the library's core, as reading the body does.
        """
        core, (scheme, host, port) = self._core, model.origin
        url = core.URL(scheme=scheme, host=host, port=port, target=target)
        request = core.Request(b"GET", url, extensions={"timeout": model.timeouts})
        request.headers = model.raw  # bytes all of them, so nothing is left to check
        if client_request_id is not None:
            request.headers = [*model.raw, (RAW_REQUEST_ID, client_request_id.encode())]
        response = await pool.handle_async_request(request)
        stream = response.stream if hasattr(response.stream, "aclose") else _Replayed(response.stream)
        return UnreadResponse(response.status, response.headers, stream)


class _Replayed:
    """A body with nothing to close behind it, as recorders of HTTP traffic put them in the place of the pool's."""

    def __init__(self, body: AsyncIterable[bytes]) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None: ...
