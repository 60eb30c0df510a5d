"""A stage for tests of the face: clients of both HTTP libraries over a `FakeARM`, and canaries."""

from __future__ import annotations

import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Literal, get_args

import anyio

import azpoll

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import FakeARM

Library = Literal["httpx", "httpx2"]
LIBRARIES: tuple[Library, ...] = get_args(Library)

ORIGIN = "https://management.azure.com"
GROUP = "/subscriptions/s1/resourceGroups/g"
THING = f"{GROUP}/providers/Microsoft.Fake/things/t?api-version=2024-01-01"

CANARY = "k4n4ry-0f-g0ld"
"""Stands in queries, headers and bodies, and must never be shown."""


def client_of(arm: FakeARM, library: Library = "httpx", **arguments: object) -> httpx.AsyncClient:
    """Return a client of the library; that of httpx2 is typed as its twin."""
    arguments = {"transport": arm.transport(library), "base_url": ORIGIN, **arguments}
    client: httpx.AsyncClient = import_module(library).AsyncClient(**arguments)
    return client


def path_of(number: int) -> str:
    return f"{GROUP}/providers/Microsoft.Fake/things/t{number}?api-version=2024-01-01"


def polls_of(arm: FakeARM) -> list[float]:
    """Return when each GET came, on the clock of the test."""
    return [request.at_s for request in arm.requests if request.method == "GET"]


async def error_of(operation: azpoll.AsyncOperation[httpx.Response]) -> azpoll.AzpollError:
    """Return the exception that awaiting raises."""
    try:
        response = await operation
    except azpoll.AzpollError as error:
        return error
    raise AssertionError(f"it ended with {response!r}")


def shown_of(error: BaseException) -> str:
    """Return all that a log, a console or a crash report would show of an exception, its causes included."""
    parts = [str(error), repr(error), *map(str, error.args), *traceback.format_exception(error)]
    cause: BaseException | None = error
    while cause is not None:
        parts += [str(cause), repr(cause)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(parts)


async def until(at_s: float) -> None:
    """Sleep until a time on the clock of the test."""
    await anyio.sleep(at_s - anyio.current_time())
