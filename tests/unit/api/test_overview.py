"""`tracker.overview()`: counts by group, and the running operations that need attention first."""

from __future__ import annotations

from datetime import timedelta

import anyio
import httpx
import pytest

import azpoll
from azpoll.testing import FakeARM, Reply, Script
from tests.support.clients import client_of
from tests.support.operations import path_of, until

pytestmark = pytest.mark.anyio


def plain_path(number: int) -> str:
    """Return the path of a resource without the query, as a fake plans it."""
    return path_of(number).partition("?")[0]


async def test_an_empty_tracker_has_an_empty_overview() -> None:
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        assert tracker.overview() == (0, 0, 0, (), ())
        with pytest.raises(ValueError, match="most must be 1 or more"):
            tracker.overview(most=0)


async def test_groups_are_counted_by_their_label() -> None:
    arm = FakeARM(limits=None)
    arm.operation("DELETE", plain_path(1), duration_s=5, retry_after=1)
    arm.operation("DELETE", plain_path(2), duration_s=5, retry_after=1, outcome="Failed")
    for number in (3, 4):
        arm.operation("DELETE", plain_path(number), duration_s=60, retry_after=1)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        group = tracker.group("deploy-1")
        for number in (1, 2, 3):
            await group.begin("DELETE", path_of(number))
        await tracker.begin("DELETE", path_of(4), label="alone")
        await until(20)
        found = {counts.label: counts for counts in tracker.overview().groups}

    first, other = found["deploy-1"], found[None]
    assert (first.running, first.succeeded, first.failed) == (1, 1, 1)
    assert (other.running, other.succeeded, other.failed) == (1, 0, 0)
    assert first.oldest_s == pytest.approx(20, abs=0.1)


async def test_failing_operations_are_first_and_then_the_oldest() -> None:
    arm = FakeARM(limits=None)
    for number in range(4):
        running = Reply(200, {"status": "InProgress", "percentComplete": 30}, retry_after=10)
        polls = [running, Reply(503, retry_after=10)] * 9 if number == 2 else None
        arm.operation("DELETE", plain_path(number), duration_s=900, retry_after=10, polls=polls)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        for number in range(4):
            await tracker.begin("DELETE", path_of(number) + "&sig=secret", label=f"t{number}")
            await anyio.sleep(0.1)
        await until(21)
        overview = tracker.overview(most=3)

    assert (overview.running, overview.failing, overview.late) == (4, 1, 0)
    assert [operation.label for operation in overview.operations] == ["t2", "t0", "t1"]
    failing = overview.operations[0]
    assert (failing.last_error, failing.failures, failing.polls) == ("HTTP 503", 1, 2)
    assert (failing.percent, failing.status, failing.state) == (30, "InProgress", "running")
    assert failing.target.endswith("/things/t2?api-version=***&sig=***")
    assert failing.elapsed_s == pytest.approx(20.8, abs=0.1)
    assert failing.next_poll is not None


async def test_an_operation_whose_poll_waits_for_a_read_is_late() -> None:
    arm = FakeARM(default=Script(duration_s=900, retry_after=5), limits=None)
    budget = azpoll.Budget(rate=0.5, max_rate=0.5, burst=1)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget, on_exit="stop") as tracker:
        for number in range(9):
            await tracker.begin("DELETE", path_of(number))
        await until(9)
        overview = tracker.overview()

    latest = overview.operations[0]
    assert 5 <= overview.late < 9
    assert overview.groups[0].late == overview.late
    assert latest.late_s == pytest.approx(4, abs=0.5)
    assert latest.next_poll is not None
    assert overview.operations[-1].late_s == 0
    assert overview.operations[-1].elapsed_s - latest.elapsed_s < timedelta(seconds=1).total_seconds()


async def test_the_counts_of_a_thousand_labels_are_kept() -> None:
    """A service that makes a group for each request does not grow without limit."""
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        ended = httpx.Response(200, request=client.build_request("DELETE", path_of(1)))
        for number in range(1003):
            tracker.group(f"g{number}").track(ended)
        labels = [counts.label for counts in tracker.overview().groups]

    assert len(labels) == 1000
    assert "g1002" in labels
