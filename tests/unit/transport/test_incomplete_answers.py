"""The Retry-After of an answer counts even if its body is incomplete (rule 25)."""

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
async def test_rule_25_the_retry_after_of_an_incomplete_answer_counts(spoiled: Cut | Drip) -> None:
    """Received headers count even if the body fails."""
    arm = FakeARM()
    arm.operation("PUT", "/x", duration_s=60, retry_after=30, polls=[spoiled, Ordinary()])
    async with (
        new_client(base_url="https://arm", transport=arm.transport()) as client,
        azpoll.Tracker(client) as tracker,
    ):
        await (await tracker.begin("PUT", "/x", json={}))
    arm.no_early_polls()


async def test_rule_25_a_token_has_the_retry_after_of_an_aborted_answer() -> None:
    """The process that resumes the operation knows the last Retry-After, even if only the head was received."""
    arm = FakeARM()
    arm.operation("PUT", "/x", duration_s=60, retry_after=30, polls=[Drip(), Ordinary()])
    async with new_client(base_url="https://arm", transport=arm.transport()) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            operation = await tracker.begin("PUT", "/x", json={})
            await anyio.sleep(30.5)  # the head and a part of the body have arrived
        assert operation.snapshot().polls == 0
        with pytest.raises(azpoll.TrackerClosed) as stopped:
            await operation
        token = stopped.value.resume_token
        assert token is not None
        async with azpoll.Tracker(client) as tracker:
            await tracker.resume(token)
    arm.no_early_polls()
