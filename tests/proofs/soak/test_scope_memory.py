"""The memory for scopes is bounded, and a throttled scope is not forgotten."""

from __future__ import annotations

import anyio
import httpx
import pytest

import azpoll
from azpoll.schedule.scopes import PROVIDER_QUEUES_KEPT
from tests.proofs.soak.stateless_service import Service, begun
from tests.support.clients import new_client
from tests.support.scale import scaled

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SCOPES = scaled(push=4 * PROVIDER_QUEUES_KEPT, nightly=100 * PROVIDER_QUEUES_KEPT)
PER_BATCH = 256
THROTTLED_S = 3600


class ThrottlingService(Service):
    """Answers 429 to every request of one subscription."""

    def __init__(self) -> None:
        super().__init__()
        self.requests_at_s: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/subscriptions/throttled/"):
            return await super().handle_async_request(request)
        self.requests_at_s.append(anyio.current_time())
        error = {"error": {"code": "TooManyRequests", "message": "Wait."}}
        return httpx.Response(429, headers={"Retry-After": str(THROTTLED_S)}, json=error)


async def use_scopes(tracker: azpoll.Tracker[httpx.Response], scopes: int) -> None:
    """Track one short operation in each of many subscriptions, `PER_BATCH` at a time."""
    for first in range(0, scopes, PER_BATCH):
        operations = [tracker.track(begun(3 * number, f"s{number}", 0)) for number in range(first, first + PER_BATCH)]
        for operation in operations:
            await operation


async def test_idle_scopes_are_forgotten() -> None:
    async with new_client(transport=Service()) as client, azpoll.Tracker(client) as tracker:
        await use_scopes(tracker, SCOPES)
        statistics = tracker.statistics()
    assert statistics.succeeded == SCOPES
    assert len(statistics.scopes) <= PROVIDER_QUEUES_KEPT


async def test_a_throttled_scope_is_kept_while_other_scopes_come_and_go() -> None:
    service = ThrottlingService()
    async with new_client(transport=service) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        tracker.track(begun(1, "throttled", 1e9))
        await anyio.sleep(61)
        await use_scopes(tracker, 4 * PROVIDER_QUEUES_KEPT)
        assert anyio.current_time() < THROTTLED_S / 2
        tracker.track(begun(2, "throttled", 1e9))  # the operation is due in a minute, its scope is not
        await anyio.sleep(THROTTLED_S)
    first_s, *later_s = service.requests_at_s
    assert later_s
    assert min(later_s) - first_s >= THROTTLED_S
