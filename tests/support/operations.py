"""Operations of a `FakeARM` as tests of the public API see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

import azpoll

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import FakeARM

GROUP = "/subscriptions/s1/resourceGroups/g"
THING = f"{GROUP}/providers/Microsoft.Fake/things/t?api-version=2024-01-01"


def path_of(number: int) -> str:
    return f"{GROUP}/providers/Microsoft.Fake/things/t{number}?api-version=2024-01-01"


def polls_of(arm: FakeARM) -> list[float]:
    """Return the time of each GET, in seconds on the clock of the test."""
    return [request.at_s for request in arm.requests if request.method == "GET"]


async def error_of(operation: azpoll.AsyncOperation[httpx.Response]) -> azpoll.AzpollError:
    """Return the exception that awaiting the operation raises."""
    try:
        response = await operation
    except azpoll.AzpollError as error:
        return error
    raise AssertionError(f"it ended with {response!r}")


async def delete(tracker: azpoll.Tracker[Any], url: str) -> None:
    """Begin the deletion of a resource."""
    await tracker.begin("DELETE", url)


async def put(tracker: azpoll.Tracker[Any], url: str) -> None:
    """Begin a PUT."""
    await tracker.begin("PUT", url)


async def until(at_s: float) -> None:
    """Sleep until a time on the clock of the test."""
    await anyio.sleep(at_s - anyio.current_time())
