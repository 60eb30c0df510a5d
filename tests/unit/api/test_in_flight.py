"""The number of concurrent requests adapts without `max_in_flight`, and never exceeds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, FakeARM, Script, status_monitor
from tests.support.clients import Library, client_of
from tests.support.marks import PAIRED_LIBRARY
from tests.support.operations import delete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.testing import RequestRecord

pytestmark = pytest.mark.anyio

MANY = 600
SLOW_S = 0.4
"""The latency of an answer, in seconds; 4 concurrent requests give 10 per second."""

MOST: dict[Library, int] = {"httpx": 20, "httpx2": 64}
"""The most concurrent requests of each library."""

LIBRARIES = pytest.mark.parametrize(("library", "most"), MOST.items())


def path_of(number: int) -> str:
    return f"/subscriptions/s{number % 50}/resourceGroups/g/things/t{number}"


def most_at_once(requests: list[RequestRecord], takes_s: float) -> int:
    """Return the highest number of concurrent requests."""
    changes = sorted(change for sent in requests for change in ((sent.at_s, 1), (sent.at_s + takes_s - 1e-6, -1)))
    under_way = peak = 0
    for _, change in changes:
        under_way += change
        peak = max(peak, under_way)
    return peak


@pytest.mark.slow
@PAIRED_LIBRARY
async def test_slow_polls_raise_the_number_of_concurrent_polls(library: Library) -> None:
    arm = FakeARM(default=Script(duration_s=60, retry_after=10), latency_s=SLOW_S, limits=None)
    async with client_of(arm, library) as client, azpoll.Tracker(client, budget=None) as tracker:

        async def begin(number: int) -> None:
            tracker.track(await client.request("DELETE", path_of(number)))

        async with anyio.create_task_group() as tasks:
            for number in range(MANY):
                tasks.start_soon(begin, number)
    polls = [request for request in arm.requests if request.method == "GET"]
    assert most_at_once(polls, SLOW_S) == MOST[library]
    assert tracker.statistics().succeeded == MANY
    arm.no_early_polls()
    arm.one_request_at_a_time()
    arm.no_requests_after_end()


@LIBRARIES
async def test_fast_polls_do_not_raise_the_number_of_concurrent_polls(library: Library, most: int) -> None:
    assert most > 4
    arm = FakeARM(default=Script(duration_s=60, retry_after=10), latency_s=0.001, limits=None)
    async with (
        client_of(arm, library) as client,
        azpoll.Tracker(client, budget=None) as tracker,
        anyio.create_task_group() as tasks,
    ):
        for number in range(60):
            tasks.start_soon(delete, tracker, path_of(number))
    assert most_at_once(list(arm.requests), 0.001) == 4
    arm.no_early_polls()


@pytest.mark.slow
@PAIRED_LIBRARY
@pytest.mark.parametrize(
    ("takes_s", "most"), [(SLOW_S, {"httpx": 20, "httpx2": 42}), (3.0, {"httpx": 33, "httpx2": 42})]
)
async def test_slow_initial_requests_raise_the_number_of_concurrent_requests(
    library: Library, takes_s: float, most: Mapping[Library, int]
) -> None:
    """Requests that take longer than 0.5 s come on top, up to a third of the connections."""
    arm = FakeARM(default=Script(duration_s=0, retry_after=1, initial=Delay(takes_s)), limits=None)
    async with (
        client_of(arm, library) as client,
        azpoll.Tracker(client, budget=None) as tracker,
        anyio.create_task_group() as tasks,
    ):
        for number in range(MANY):
            tasks.start_soon(delete, tracker, path_of(number))
    starts = [request for request in arm.requests if request.method == "DELETE"]
    assert most_at_once(starts, takes_s) == most[library]
    assert tracker.statistics().succeeded == MANY


@LIBRARIES
async def test_hanging_polls_delay_few_others(library: Library, most: int) -> None:
    """More requests hang than the initial concurrency limit; queued requests are sent beside them."""
    arm = FakeARM(
        default=lambda request: Script(
            retry_after=5, polls=[Delay(1000) if request.path.endswith("/hangs") else status_monitor("Succeeded")]
        ),
        limits=None,
    )
    async with client_of(arm, library) as client, azpoll.Tracker(client, budget=None, on_exit="stop") as tracker:
        for number in range(8):
            await tracker.begin("DELETE", path_of(number) + "/hangs")
        others = [await tracker.begin("DELETE", path_of(number)) for number in range(20)]
        for operation in others:
            await operation
        assert anyio.current_time() < 6
        assert tracker.statistics().in_flight == 8 < most


@LIBRARIES
async def test_hanging_initial_requests_delay_few_others(library: Library, most: int) -> None:
    arm = FakeARM(
        default=lambda request: Script(
            duration_s=0, retry_after=1, initial=Delay(1000 if request.path.endswith("/hangs") else 0.1)
        )
    )
    tracker = azpoll.Tracker(client_of(arm, library), budget=None, on_exit="stop")
    async with tracker, anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(delete, tracker, path_of(number) + "/hangs")
        await anyio.sleep(0.01)
        async with anyio.create_task_group() as others:
            for number in range(20):
                others.start_soon(delete, tracker, path_of(number))
        assert anyio.current_time() < 2
        assert most > 8
        tasks.cancel_scope.cancel()


async def test_max_in_flight_is_never_exceeded() -> None:
    arm = FakeARM(default=Script(duration_s=60, retry_after=10), latency_s=SLOW_S, limits=None)
    async with (
        client_of(arm, "httpx2") as client,
        azpoll.Tracker(client, budget=None, max_in_flight=9) as tracker,
        anyio.create_task_group() as tasks,
    ):
        for number in range(100):
            tasks.start_soon(delete, tracker, path_of(number))
    polls = [request for request in arm.requests if request.method == "GET"]
    assert most_at_once(polls, SLOW_S) == 9
    assert tracker.statistics().succeeded == 100
