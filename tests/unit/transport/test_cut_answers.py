"""An answer whose body never comes whole still says when to come again (rule 25)."""

from __future__ import annotations

import anyio
import pytest

import azpoll
from azpoll.testing import Cut, Drip, FakeARM, Ordinary, Reply
from tests.support.clients import new_client

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
        new_client(base_url="https://arm", transport=arm.transport()) as client,
        azpoll.Tracker(client) as tracker,
    ):
        await (await tracker.begin("PUT", "/x", json={}))
    arm.no_early_polls()


async def test_rule_25_the_retry_after_of_an_answer_that_a_closing_tracker_cuts_is_in_the_token() -> None:
    """Whoever takes the operation up knows what its service asked for last, if only its head has come."""
    arm = FakeARM()
    arm.operation("PUT", "/x", duration_s=60, retry_after=30, polls=[Drip(), Ordinary()])
    async with new_client(base_url="https://arm", transport=arm.transport()) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            operation = await tracker.begin("PUT", "/x", json={})
            await anyio.sleep(30.5)  # the head is here, and drops of the body
        assert operation.snapshot().polls == 0
        with pytest.raises(azpoll.TrackerClosed) as stopped:
            await operation
        token = stopped.value.resume_token
        assert token is not None
        async with azpoll.Tracker(client) as tracker:
            await tracker.resume(token)
    arm.no_early_polls()
