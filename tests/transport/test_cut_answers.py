"""An answer whose body never comes whole still says when to come again (rule 25)."""

from __future__ import annotations

import httpx
import pytest

import azpoll
from azpoll.testing import Cut, Drip, FakeARM, Ordinary, Reply

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "spoiled",
    [Cut(), Drip(every_s=10.0), Cut(step=Reply(503, {"error": {"code": "Busy"}}, retry_after=30))],
    ids=["cut", "dripping", "cut 503"],
)
async def test_rule_25_the_retry_after_of_a_spoiled_answer_counts(spoiled: Cut | Drip) -> None:
    """Headers that came are believed, whatever became of the body behind them."""
    arm = FakeARM()
    arm.operation("PUT", "/x", duration_s=60, retry_after=30, polls=[spoiled, Ordinary()])
    async with (
        httpx.AsyncClient(base_url="https://arm", transport=arm.transport()) as client,
        azpoll.Tracker(client) as tracker,
    ):
        await (await tracker.begin("PUT", "/x", json={}))
    arm.no_early_polls()
