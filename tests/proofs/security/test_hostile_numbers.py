"""Threat T15: one operation whose answers always claim that no requests are left delays the others only once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, Reply, Script
from tests.support.clients import client_of
from tests.support.marks import ASYNCIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HOUR_S = 3600.0
HEALTHY = 40
RETRY_AFTER_S = 10
DEMAND = HEALTHY * HOUR_S / RETRY_AFTER_S
"""The polls of the healthy operations in an hour without a hostile one."""

SCOPE = "x-ms-ratelimit-remaining-subscription-reads"
PROVIDER = "x-ms-ratelimit-remaining-resource"
PROVIDER_REQUESTS = "x-ms-ratelimit-remaining-subscription-resource-requests"


def _none_left(name: str, status_code: int = 200) -> Callable[[int], Reply]:
    value = "Microsoft.Fake/GetOperation3Min;0" if name == PROVIDER else "0"
    return lambda _: Reply(status_code, {"status": "Running"}, headers={name: value}, retry_after=1)


def _in_turns(number: int) -> Reply:
    """Claim many and none in turns."""
    count = "0" if number % 2 else "11999"
    headers = {SCOPE: count, PROVIDER_REQUESTS: count}
    return Reply(200, {"status": "Running"}, headers=headers, retry_after=1)


CLAIMS: dict[str, Callable[[int], Reply]] = {
    "scope": _none_left(SCOPE),
    "provider": _none_left(PROVIDER),
    "provider requests": _none_left(PROVIDER_REQUESTS),
    "in turns": _in_turns,
}


@ASYNCIO  # no part of a budget depends on the event loop
@pytest.mark.parametrize("claim", CLAIMS)
async def test_t15_one_operation_slows_its_scope_only_once(claim: str) -> None:
    """In an hour, the healthy operations of its provider and location get most of their polls, and soon all."""
    claims = [CLAIMS[claim](number) for number in range(int(HOUR_S) + 10)]

    def script_of(request: IncomingRequest) -> Script:
        if "/bad" in request.path:
            return Script(duration_s=1e6, retry_after=1, polls=claims)
        return Script(duration_s=1e6, retry_after=RETRY_AFTER_S)

    arm = FakeARM(default=script_of, limits=None)
    patience = azpoll.Patience(attempts=10_000, seconds=2 * HOUR_S)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop", patience=patience) as tracker:
        for name in ["bad", *(f"good{number}" for number in range(HEALTHY))]:
            url = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/{name}?api-version=1"
            await tracker.begin("PUT", url, json={}, result="status")
        await anyio.sleep(HOUR_S)
    quarters = list(_healthy_polls(arm))
    assert sum(quarters) > 0.6 * DEMAND, quarters
    assert quarters[-1] > 0.95 * DEMAND / 4, quarters


def _healthy_polls(arm: FakeARM) -> Iterator[int]:
    """Yield the number of polls of healthy operations in each quarter of the hour."""
    bad = next(operation for operation in arm.operations.values() if "/bad" in operation.path)
    start_s = arm.requests[0].at_s
    counts = Counter(
        int((request.at_s - start_s) // (HOUR_S / 4))
        for request in arm.requests
        if request.method == "GET" and bad.id not in request.url
    )
    for quarter in range(4):
        yield counts[quarter]
