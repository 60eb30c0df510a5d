"""Scopes that come and go: what is remembered of them is bounded, and what has to be remembered is."""

from __future__ import annotations

import anyio
import httpx
import pytest

import azpoll
from azpoll.schedule.scopes import PLACES_KEPT
from tests.proofs.soak.stateless_service import Service, begun
from tests.support.clients import new_client
from tests.support.scale import scaled

pytestmark = pytest.mark.anyio

SCOPES = scaled(push=4 * PLACES_KEPT, nightly=100 * PLACES_KEPT)
AT_ONCE = 256
THROTTLED_S = 3600


class ThrottlingService(Service):
    """Answers 429 to whatever is asked of one subscription."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at_s: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/subscriptions/throttled/"):
            return await super().handle_async_request(request)
        self.asked_at_s.append(anyio.current_time())
        error = {"error": {"code": "TooManyRequests", "message": "Wait."}}
        return httpx.Response(429, headers={"Retry-After": str(THROTTLED_S)}, json=error)


async def visit(tracker: azpoll.Tracker[httpx.Response], scopes: int) -> None:
    """Track an operation of a minute in each of very many subscriptions, few at once."""
    for first in range(0, scopes, AT_ONCE):
        operations = [tracker.track(begun(3 * number, f"s{number}", 0)) for number in range(first, first + AT_ONCE)]
        for operation in operations:
            await operation


async def test_idle_scopes_are_forgotten() -> None:
    async with new_client(transport=Service()) as client, azpoll.Tracker(client) as tracker:
        await visit(tracker, SCOPES)
        statistics = tracker.statistics()
    assert statistics.succeeded == SCOPES
    assert len(statistics.scopes) <= PLACES_KEPT


async def test_a_throttled_scope_is_remembered_while_others_come_and_go() -> None:
    service = ThrottlingService()
    async with new_client(transport=service) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        tracker.track(begun(1, "throttled", 1e9))
        await anyio.sleep(61)
        await visit(tracker, 4 * PLACES_KEPT)
        assert anyio.current_time() < THROTTLED_S / 2
        tracker.track(begun(2, "throttled", 1e9))  # it may be asked in a minute, its scope may not
        await anyio.sleep(THROTTLED_S)
    first_s, *later_s = service.asked_at_s
    assert later_s
    assert min(later_s) - first_s >= THROTTLED_S
