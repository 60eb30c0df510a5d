"""A service within the process: it answers each request immediately, so that the engine alone takes CPU time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import httpx

import azpoll
from azpoll.transport.raw_response import RawResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from azpoll.transport.shortcuts.direct_send import TextHeaders

ORIGIN = "https://management.azure.com"

SHARD = 250
"""Operations of one scope, as many as a shard has."""

INTERVAL_S = 0.4
"""Seconds between two polls: more than the 0.25 s in which a journal gathers changes, so that it stores each."""

LIMITS = azpoll.Budget(rate=25.0, max_rate=25.0, burst=10.0 * SHARD, increase_per_s=0.0)
"""The rate of ARM, so that a lease has as many tokens as there; so much is saved up that no operation waits."""

_HEADERS = ((b"content-type", b"application/json"), (b"x-ms-request-id", b"6c5f1c2e-8a3e-4f0e-9d53-0d2c3f1b2a10"))
_RUNNING, _ENDED = b'{"status":"InProgress"}', b'{"status":"Succeeded"}'
_RESULT = b'{"id":"/subscriptions/s/resourceGroups/g","properties":{"provisioningState":"Succeeded"}}'


class ScriptedService(httpx.AsyncBaseTransport):
    """Starts an operation for each PUT. Its last but one read reports the end, and the last one returns the result.

    Args:
        reads: of each operation, 2 or more.
    """

    concurrency = (96, 128)
    """As of `azpoll.fast`."""

    def __init__(self, reads: int) -> None:
        self._reads = reads
        self._read: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Start an operation."""
        return httpx.Response(201, headers={"Azure-AsyncOperation": status_url(str(request.url))}, json={})

    async def get_directly(
        self, url: str, headers: TextHeaders, own: TextHeaders, timeouts: Mapping[str, float | None]
    ) -> RawResponse:
        """Answer a read, as azpoll's shortest way of sending asks for it."""
        del headers, own, timeouts
        await asyncio.sleep(0)  # as each request does: other tasks run meanwhile
        return RawResponse(200, _HEADERS, httpx.ByteStream(self._body(url)))

    def _body(self, url: str) -> bytes:
        if "/operations/" not in url:
            return _RESULT
        self._read[url] += 1
        if self._read[url] < self._reads - 1:
            return _RUNNING
        del self._read[url]
        return _ENDED


def client(reads: int) -> httpx.AsyncClient:
    """Return a client of a new service."""
    return httpx.AsyncClient(transport=ScriptedService(reads), base_url=ORIGIN)


def resource_url(number: int) -> str:
    """Return the URL of a resource; `SHARD` resources share a subscription."""
    scope = f"{ORIGIN}/subscriptions/{number // SHARD:032x}"
    return f"{scope}/resourceGroups/group/providers/Microsoft.Test/things/{number}?api-version=2024-03-01"


def status_url(url: str) -> str:
    """Return the URL of the status of an operation, which is about as long as one of ARM without a signature."""
    before, _, name = url.partition("?")[0].rpartition("/resourceGroups/group/providers/Microsoft.Test/things/")
    place = "providers/Microsoft.Test/locations/westeurope/operations"
    return f"{before}/{place}/0d2c3f1b-2a10-4f0e-9d53-{int(name):012x}?api-version=2024-03-01"


def responses(numbers: Iterable[int]) -> list[httpx.Response]:
    """Return the initial responses of operations that a caller has started."""
    found: list[httpx.Response] = []
    for number in numbers:
        request = httpx.Request("PUT", resource_url(number))
        headers = {"Azure-AsyncOperation": status_url(str(request.url))}
        found.append(httpx.Response(201, headers=headers, json={}, request=request))
    return found


async def tokens(numbers: Iterable[int]) -> list[str]:
    """Return the resume tokens of operations."""
    async with client(2) as http, azpoll.Tracker(http, on_exit="stop", min_interval=0, interval=0) as tracker:
        tracked = [tracker.track(response) for response in responses(numbers)]
        found = [operation.resume_token() for operation in tracked]
        for operation in tracked:
            operation.stop_tracking()
    return found
