"""Memory, tasks and file descriptors do not grow during hours and days of polling.

The counts are deterministic: objects, blocks and bytes of Python's allocator, not the memory pages of the process.
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.testing import FakeARM, Script, run_virtual
from tests.proofs.soak.stateless_service import Service, begun, urls_of
from tests.support.clients import new_client
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from azpoll import AsyncOperation, Tracker

pytestmark = pytest.mark.slow

OPERATIONS = scaled(push=10_000, nightly=100_000)
HOURS = scaled(push=1, nightly=24)
SUBSCRIPTIONS = 20
WARM_UP_S, SAMPLE_EVERY_S = 1200, 300

SOCKET_OPERATIONS, POLLS_OF_EACH = 100, scaled(push=20, nightly=8640)
WORKERS = 8
"""`max_in_flight`."""

MEASURED = scaled(push=2000, nightly=100_000)
MAX_BYTES = 1536
"""The limit for one operation, in bytes beyond its URLs."""


@dataclass(frozen=True)
class Sample:
    """Counts at one moment, after garbage collection."""

    objects: int
    blocks: int
    tasks: int
    descriptors: int


def sample() -> Sample:
    gc.collect()
    return Sample(len(gc.get_objects()), sys.getallocatedblocks(), len(asyncio.all_tasks()), descriptors())


def descriptors() -> int:
    """Return the number of open files and sockets."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


class Fleet:
    """A constant number of running operations: each one that ends is replaced.

    Attributes:
        begun: the number of operations so far.
        over: whether no more operations begin.
    """

    def __init__(self, tracker: Tracker[httpx.Response]) -> None:
        self._tracker = tracker
        self._chance = random.Random(1)  # noqa: S311 - seeded
        self.begun = 0
        self.over = False

    def begin(self, _ended: AsyncOperation[httpx.Response] | None = None) -> None:
        """Begin an operation of 10 min to 2 h, and another one when it ends."""
        if not self.over:
            ends_at_s = asyncio.get_running_loop().time() + self._chance.uniform(600, 7200)
            response = begun(self.begun, f"s{self.begun % SUBSCRIPTIONS}", ends_at_s)
            self.begun += 1
            self._tracker.track(response).add_done_callback(self.begin)


async def soak() -> tuple[list[Sample], int, azpoll.Statistics]:
    """Return the samples after a warm-up, the number of operations, and the statistics of the tracker."""
    samples: list[Sample] = []
    async with (
        new_client(transport=Service()) as client,
        azpoll.Tracker(client, on_exit="stop", max_in_flight=WORKERS) as tracker,
    ):
        fleet = Fleet(tracker)
        for _ in range(OPERATIONS):
            fleet.begin()
        await asyncio.sleep(WARM_UP_S)
        for _ in range((HOURS * 3600 - WARM_UP_S) // SAMPLE_EVERY_S):
            await asyncio.sleep(SAMPLE_EVERY_S)
            samples.append(sample())
        fleet.over = True
        return samples, fleet.begun, tracker.statistics()


def test_nothing_grows_while_operations_begin_and_end() -> None:
    samples, begun_in_total, statistics = run_virtual(soak)

    assert statistics.running == OPERATIONS
    assert begun_in_total > OPERATIONS * 1.2  # enough to detect one leaked object per ended operation
    assert statistics.polls > OPERATIONS * 3 * HOURS  # and one leaked block per poll
    assert spread(item.objects for item in samples) <= OPERATIONS / 100
    assert spread(item.blocks for item in samples) <= OPERATIONS / 2
    assert spread(item.tasks for item in samples) == 0
    assert spread(item.descriptors for item in samples) == 0
    assert samples[0].tasks <= WORKERS + 4  # plus the tasks of the tracker; no task per operation


def spread(numbers: Iterator[int]) -> int:
    """Return the difference of the largest and the smallest number."""
    found = list(numbers)
    return max(found) - min(found)


async def traced_bytes() -> float:
    """Return the bytes per tracked and polled operation, handle included, beyond its URLs."""
    async with (
        new_client(transport=Service()) as client,
        azpoll.Tracker(client, on_exit="stop", budget=None) as tracker,
    ):
        kept = [tracker.track(begun(0, "s0", 1e6))]  # lazily created objects exist from now on
        await asyncio.sleep(100)
        urls = 0
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, MEASURED):
            response = begun(number, f"s{number % SUBSCRIPTIONS}", 1e6)
            urls += sum(map(sys.getsizeof, urls_of(response)))
            kept.append(tracker.track(response))
        await asyncio.sleep(1000)
        assert {operation.snapshot().polls for operation in kept[1:]} == {2}
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        return (after - before - urls) / (MEASURED - 1)


def test_an_operation_costs_little_beyond_its_urls() -> None:
    try:
        each = run_virtual(traced_bytes)
    finally:
        tracemalloc.stop()
    assert each < MAX_BYTES
    assert each > 100  # a smaller number would mean a broken measurement


async def soak_sockets() -> tuple[int, list[int], int]:
    """Return the numbers of open files and sockets before, during and after polls over real sockets."""
    before, meanwhile = descriptors(), list[int]()
    arm = FakeARM(default=Script(duration_s=math.inf, retry_after=20), limits=None, log_size=1)
    async with (
        arm.serve() as base_url,
        new_client(base_url=base_url, trust_env=False) as client,
        azpoll.Tracker(client, on_exit="stop", max_in_flight=WORKERS) as tracker,
    ):
        for number in range(SOCKET_OPERATIONS):
            await tracker.begin("PUT", f"/subscriptions/s{number % SUBSCRIPTIONS}/things/{number}?api-version=1")
        for _ in range(POLLS_OF_EACH):
            await asyncio.sleep(20)
            meanwhile.append(descriptors())
    assert arm.statistics().reads >= SOCKET_OPERATIONS * (POLLS_OF_EACH - 1)
    return before, meanwhile, descriptors()


def test_there_is_at_most_one_socket_per_worker_and_none_leaks() -> None:
    before, meanwhile, after = run_virtual(soak_sockets, allow_sockets=True)
    assert max(meanwhile) <= before + 1 + 2 * WORKERS  # the listening socket, and both ends of each connection
    assert after == before
