"""Any number of awaiters share one polling loop, and none can affect it (rules 39, 40)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
import trio

import azpoll
from azpoll.testing import Drop, FakeARM, IncomingRequest, Ordinary, Script, run_virtual, status_monitor
from tests.support.clients import Library, client_of
from tests.support.marks import ASYNCIO, EACH_LIBRARY
from tests.support.operations import THING, error_of, path_of, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio

Operation = azpoll.AsyncOperation[httpx.Response]


async def test_fifty_awaiters_share_one_polling_loop_and_one_result(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("PUT", duration_s=30, retry_after=10)
    results: list[httpx.Response] = []

    async def wait() -> None:
        results.append(await operation)

    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(wait)
        results.append(await operation)
    assert fake_arm.statistics().reads == 4
    assert len(results) == 51
    assert len(set(map(id, results))) == 1


async def test_each_awaiter_gets_its_own_exception(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=30, retry_after=10, outcome="Failed")
    errors: list[BaseException] = []

    async def wait() -> None:
        errors.append(await error_of(operation))

    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(wait)
        for _ in range(10):
            await wait()
    assert {type(error) for error in errors} == {azpoll.OperationFailed}
    assert len(set(map(id, errors))) == 20
    lengths = [len(list(_frames(error))) for error in errors[10:]]
    assert len(set(lengths)) == 1, "raising one exception object repeatedly extends its traceback"


def _frames(error: BaseException) -> list[object]:
    frames: list[object] = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return frames


async def test_a_cancelled_awaiter_affects_neither_polls_nor_other_awaiters() -> None:
    arm = FakeARM(latency_s=2)
    arm.operation("PUT", duration_s=60, retry_after=10)
    ended: list[int] = []

    async def leave(after_s: float) -> None:
        with anyio.move_on_after(after_s):
            await operation
            ended.append(0)

    async def stay() -> None:
        ended.append((await operation).status_code)

    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stay)
            for tenths in range(300):
                tasks.start_soon(leave, tenths / 10)
    assert ended == [200]
    assert None not in {request.status for request in arm.requests}
    arm.one_request_at_a_time()
    arm.no_early_polls()
    assert tracker.statistics().polls == len(arm.requests) - 1


@EACH_LIBRARY
async def test_cancelling_the_only_awaiter_does_not_cancel_the_poll(library: Library) -> None:
    arm = FakeARM(latency_s=5)
    arm.operation("DELETE", duration_s=1, retry_after=3)
    answered: list[int] = []

    async def note(response: httpx.Response) -> None:
        answered.append(response.status_code)

    async with client_of(arm, library, event_hooks={"response": [note]}) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        with anyio.move_on_after(6):
            await operation
        assert tracker.statistics().in_flight == 1
        assert answered == [202]
        await anyio.sleep(4)
        assert operation.done()
        assert answered == [202, 200]
        assert len(arm.requests) == 2


async def test_a_terminal_answer_survives_a_simultaneous_cancellation(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Rule 40."""
    fake_arm.operation("DELETE", duration_s=1, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        scope = anyio.CancelScope()
        operation.add_done_callback(lambda _: scope.cancel())
        with scope:
            await operation
        assert operation.result().status_code == 200
        assert (await operation).status_code == 200
    assert fake_arm.statistics().reads == 1


async def test_awaiting_in_a_cancelled_scope_raises_only_there(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await operation
        assert scope.cancelled_caught
        assert (await operation).status_code == 200


# Asyncio


@ASYNCIO
async def test_gather_accepts_operations(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("PUT", path_of(number)) for number in range(20)]
        responses = await asyncio.gather(*operations)
        assert [response.status_code for response in responses] == [200] * 20
        assert asyncio.get_running_loop().time() < 31


@ASYNCIO
async def test_gather_reports_failed_operations(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    def script(request: IncomingRequest) -> Script:
        return Script(outcome="Failed" if request.path[-1] in "37" else "Succeeded")

    fake_arm.default = script
    async with azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("DELETE", path_of(number)) for number in range(10)]
        with pytest.raises(azpoll.OperationFailed):
            await asyncio.gather(*operations)
        outcomes = await asyncio.gather(*operations, return_exceptions=True)
        failed = [isinstance(outcome, azpoll.OperationFailed) for outcome in outcomes]
        assert failed == [number in {3, 7} for number in range(10)]


@ASYNCIO
async def test_operations_in_a_task_group_of_asyncio(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=30, retry_after=10)

    async def wait(operation: Operation) -> int:
        return (await operation).status_code

    async with azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("PUT", path_of(number)) for number in range(5)]
        async with asyncio.TaskGroup() as tasks:
            waits = [tasks.create_task(wait(operation)) for operation in operations]
        assert [task.result() for task in waits] == [200] * 5


@ASYNCIO
async def test_a_failure_in_a_task_group_does_not_stop_the_tracking() -> None:
    arm = FakeARM(
        default=lambda request: Script(duration_s=20, outcome="Failed" if request.path[-1] == "0" else "Succeeded")
    )
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        failing = await tracker.begin("DELETE", path_of(0), interval=5)
        running = await tracker.begin("DELETE", path_of(1), interval=30)
        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - what leaving the block raises
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(failing.wait())
                tasks.create_task(_raise_of(failing))
                tasks.create_task(running.wait())
        assert [type(error) for error in caught.value.exceptions] == [azpoll.OperationFailed]
        assert not running.done()
        assert (await running).status_code == 200


async def _raise_of(operation: Operation) -> None:
    await operation


@ASYNCIO
@pytest.mark.parametrize("leave", ["wait_for", "timeout", "cancel", "future"])
async def test_every_way_to_stop_waiting_leaves_the_operation_running(leave: str) -> None:
    arm = FakeARM(latency_s=1)
    arm.operation("PUT", duration_s=60, retry_after=10)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        match leave:
            case "wait_for":
                with pytest.raises(TimeoutError) as caught:
                    await asyncio.wait_for(operation, 25)
                assert not isinstance(caught.value, azpoll.AzpollError)
            case "timeout":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(25):
                        await operation
            case "cancel":
                task = asyncio.create_task(_raise_of(operation))
                await asyncio.sleep(25)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            case _:
                future = asyncio.ensure_future(operation)
                await asyncio.sleep(25)
                future.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await future
        assert not operation.done()
        assert (await asyncio.wait_for(operation, 100)).status_code == 200
    arm.one_request_at_a_time()
    assert arm.statistics().reads == tracker.statistics().polls


@ASYNCIO
async def test_operations_with_futures_and_as_completed_of_asyncio(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    def script(request: IncomingRequest) -> Script:
        return Script(duration_s=10 * (1 + int(request.path[-1])))

    fake_arm.default = script
    async with azpoll.Tracker(client, interval=1) as tracker:
        operations = [await tracker.begin("DELETE", path_of(number)) for number in range(4)]
        future = asyncio.ensure_future(operations[0])
        assert [asyncio.isfuture(operation) for operation in operations] == [False] * 4
        done, pending = await asyncio.wait(
            [future, *map(asyncio.ensure_future, operations[1:])], return_when=asyncio.FIRST_COMPLETED
        )
        assert (len(done), len(pending)) == (1, 3)
        assert future.result().status_code == 200
        found = [(await task).status_code for task in asyncio.as_completed(operations)]
        assert found == [200] * 4
        await asyncio.gather(*pending)


@pytest.mark.slow
def test_no_order_of_ready_callbacks_brings_a_second_request_or_a_hang() -> None:
    """The same fleet runs under 40 orders of the event loop's ready callbacks."""

    async def main() -> int:
        arm = FakeARM(
            default=Script(
                duration_s=15, retry_after=5, polls=[Drop(), status_monitor("Running", retry_after=3), Ordinary()]
            ),
            latency_s=1,
        )
        async with client_of(arm) as client, azpoll.Tracker(client, max_in_flight=3) as tracker:
            operations = [await tracker.begin("DELETE", path_of(number)) for number in range(8)]

            async def flicker(operation: Operation, after_s: float) -> None:
                with anyio.move_on_after(after_s):
                    await operation

            async with anyio.create_task_group() as tasks:
                for number, operation in enumerate(operations):
                    tasks.start_soon(flicker, operation, number / 2)
                    tasks.start_soon(flicker, operation, 5.0)
                    tasks.start_soon(operation.wait)
                await until(14)
                operations[0].stop_tracking()
        arm.one_request_at_a_time()
        arm.no_early_polls()
        arm.no_requests_after_end()
        assert tracker.statistics().running == tracker.statistics().in_flight == 0
        return tracker.statistics().succeeded

    assert [run_virtual(main, seed=seed) for seed in range(40)] == [7] * 40


# Anyio and trio


async def test_operations_in_a_task_group_of_anyio(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("PUT", path_of(number)) for number in range(5)]
        async with anyio.create_task_group() as tasks:
            for operation in operations:
                tasks.start_soon(operation.wait)
        assert all(operation.done() for operation in operations)


def test_operations_in_a_nursery_of_trio() -> None:
    async def main() -> None:
        arm = FakeARM(default=Script(duration_s=30, retry_after=10))
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            operations = [await tracker.begin("PUT", path_of(number)) for number in range(5)]
            async with trio.open_nursery() as nursery:
                for operation in operations:
                    nursery.start_soon(operation.wait)
            with trio.move_on_after(10):
                await tracker.begin("PUT", path_of(9))
            assert (await operations[0]).status_code == 200
            assert trio.current_time() < 100

    run_virtual(main, backend="trio")


async def test_the_tracker_may_live_in_one_task_and_its_awaiters_in_others(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(duration_s=30, retry_after=10)
    send, receive = anyio.create_memory_object_stream[Operation](10)
    done: list[int] = []

    async def work() -> None:
        async for operation in receive:
            done.append((await operation).status_code)  # noqa: PERF401 - each as it comes

    async with anyio.create_task_group() as tasks, receive:
        tasks.start_soon(work)
        async with azpoll.Tracker(client) as tracker, send:
            for number in range(5):
                await send.send(await tracker.begin("PUT", path_of(number)))
        await anyio.wait_all_tasks_blocked()
    assert done == [200] * 5


async def test_thousands_of_short_awaits_cost_no_request(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=50, retry_after=10)
    hook: Callable[[], Awaitable[object]]
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        hook = operation.wait
        for _ in range(1000):
            with anyio.move_on_after(0.02):
                await hook()
        await operation
    assert fake_arm.statistics().reads == 6
