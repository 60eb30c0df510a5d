"""Closing a tracker: it waits or stops, raises once, and leaks nothing."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
import trio

import azpoll
from azpoll.testing import Delay, FakeARM, Ordinary, Reply, Script, run_virtual
from tests.support.clients import client_of
from tests.support.marks import ASYNCIO
from tests.support.operations import GROUP, THING, error_of, path_of, until

if TYPE_CHECKING:
    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio


Operation = azpoll.AsyncOperation[httpx.Response]


def scripts(request: IncomingRequest) -> Script:
    """Operation n takes 10 n seconds; 3 fails, 4 is canceled, and reads of 5 get a 403."""
    number = int(request.path[-1])
    outcome = {3: "Failed", 4: "Canceled"}.get(number, "Succeeded")
    polls = [Reply(400)] if number == 5 else None
    return Script(duration_s=10 * number, retry_after=1, outcome=outcome, polls=polls)


# Waiting


async def test_closing_waits_for_every_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    async with azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("DELETE", path_of(number)) for number in (1, 2, 6)]
    assert anyio.current_time() == pytest.approx(60, abs=1)
    assert all(operation.done() for operation in operations)
    assert not client.is_closed


async def test_one_exception_group_has_all_failures_that_were_not_awaited(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = scripts
    operations: list[Operation] = []
    with pytest.raises(ExceptionGroup, match="no caller awaited") as caught:  # noqa: PT012 - leaving the block raises
        async with azpoll.Tracker(client) as tracker:
            operations += [await tracker.begin("DELETE", path_of(number)) for number in (1, 3, 3, 4, 5, 3, 3, 9)]
            assert isinstance(await error_of(operations[1]), azpoll.OperationFailed)
            await until(35)
            assert operations[5].exception() is not None
            with pytest.raises(azpoll.OperationFailed):
                operations[6].result()
            operations[7].stop_tracking()
    kinds = sorted(type(error).__name__ for error in caught.value.exceptions)
    assert kinds == ["OperationCanceled", "OperationFailed", "PollingError"]
    assert {getattr(error, "operation", None) for error in caught.value.exceptions} == {
        f"operation {operations[number].id}" for number in (2, 3, 4)
    }


async def test_an_awaiter_cancelled_before_the_end_does_not_count(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    with pytest.raises(ExceptionGroup):  # noqa: PT012 - leaving the block raises
        async with azpoll.Tracker(client) as tracker:
            operation = await tracker.begin("DELETE", path_of(3))
            with anyio.move_on_after(5):
                await operation


async def test_an_error_of_the_body_propagates_unchanged_and_stops_the_tracking(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = scripts
    operations: list[Operation] = []
    with pytest.raises(KeyError) as caught:  # noqa: PT012 - leaving the block raises
        async with azpoll.Tracker(client) as tracker:
            failed = await tracker.begin("DELETE", path_of(3))
            await failed.wait()
            operations.append(await tracker.begin("DELETE", path_of(9)))
            raise KeyError
    assert type(caught.value) is KeyError
    assert anyio.current_time() == pytest.approx(30, abs=1)
    assert isinstance(operations[0].exception(), azpoll.TrackerClosed)


async def test_the_error_of_an_awaited_operation_propagates_unchanged(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = scripts
    with pytest.raises(azpoll.OperationFailed):
        async with azpoll.Tracker(client) as tracker:
            await (await tracker.begin("DELETE", path_of(3)))


async def test_operations_may_begin_while_the_tracker_is_closing(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    late: list[Operation] = []
    async with anyio.create_task_group() as tasks:
        async with azpoll.Tracker(client) as tracker:
            await tracker.begin("DELETE", path_of(2))

            async def come_late() -> None:
                await until(15)
                late.append(await tracker.begin("DELETE", path_of(6)))

            tasks.start_soon(come_late)
        assert anyio.current_time() == pytest.approx(75, abs=1)
        assert late[0].result().status_code == 200


# Stopping


async def test_on_exit_stop_gives_awaiters_an_error_with_a_token(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    errors: list[BaseException] = []
    async with anyio.create_task_group() as tasks:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            operation = await tracker.begin("DELETE", path_of(9), label="mine")
            name = f"operation 'mine' ({operation.id})"
            failed = await tracker.begin("DELETE", path_of(3))

            async def wait() -> None:
                errors.append(await error_of(operation))

            tasks.start_soon(wait)
            tasks.start_soon(wait)
            await failed.wait()
        assert anyio.current_time() == pytest.approx(30, abs=1)
        await anyio.wait_all_tasks_blocked()
        for error in errors:
            assert isinstance(error, azpoll.TrackerClosed)
            assert error.resume_token
            assert error.operation == name
            assert "may still run. Resume with the resume_token" in str(error)
    assert len(set(map(id, errors))) == 2
    requests = len(fake_arm.requests)
    await anyio.sleep(100)
    assert len(fake_arm.requests) == requests


async def test_requests_in_flight_get_five_seconds_and_their_answers_count() -> None:
    arm = FakeARM(
        default=lambda request: Script(
            polls=[Delay(4 if request.path[-1] == "1" else 100, Reply(200, {"status": "Succeeded"}))], retry_after=1
        )
    )
    async with client_of(arm, timeout=None) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            quick = await tracker.begin("DELETE", path_of(1))
            slow = await tracker.begin("DELETE", path_of(2))
            await until(2)
            assert tracker.statistics().in_flight == 2
        assert anyio.current_time() == pytest.approx(7, abs=0.1)
        assert quick.result().status_code == 200
        assert isinstance(slow.exception(), azpoll.TrackerClosed)
        assert tracker.statistics().running == 0


async def test_an_operation_that_begins_during_the_close_can_be_resumed() -> None:
    """The operation has begun in Azure, so it must not be lost, and closing must not wait for its end."""
    arm = FakeARM()
    arm.operation("DELETE", initial=Delay(10, Reply(202, headers={"Location": "/poll"})))
    begun: list[Operation] = []
    async with client_of(arm, timeout=None) as client:
        with anyio.fail_after(100):
            async with anyio.create_task_group() as tasks, azpoll.Tracker(client, on_exit="stop") as tracker:

                async def begin() -> None:
                    begun.append(await tracker.begin("DELETE", THING))

                tasks.start_soon(begin)
                await until(2)
            error = await error_of(begun[0])
        assert isinstance(error, azpoll.TrackerClosed)
        assert error.resume_token
        assert tracker.statistics().unknown == 1


# Cancellation


async def test_closing_can_be_cancelled(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    async with anyio.create_task_group() as tasks:
        errors: list[BaseException] = []
        with anyio.move_on_after(25) as scope:
            async with azpoll.Tracker(client) as tracker:
                operation = await tracker.begin("DELETE", path_of(9))

                async def wait() -> None:
                    errors.append(await error_of(operation))

                tasks.start_soon(wait)
        assert scope.cancelled_caught
        assert anyio.current_time() == pytest.approx(25, abs=0.1)
        await anyio.wait_all_tasks_blocked()
        assert isinstance(errors[0], azpoll.TrackerClosed)


async def test_the_body_may_be_cancelled() -> None:
    arm = FakeARM(default=Script(duration_s=100, retry_after=10), latency_s=3)
    operations: list[Operation] = []
    async with client_of(arm) as client:
        with anyio.move_on_after(15) as scope:
            async with azpoll.Tracker(client) as tracker:
                operations.append(await tracker.begin("DELETE", THING))
                await operations[0]
        assert scope.cancelled_caught
        assert anyio.current_time() == pytest.approx(16, abs=0.01), "the tracker waits for the poll in flight"
    assert operations[0].snapshot().polls == 1
    assert isinstance(operations[0].exception(), azpoll.TrackerClosed)


@ASYNCIO
@pytest.mark.parametrize("again_s", [None, 0.5, 0.0], ids=["once", "twice", "at once"])
async def test_repeated_cancellation_of_the_task_by_asyncio_leaks_nothing(again_s: float | None) -> None:
    arm = FakeARM(default=Script(duration_s=1000, retry_after=10, polls=[Delay(100, Ordinary())]))
    operations: list[Operation] = []
    closed: list[float] = []

    async def main() -> None:
        async with client_of(arm, timeout=None) as client:
            try:
                async with azpoll.Tracker(client) as tracker:
                    operations.append(await tracker.begin("DELETE", THING))
            finally:
                closed.append(asyncio.get_running_loop().time())

    task = asyncio.create_task(main())
    await asyncio.sleep(15)
    waiter = asyncio.create_task(operations[0].wait())
    task.cancel()
    if again_s is not None:
        await asyncio.sleep(again_s)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed[0] <= 20.1
    await asyncio.wait_for(waiter, 1)
    assert isinstance(operations[0].exception(), azpoll.TrackerClosed)
    assert not [task for task in asyncio.all_tasks() if "azpoll" in task.get_name()]


@ASYNCIO
async def test_a_timeout_around_a_tracker_is_a_timeout(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(25), azpoll.Tracker(client) as tracker:
            await tracker.begin("DELETE", path_of(9))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@ASYNCIO
async def test_the_failure_of_a_task_group_in_the_body_propagates_unchanged(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """On Python 3.11 and 3.12 such a failure leaves a pending cancellation request in the task."""
    fake_arm.default = scripts

    async def wait(operation: Operation) -> None:
        await operation

    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - leaving the block raises
        async with azpoll.Tracker(client) as tracker, asyncio.TaskGroup() as tasks:
            tasks.create_task(wait(await tracker.begin("DELETE", path_of(3))))
            tasks.create_task(wait(await tracker.begin("DELETE", path_of(9))))
    assert [type(error) for error in caught.value.exceptions] == [azpoll.OperationFailed]


@ASYNCIO
async def test_a_tracker_works_after_a_swallowed_cancellation() -> None:
    arm = FakeARM(default=scripts)

    async def main() -> int:
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            operation = await tracker.begin("DELETE", path_of(2))
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                return (await operation).status_code
        return 0

    task = asyncio.create_task(main())
    await asyncio.sleep(5)
    task.cancel()
    assert await task == 200


# No leaks


@ASYNCIO
async def test_no_task_is_left_after_the_end() -> None:
    before = asyncio.all_tasks()
    arm = FakeARM(default=scripts, latency_s=1)
    async with client_of(arm) as client:
        for waits in (True, False):
            async with azpoll.Tracker(client, on_exit="wait" if waits else "stop", max_in_flight=4) as tracker:
                for number in (1, 2, 2, 2, 2, 2):
                    await tracker.begin("DELETE", path_of(number))
                await anyio.sleep(5)
                assert len(asyncio.all_tasks()) > len(before)
            assert asyncio.all_tasks() == before
    gc.collect()


def test_no_task_is_left_after_the_main_task_of_trio() -> None:
    async def main() -> None:
        arm = FakeARM(default=scripts)
        async with client_of(arm) as client:
            async with azpoll.Tracker(client, on_exit="stop") as tracker:
                await tracker.begin("DELETE", path_of(9))
                await trio.sleep(5)
            assert trio.lowlevel.current_statistics().tasks_living == tasks

    tasks = 0

    async def counted() -> None:
        nonlocal tasks
        tasks = trio.lowlevel.current_statistics().tasks_living
        await main()

    run_virtual(counted, backend="trio")


async def test_a_closed_client_ends_the_tracking_with_an_error() -> None:
    arm = FakeARM(default=Script(duration_s=100, retry_after=10))
    async with client_of(arm) as client:
        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - leaving the block raises
            async with azpoll.Tracker(client) as tracker:
                await tracker.begin("DELETE", THING)
                await until(15)
                await client.aclose()
                with pytest.raises(azpoll.TrackerClosed, match="client is closed"):
                    await tracker.begin("DELETE", GROUP)
        [error] = caught.value.exceptions
        assert type(error) is azpoll.PollingError
        assert "the HTTP client is closed" in str(error)
        assert error.resume_token
        assert len(arm.requests) == 2
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        assert error.resume_token is not None
        assert (await tracker.resume(error.resume_token)).status_code == 200


async def test_operations_can_be_read_after_the_end_but_not_begun(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = scripts
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", path_of(1))
    assert (await operation).status_code == 200
    assert (await operation.wait(0)) is operation
    assert await operation.cancel() is False
    assert [snapshot.state async for snapshot in operation.snapshots()] == ["succeeded"]
    assert [one async for one in azpoll.as_completed([operation])] == [operation]
    assert tracker.statistics().succeeded == 1


async def test_a_tracker_without_operations_closes_immediately() -> None:
    async with client_of(FakeARM()) as client:
        async with azpoll.Tracker(client):
            pass
        assert anyio.current_time() == pytest.approx(0, abs=0.01)
