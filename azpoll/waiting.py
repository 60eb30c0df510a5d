"""`wait`: waits for one operation, without a tracker of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, Unpack, overload

from azpoll.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpoll.options import TrackingOptions
    from azpoll.transport.library import HTTPClient, HTTPResponse, ResponseT

T = TypeVar("T")


@overload
async def wait(
    client: HTTPClient[ResponseT],
    initial_response: HTTPResponse,
    *,
    allowed_origins: Iterable[str] = ...,
    rebase_to: str | None = ...,
    min_interval: float = ...,
    **options: Unpack[TrackingOptions],
) -> ResponseT: ...


@overload
async def wait(
    client: HTTPClient[ResponseT],
    initial_response: HTTPResponse,
    *,
    decode: Callable[[ResponseT], T],
    allowed_origins: Iterable[str] = ...,
    rebase_to: str | None = ...,
    min_interval: float = ...,
    **options: Unpack[TrackingOptions],
) -> T: ...


async def wait(
    client: HTTPClient[ResponseT],
    initial_response: HTTPResponse,
    *,
    decode: Callable[[ResponseT], T] | None = None,
    allowed_origins: Iterable[str] = (),
    rebase_to: str | None = None,
    min_interval: float = 1.0,
    **options: Unpack[TrackingOptions],
) -> ResponseT | T:
    """Wait for the operation that an initial response started, and return its result.

    Args:
        client: an `httpx.AsyncClient` or `httpx2.AsyncClient`.
        initial_response: as for `Tracker.track`.
        decode: converts the final response into the result.
        allowed_origins: as for `Tracker`.
        rebase_to: as for `Tracker`.
        min_interval: as for `Tracker`.
        **options: `TrackingOptions`.

    Raises:
        AzpollError: as awaiting an `AsyncOperation` does.
        ValueError: an argument is out of its range; nothing was sent.
        TypeError: the client or the response is of another library.
    """
    async with Tracker(
        client, allowed_origins=allowed_origins, rebase_to=rebase_to, min_interval=min_interval
    ) as tracker:
        if decode is None:
            return await tracker.track(initial_response, **options)
        return await tracker.track(initial_response, decode=decode, **options)
