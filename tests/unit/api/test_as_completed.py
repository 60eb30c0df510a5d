"""`as_completed` yields the given objects in the order of their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.operations import path_of

if TYPE_CHECKING:
    import httpx

    from azpoll.options import Outcome

pytestmark = pytest.mark.anyio


def arm_of() -> FakeARM:
    """Return a service whose operation n takes 10 n seconds; operation 3 fails."""
    return FakeARM(
        default=lambda request: Script(
            duration_s=10 * int(request.path[-1]),
            retry_after=1,
            outcome="Failed" if request.path[-1] == "3" else "Done",
        )
    )


async def begun(tracker: azpoll.Tracker[httpx.Response], *numbers: int) -> list[azpoll.AsyncOperation[httpx.Response]]:
    words: dict[str, Outcome] = {"done": "succeeded"}
    return [await tracker.begin("DELETE", path_of(n), terminal_words=words, label=str(n)) for n in numbers]


async def test_operations_come_in_the_order_of_their_ends() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operations = await begun(tracker, 5, 1, 4, 2)
        seen: list[tuple[str | None, int]] = []
        async for operation in azpoll.as_completed(operations):
            assert operation in operations
            assert operation.result().status_code == 200
            seen.append((operation.label, round(anyio.current_time())))
        assert seen == [("1", 10), ("2", 20), ("4", 40), ("5", 50)]


async def test_failed_operations_are_yielded_too() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operations = [operation async for operation in azpoll.as_completed(await begun(tracker, 1, 3))]
        assert isinstance(operations[1].exception(), azpoll.OperationFailed)
        assert [operation.state for operation in operations] == ["succeeded", "failed"]


async def test_ended_and_repeated_operations_come_as_often_as_given() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        one, two = await begun(tracker, 1, 2)
        await one
        seen = [operation.label async for operation in azpoll.as_completed([two, one, one])]
        assert seen == ["1", "1", "2"]
        assert [operation async for operation in azpoll.as_completed(iter([one, two]))] == [one, two]
        nothing: list[azpoll.AsyncOperation[httpx.Response]] = []
        assert [operation async for operation in azpoll.as_completed(nothing)] == []


async def test_the_timeout_covers_all_operations_and_tracking_continues() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operations = await begun(tracker, 1, 2, 4)
        seen: list[str | None] = []
        with pytest.raises(TimeoutError, match="1 of 3"):  # noqa: PT012 - what leaving the block raises
            async for operation in azpoll.as_completed(operations, timeout=25):
                seen.append(operation.label)  # noqa: PERF401 - what came before the error is kept
        assert seen == ["1", "2"]
        assert anyio.current_time() == pytest.approx(25)
        assert (await operations[2]).status_code == 200


async def test_a_slow_reader_misses_no_operation_even_after_the_timeout() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operations = await begun(tracker, 1, 2)
        seen: list[str | None] = []
        async for operation in azpoll.as_completed(operations, timeout=30):
            seen.append(operation.label)
            await anyio.sleep(100)
        assert seen == ["1", "2"]


async def test_a_reader_may_leave_after_the_first() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        async for operation in azpoll.as_completed(await begun(tracker, 1, 2)):
            assert operation.label == "1"
            break
        with anyio.move_on_after(3):
            async for _ in azpoll.as_completed(await begun(tracker, 2)):
                pass


@pytest.mark.parametrize("timeout", [-1, float("nan")])
async def test_an_invalid_timeout_is_refused_at_the_call(timeout: float) -> None:  # noqa: ASYNC109 - a parameter of the test
    with pytest.raises(ValueError, match="timeout must be 0 seconds or more"):
        azpoll.as_completed([], timeout=timeout)


async def test_operations_of_several_trackers_can_be_mixed() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as one, azpoll.Tracker(client) as two:
        operations = [*await begun(one, 2), *await begun(two, 1)]
        assert [operation.label async for operation in azpoll.as_completed(operations)] == ["1", "2"]
