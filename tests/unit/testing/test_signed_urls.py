"""`Script(signed=True)`: polling URLs as long as those that ARM signs."""

from __future__ import annotations

import pytest

import azpoll
from azpoll.testing import FakeARM
from tests.support.clients import client_of
from tests.support.operations import THING

pytestmark = pytest.mark.anyio


async def test_signed_urls_have_3_2_kb_and_lead_to_the_end() -> None:
    """Each operation has a signature of its own, and so has each of its URLs."""
    arm = FakeARM()
    arm.operation("POST", duration_s=5, retry_after=2, signed=True)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        for _ in range(2):
            await tracker.begin("POST", THING)
    urls = {url for each in arm.operations.values() for url in (each.monitor_url, each.location_url)}
    assert {url for url in urls if 3_100 <= len(url) <= 3_300} == urls
    assert len({url.partition("&t=")[2] for url in urls}) == 4
    assert {request.url for request in arm.requests} >= urls
    arm.no_early_polls()
