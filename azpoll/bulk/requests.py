"""Reads the requests of a caller one by one, from an iterable or an async iterable."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING

import anyio

from azpoll.bulk.request import Request
from azpoll.eventloop.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Requests: TypeAlias = Iterable[Request] | AsyncIterable[Request]


class RequestReader:
    """Reads requests; an error of the iterable goes through.

    Args:
        requests: iterated once, in the task that reads.

    Raises:
        TypeError: `requests` is no iterable.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests: Iterator[object] | AsyncIterator[object]
        if isinstance(requests, AsyncIterable):
            self._requests = aiter(requests)
        elif not isinstance(requests, Request) and hasattr(requests, "__iter__"):
            self._requests = iter(requests)
        else:
            raise TypeError(f"requests must be an iterable of azpoll.Request, not {type(requests).__name__}")

    async def next(self) -> Request | None:
        """Return the next request; None after the last.

        Raises:
            TypeError: the iterable yielded anything else.
        """
        try:
            if isinstance(self._requests, AsyncIterator):
                request = await anext(self._requests)
            else:
                await checkpoint()
                request = next(self._requests)
        except (StopIteration, StopAsyncIteration):
            return None
        if not isinstance(request, Request):
            raise TypeError(f"begin_all takes azpoll.Request objects, not {type(request).__name__}")
        return request

    async def aclose(self) -> None:
        """Close the iterable if it is an async generator."""
        aclose: Callable[[], Awaitable[object]] | None = getattr(self._requests, "aclose", None)
        if aclose is not None:
            with anyio.CancelScope(shield=True):
                await aclose()
