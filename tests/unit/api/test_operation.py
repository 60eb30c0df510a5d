"""The handle: results, callbacks, snapshots, and the end of tracking."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

import azpoll
from azpoll.testing import FakeARM, Reply, VirtualLoop, status_monitor
from tests.support.clients import client_of
from tests.support.operations import GROUP, THING, error_of, until

if TYPE_CHECKING:
    from azpoll.options import Method

pytestmark = pytest.mark.anyio

Operation = azpoll.AsyncOperation[httpx.Response]


async def test_result_and_exception_behave_as_those_of_a_future(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5)
    fake_arm.operation("DELETE", duration_s=5, outcome="Failed")
    async with azpoll.Tracker(client) as tracker:
        good = await tracker.begin("PUT", THING)
        bad = await tracker.begin("DELETE", GROUP, label="gone")
        for operation in (good, bad):
            assert not operation.done()
            with pytest.raises(asyncio.InvalidStateError, match=operation.id):
                operation.result()
            with pytest.raises(asyncio.InvalidStateError, match=operation.id):
                operation.exception()
        await good.wait()
        await bad.wait()
        assert good.done()
        assert good.result() is await good
        assert good.exception() is None
        assert isinstance(bad.exception(), azpoll.OperationFailed)
        with pytest.raises(azpoll.OperationFailed, match="'gone'"):
            bad.result()
        assert bad.label == "gone"
        assert bad.state is azpoll.OperationState.FAILED
        assert bad.status == "Failed"


async def test_wait_with_a_timeout_raises_with_a_token_and_tracking_continues(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("PUT", duration_s=100, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        with pytest.raises(TimeoutError) as caught:
            await operation.wait(25)
        error = caught.value
        assert anyio.current_time() == pytest.approx(25)
        assert isinstance(error, azpoll.OperationTimeout)
        assert error.resume_token
        assert operation.id in str(error)
        assert "tracking goes on" in str(error)
        assert not operation.done()
        with pytest.raises(azpoll.OperationTimeout):
            await operation.wait(0)
        assert await operation.wait(timeout=1000) is operation
        assert await operation.wait(0) is operation
        assert await operation.wait() is operation
    fake_arm.one_request_at_a_time()


async def test_wait_does_not_raise_for_a_failed_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5, outcome="Canceled")
    async with azpoll.Tracker(client) as tracker:
        operation = await (await tracker.begin("PUT", THING)).wait()
        assert isinstance(operation.exception(), azpoll.OperationCanceled)


# Callbacks


async def test_done_callbacks_are_called_once_with_the_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5)
    called: list[tuple[str, Operation]] = []
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        operation.add_done_callback(lambda ended: called.append(("first", ended)))
        remove = operation.add_done_callback(lambda ended: called.append(("removed", ended)))
        operation.add_done_callback(lambda ended: called.append(("third", ended)))
        remove()
        remove()
        await operation
        assert called == [("first", operation), ("third", operation)]
        late = operation.add_done_callback(lambda ended: called.append(("late", ended)))
        assert called[2:] == [("late", operation)]
        late()
    assert len(called) == 3


async def test_the_same_callback_may_be_added_and_removed_twice(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5)
    called: list[Operation] = []
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        remove = operation.add_done_callback(called.append)
        operation.add_done_callback(called.append)
        remove()
        remove()
        await operation
    assert called == [operation]


@pytest.mark.parametrize("error", [ValueError("boom"), asyncio.CancelledError()], ids=["error", "cancelled"])
async def test_an_error_in_a_callback_is_logged_and_affects_nothing_else(
    client: httpx.AsyncClient, fake_arm: FakeARM, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """A callback may raise CancelledError, from a cancelled future; that does not cancel azpoll."""
    fake_arm.operation("PUT", duration_s=5)
    fake_arm.operation("DELETE", duration_s=50)
    called: list[Operation] = []

    def broken(_: Operation) -> None:
        raise error

    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        other = await tracker.begin("DELETE", GROUP)
        operation.add_done_callback(broken)
        operation.add_done_callback(called.append)
        assert (await operation).status_code == 200
        await other.wait(100)
    assert called == [operation]
    [record] = [record for record in caplog.records if record.name == "azpoll"]
    assert record.levelno == logging.ERROR


async def test_a_callback_may_begin_the_next_operation_and_the_tracker_waits_for_it(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("PUT", duration_s=5)
    fake_arm.operation("DELETE", duration_s=50)
    second = await client.delete(GROUP)
    async with azpoll.Tracker(client) as tracker:
        first = await tracker.begin("PUT", THING)
        first.add_done_callback(lambda _: tracker.track(second, label="second"))
    assert tracker.statistics().succeeded == 2


# Snapshots


async def test_a_snapshot_has_the_known_progress() -> None:
    """Rule 41."""
    arm = FakeARM(latency_s=1)
    first = status_monitor("Validating", percent_complete=0.5, retry_after=30)
    known = {**first.headers, "x-ms-request-id": "r-1", "x-ms-correlation-request-id": "c-1"}
    second = Reply(200, {"status": "Running", "percentComplete": 40, "startTime": "then"}, known, retry_after=30)
    arm.operation("DELETE", retry_after=10, polls=[first, second, status_monitor("Succeeded")])
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING, label="mine")
        before = operation.snapshot()
        assert (before.id, before.label, before.polls) == (operation.id, "mine", 0)
        assert before.state is azpoll.OperationState.RUNNING
        assert (before.status, before.percent_complete, before.last_poll) == (None, None, None)
        assert before.next_poll is not None
        assert abs(before.next_poll - datetime.now(UTC) - timedelta(seconds=10)) < timedelta(seconds=5)
        await until(13)
        one = operation.snapshot()
        assert (one.status, one.percent_complete, one.percent, one.polls) == ("Validating", 0.5, None, 1)
        assert one.last_poll is not None
        assert one.last_poll.tzinfo is UTC
        await until(45)
        two = operation.snapshot()
        assert (two.status, two.percent_complete, two.percent, two.start_time) == ("Running", 40, 40, "then")
        assert (two.request_id, two.correlation_id) == ("r-1", "c-1")
        await operation
        end = operation.snapshot()
        assert (end.state, end.status, end.next_poll) == (azpoll.OperationState.SUCCEEDED, "Succeeded", None)
        assert (end.polls, end.percent) == (3, 40)


async def test_snapshots_come_after_each_poll_and_end_with_the_operation(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("DELETE", duration_s=40, retry_after=10, percent_complete=True)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        seen = [(snapshot.polls, snapshot.percent) async for snapshot in operation.snapshots()]
        assert seen == [(0, None), (1, 25.0), (2, 50.0), (3, 75.0), (4, 100.0)]
        assert [snapshot.polls async for snapshot in operation.snapshots()] == [4]


async def test_a_slow_reader_gets_the_newest_snapshot_and_the_last_one(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Snapshots are conflated, not queued."""
    fake_arm.operation("DELETE", duration_s=100, retry_after=2)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        seen: list[tuple[int, str]] = []
        async for snapshot in operation.snapshots():
            seen.append((snapshot.polls, snapshot.state))
            await anyio.sleep(31.5)
        assert [polls for polls, _ in seen] == [0, 15, 31, 47, 50]
        assert seen[-1][1] == "succeeded"


async def test_many_readers_of_snapshots_see_the_same(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=30, retry_after=10)
    seen: list[list[int]] = []

    async def read() -> None:
        seen.append([snapshot.polls async for snapshot in operation.snapshots()])

    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(read)
    assert seen == [[0, 1, 2, 3]] * 3


async def test_a_reader_may_stop_reading_snapshots(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        async for _ in operation.snapshots():
            break
        with anyio.move_on_after(15):
            async for _ in operation.snapshots():
                pass
        assert (await operation).status_code == 200


# The end of tracking


async def test_stop_tracking_ends_awaiters_and_sends_nothing_more(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=100, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        await until(15)
        errors: list[azpoll.AzpollError] = []

        async def wait() -> None:
            errors.append(await error_of(operation))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            operation.stop_tracking()
            operation.stop_tracking()
        requests = fake_arm.statistics().requests
        await until(500)
        assert fake_arm.statistics().requests == requests
        assert len(set(map(id, errors))) == 2
        for error in errors:
            assert isinstance(error, azpoll.TrackerClosed)
            assert error.resume_token
            assert operation.id in str(error)
        assert operation.done()
        assert operation.state is azpoll.OperationState.UNKNOWN
        assert operation.resume_token()


@pytest.mark.parametrize(
    ("method", "at_s", "state"),
    [("DELETE", 9, azpoll.OperationState.RUNNING), ("PUT", 14, azpoll.OperationState.FETCHING)],
)
async def test_an_end_that_arrives_after_the_stop_is_not_lost(
    method: Method, at_s: float, state: azpoll.OperationState
) -> None:
    """Holds for a poll and for the final GET."""
    arm = FakeARM(latency_s=5)
    arm.operation(method, duration_s=1, retry_after=2)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin(method, THING)
        await until(at_s)
        assert tracker.statistics().in_flight == 1
        operation.stop_tracking()
        assert not operation.done()
        assert operation.state is state
        assert (await operation).status_code == 200
    arm.no_requests_after_end()


async def test_a_poll_in_flight_at_the_stop_is_the_last_and_updates_the_token() -> None:
    arm = FakeARM(latency_s=5)
    arm.operation("DELETE", duration_s=100, retry_after=20)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await until(27)
        assert tracker.statistics().in_flight == 1
        operation.stop_tracking()
        error = await error_of(operation)
        assert isinstance(error, azpoll.TrackerClosed)
        assert anyio.current_time() == pytest.approx(30)
        assert operation.snapshot().polls == 1
        async with azpoll.Tracker(client) as other:
            assert (await other.resume(str(error.resume_token))).status_code == 200
    arm.no_early_polls()
    arm.one_request_at_a_time()


async def test_a_listener_may_stop_the_operation_whose_answer_it_receives(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """The answer counts."""
    fake_arm.operation("DELETE", duration_s=15, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)

        def stop(event: azpoll.Event) -> None:
            if isinstance(event, azpoll.PollAnswered):
                operation.stop_tracking()

        tracker.subscribe(stop)
        assert isinstance(await error_of(operation), azpoll.TrackerClosed)
        assert operation.snapshot().polls == 1
        assert anyio.current_time() < 15


async def test_stopping_an_ended_operation_does_nothing(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        await operation
        operation.stop_tracking()
        assert operation.state is azpoll.OperationState.SUCCEEDED


def test_an_ended_operation_can_be_read_after_its_event_loop() -> None:
    """Programs often write reports after `asyncio.run`."""
    arm = FakeARM()
    arm.operation("PUT", duration_s=15, retry_after=10)
    arm.operation("DELETE", duration_s=15, retry_after=10, outcome="Failed")
    arm.operation("POST", duration_s=100, retry_after=10)

    async def main() -> list[Operation]:
        async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
            operations = [await tracker.begin(method, GROUP) for method in ("PUT", "DELETE", "POST")]
            await operations[0]
            return operations

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        good, bad, stopped = runner.run(main())
    assert good.result().status_code == 200
    assert good.snapshot().last_poll is not None
    assert isinstance(bad.exception(), azpoll.OperationFailed)
    assert bad.resume_token()
    assert bad.snapshot().polls == 2
    assert isinstance(stopped.exception(), azpoll.TrackerClosed)
    assert stopped.resume_token()
    assert stopped.snapshot().polls == 2
    stopped.stop_tracking()


def test_a_callback_of_the_loop_may_read_and_stop_an_operation() -> None:
    """No task is current in `loop.call_later`, which progress bars and signal handlers use."""
    arm = FakeARM()
    arm.operation("POST", duration_s=100, retry_after=10)
    seen: list[object] = []

    async def main() -> None:
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            tracker.subscribe(seen.append)
            operation = await tracker.begin("POST", GROUP)
            loop = asyncio.get_running_loop()
            loop.call_later(15, lambda: seen.append(operation.snapshot().polls))
            loop.call_later(25, operation.stop_tracking)
            with pytest.raises(azpoll.TrackerClosed):
                await operation
            assert loop.time() == pytest.approx(25)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert 1 in seen
    assert isinstance(seen[-1], azpoll.OperationEnded)


async def test_snapshots_that_are_not_read_to_the_end_leak_nothing(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("DELETE", duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        async for snapshot in operation.snapshots():
            if snapshot.polls == 1:
                break
        assert not operation.done()
