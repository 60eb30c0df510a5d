"""The metrics of a tracker, as the reader of the SDK gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Drop, FakeARM, Limits, Rate, Reply, status_monitor
from tests.support.clients import client_of
from tests.support.list_journal import ListJournal
from tests.support.operations import THING, error_of, path_of

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import Step
    from tests.support.telemetry_sdk import TelemetrySDK

pytestmark = pytest.mark.anyio

KIND = {
    "http.request.method": "PUT",
    "azure.resource_provider.namespace": "microsoft.fake",
    "azpoll.resource.type": "things",
}


async def test_the_metrics_of_an_operation_from_begin_to_end(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    date = {"Date": "Mon, 30 Nov 2026 12:00:07 GMT"}
    end = Reply(200, {"status": "Succeeded", "endTime": "2026-11-30T12:00:00Z"}, date)
    steps: list[Step] = [status_monitor("Running", retry_after=10), Drop(), Reply(503), end]
    fake_arm.operation("PUT", polls=steps, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        operation = await tracker.begin("PUT", THING)
        assert sdk.value("azpoll.operations", azpoll__operation__state="running") == 1
        await operation
    points = sdk.points()
    assert {tuple(point.attributes.items()): point.value for point in points["azpoll.operations"]} == {
        (("azpoll.operation.state", "running"),): 0,
        (("azpoll.operation.state", "succeeded"),): 1,
    }
    (duration,) = points["azpoll.operation.duration"]
    assert duration.attributes == KIND | {"azpoll.operation.state": "succeeded"}
    assert duration.value == pytest.approx(operation.snapshot().elapsed_s, abs=0.01)
    provider = {"azure.resource_provider.namespace": "microsoft.fake"}
    assert [(point.attributes, point.value) for point in points["azpoll.polls"]] == [
        ({"azpoll.poll.status_class": name} | provider, count) for name, count in (("2xx", 3), ("none", 1), ("5xx", 1))
    ]
    (lateness,) = points["azpoll.poll.lateness"]
    assert (lateness.attributes, lateness.measured) == (provider, 5)
    assert 0 <= lateness.value < 0.1
    (detection,) = points["azpoll.detection.delay"]
    assert (detection.attributes, detection.value) == (KIND, 7)
    assert [point.value for point in points["azpoll.budget.wait"]] == [0]


@pytest.mark.parametrize(("outcome", "state"), [("Failed", "failed"), ("Canceled", "canceled")])
async def test_an_operation_that_did_not_succeed_is_counted_by_its_state(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK, outcome: str, state: str
) -> None:
    fake_arm.operation("PUT", duration_s=5, outcome=outcome, error={"code": "AnyWordOfTheService"})
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        await error_of(await tracker.begin("PUT", THING))
    (duration,) = sdk.points()["azpoll.operation.duration"]
    assert duration.attributes == KIND | {"azpoll.operation.state": state, "error.type": state}
    assert sdk.value("azpoll.operations", azpoll__operation__state=state) == 1


async def test_running_operations_are_counted_at_any_time_of_the_instrumentation(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    """Operations that run already count from the start, and none counts after the end."""

    def running() -> float:
        return sdk.value("azpoll.operations", azpoll__operation__state="running")

    for _ in range(3):
        fake_arm.operation("PUT", duration_s=60)
    async with azpoll.Tracker(client) as tracker:
        first, second = [await tracker.begin("PUT", path_of(number)) for number in (1, 2)]
        handle = sdk.instrument(tracker)
        assert running() == 2
        third = await tracker.begin("PUT", path_of(3))
        assert running() == 3
        first.stop_tracking()
        assert running() == 2
        handle.uninstrument()
        handle.uninstrument()
        assert running() == 0
        second.stop_tracking()
        third.stop_tracking()
        assert running() == 0
        assert sdk.value("azpoll.operations", azpoll__operation__state="unknown") == 1


async def test_a_tracker_may_be_instrumented_before_it_is_entered(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=5)
    tracker = azpoll.Tracker(client)
    with sdk.instrument(tracker):
        async with tracker:
            await (await tracker.begin("PUT", THING))
    assert sdk.value("azpoll.operations", azpoll__operation__state="succeeded") == 1


async def test_the_operations_that_a_closing_tracker_leaves_no_longer_run(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=500)
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        sdk.instrument(tracker)
        await tracker.begin("PUT", THING)
    assert sdk.value("azpoll.operations", azpoll__operation__state="running") == 0
    assert sdk.value("azpoll.operations", azpoll__operation__state="unknown") == 1


async def test_a_429_is_counted_by_the_part_that_is_throttled(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", polls=[Reply(429, None, retry_after=20), status_monitor("Succeeded")])
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        await (await tracker.begin("PUT", THING))
    (throttles,) = sdk.points()["azpoll.throttles"]
    assert throttles.value == 1
    assert list(throttles.attributes) == ["azpoll.throttle.reach"]
    assert sdk.value("azpoll.polls", azpoll__poll__status_class="4xx") == 1


async def test_the_wait_for_reads_is_that_of_the_slowest_scope(sdk: TelemetrySDK) -> None:
    """60 operations are due together, and two reads per second are granted."""
    arm = FakeARM(limits=Limits(reads=Rate(2, 10)))
    budget = azpoll.Budget(rate=2, burst=2)
    waits: list[float] = []
    for _ in range(60):
        arm.operation("PUT", duration_s=5, retry_after=5)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget) as tracker:
        sdk.instrument(tracker)
        for number in range(60):
            await tracker.begin("PUT", path_of(number))
        while tracker.statistics().running:
            await anyio.sleep(1)
            waits.append(sdk.value("azpoll.budget.wait"))
    assert 20 < max(waits) <= 30
    assert waits[-1] == 0


async def test_a_failure_of_the_journal_is_counted(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=5)
    journal, failures = ListJournal(), list[azpoll.Event]()
    async with azpoll.Tracker(client, journal=journal) as tracker:
        sdk.instrument(tracker)
        tracker.subscribe(lambda event: failures.append(event) if isinstance(event, azpoll.JournalFailed) else None)
        operation = await tracker.begin("PUT", THING)
        assert sdk.value("azpoll.journal.failures") == 0
        journal.error = OSError("no space")
        await operation
        assert sdk.value("azpoll.journal.failures") == len(failures) > 0
        journal.error = None


async def test_no_attribute_of_a_metric_has_a_value_for_each_operation(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    """The number of time series does not grow with the number of operations."""
    counts: list[int] = []
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        for number in range(6):
            fake_arm.operation("PUT", duration_s=3)
            await (await tracker.begin("PUT", path_of(number), label=f"l{number}"))
            counts.append(sum(map(len, sdk.points().values())))
    assert counts == [counts[0]] * 6
