"""`tracker.group()`: one label, one progress and one end for several operations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Script, VirtualLoop
from tests.support.clients import client_of
from tests.support.operations import GROUP, path_of, until

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio


def arm_of(*, step_s: float = 10) -> FakeARM:
    """Return a service whose operation n takes n steps; operations with a path ending in 13 fail."""

    def script(request: object) -> Script:
        number = int(str(getattr(request, "path", "0")).rpartition("/t")[2] or 0)
        return Script(duration_s=number * step_s, retry_after=1, outcome="Failed" if number == 13 else "Succeeded")

    return FakeARM(default=script, limits=None)


async def test_leaving_a_group_waits_for_its_operations_only() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        other = await tracker.begin("DELETE", path_of(50))
        async with tracker.group("deploy-42") as group:
            first = await group.begin("DELETE", path_of(1))
            second = group.track(await client.delete(path_of(2)), label="named")
            third = group.resume((await tracker.begin("DELETE", path_of(3))).resume_token())
            assert group.operations == (first, second, third)
            assert [operation.label for operation in group.operations] == ["deploy-42", "named", "deploy-42"]
        assert all(operation.done() for operation in group.operations)
        assert anyio.current_time() == pytest.approx(30, abs=1)
        assert not other.done()


async def test_a_group_decodes_as_the_tracker_does() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker, tracker.group() as group:
        begun = await group.begin("DELETE", path_of(1), decode=lambda found: found.status_code)
        tracked = group.track(await client.delete(path_of(2)), decode=lambda found: found.status_code)
        resumed = group.resume(tracked.resume_token(), decode=lambda found: found.status_code)
        assert [await begun, await tracked, await resumed] == [200, 200, 200]
        assert begun.label is None


async def test_leaving_raises_one_exception_group_after_all_have_ended() -> None:
    """A failure does not stop the tracking of the other operations, which still run in Azure."""
    arm = arm_of(step_s=1)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        group = tracker.group("deploy")
        with pytest.raises(ExceptionGroup, match="'deploy'") as caught:  # noqa: PT012 - leaving the block raises
            async with group:
                for number in (2, 13, 30):
                    await group.begin("DELETE", path_of(number))
        assert [type(error) for error in caught.value.exceptions] == [azpoll.OperationFailed]
        assert [operation.state for operation in group.operations] == ["succeeded", "failed", "succeeded"]
        with pytest.raises(ExceptionGroup, match="operations of the group did"):
            async with tracker.group() as nameless:
                await nameless.begin("DELETE", path_of(13))


async def test_an_error_in_the_block_propagates_and_the_operations_stay_tracked() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        group = tracker.group()
        with pytest.raises(KeyError):  # noqa: PT012 - leaving the block raises
            async with group:
                await group.begin("DELETE", path_of(2))
                raise KeyError
        assert not group.operations[0].done()
    assert group.operations[0].result().status_code == 200


async def test_a_closed_group_accepts_no_more_operations() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        async with tracker.group() as group:
            operation = await group.begin("DELETE", path_of(1))
        with pytest.raises(azpoll.TrackerClosed, match="group is closed"):
            group.track(await client.delete(path_of(1)))
        with pytest.raises(azpoll.TrackerClosed):
            await group.begin("DELETE", GROUP)
        with pytest.raises(azpoll.TrackerClosed):
            group.resume("token")
        assert operation.done()


async def test_progress_reports_each_change_and_ends_with_the_group() -> None:
    arm = arm_of()
    seen: list[tuple[int, ...]] = []
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        assert tracker.group().snapshot() == azpoll.GroupProgress(0, 0, 0, 0, 0, None, None)
        with pytest.raises(ExceptionGroup):  # noqa: PT012 - leaving the block raises
            async with tracker.group() as group:
                for number in (1, 2, 13):
                    await group.begin("DELETE", path_of(number))
                stopped = await group.begin("DELETE", path_of(50))
                async for progress in group.progress():
                    seen.append((progress.running, progress.succeeded, progress.failed, progress.unknown))
                    assert progress.total == 4
                    assert progress.ended == 4 - progress.running
                    if progress.failed:
                        stopped.stop_tracking()
    assert seen == [(4, 0, 0, 0), (3, 1, 0, 0), (2, 2, 0, 0), (1, 2, 1, 0), (0, 2, 1, 1)]


async def test_progress_estimates_the_end() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker, tracker.group() as group:
        for number in (1, 2, 3, 4):
            await group.begin("DELETE", path_of(number))
        await until(5)
        assert group.snapshot().eta_s is None
        assert group.snapshot().oldest_s == pytest.approx(5)
        await until(20.5)
        assert group.snapshot().eta_s == pytest.approx(20.5)
        await until(41)
        assert group.snapshot().eta_s == 0
        assert group.snapshot().oldest_s is None


async def test_a_slow_reader_of_progress_gets_the_newest() -> None:
    arm = arm_of(step_s=1)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker, tracker.group() as group:
        for number in range(1, 31):
            await group.begin("DELETE", path_of(number) if number != 13 else path_of(12))
        seen: list[int] = []
        async for progress in group.progress():
            seen.append(progress.running)
            await anyio.sleep(10.5)
        assert seen[0] == 30
        assert seen[-1] == 0
        assert len(seen) <= 5


async def test_many_readers_of_progress_each_see_every_change() -> None:
    arm = arm_of()
    seen: list[list[int]] = []

    async def read() -> None:
        seen.append([progress.running async for progress in group.progress()])

    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
        tracker.group() as group,
    ):
        for number in (1, 2, 3):
            await group.begin("DELETE", path_of(number))
        for _ in range(3):
            tasks.start_soon(read)
    assert seen == [[3, 2, 1, 0]] * 3


async def test_the_progress_of_an_empty_group_ends_with_the_group(client: httpx.AsyncClient) -> None:
    async with azpoll.Tracker(client) as tracker:
        with anyio.fail_after(100):
            async with anyio.create_task_group() as tasks, tracker.group() as group:

                async def read() -> None:
                    async for progress in group.progress():
                        assert progress.total == 0

                tasks.start_soon(read)
                await until(5)


async def test_a_reader_may_stop_reading_the_progress() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker, tracker.group() as group:
        await group.begin("DELETE", path_of(1))
        async for progress in group.progress():
            assert progress.running == 1
            break


async def test_the_tracker_does_not_raise_the_failures_of_a_group_again() -> None:
    arm = arm_of(step_s=0)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ExceptionGroup):
            async with tracker.group() as group:
                await group.begin("DELETE", path_of(13))


async def test_a_cancelled_group_leaves_its_operations_running() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        group = tracker.group()
        with anyio.move_on_after(5):
            async with group:
                await group.begin("DELETE", path_of(2))
        assert anyio.current_time() == pytest.approx(5)
        [operation] = group.operations
        assert not operation.done()
        assert (await operation).status_code == 200


def test_a_group_may_be_made_before_the_tracker_is_entered() -> None:
    async def main() -> None:
        arm = arm_of()
        async with client_of(arm) as client:
            tracker = azpoll.Tracker(client)
            group = tracker.group()
            async with tracker, group:
                await group.begin("DELETE", path_of(1))
            assert group.snapshot().succeeded == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
