"""KeyboardInterrupt, SystemExit and the outcomes of pytest out of a callback leave no awaiter waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, run_virtual
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

THINGS = tuple(f"/subscriptions/s/resourceGroups/g/things/t{number}" for number in range(3))


class Outcome(BaseException):
    """As `pytest.fail` raises it."""


def _on(kind: type[azpoll.Event], error: BaseException) -> Callable[[azpoll.Event], None]:
    def listener(event: azpoll.Event) -> None:
        if isinstance(event, kind):
            raise error

    return listener


def found_in(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an exception, or one of a group, is of a kind."""
    members: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return isinstance(error, kind) or any(found_in(each, kind) for each in members)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("place", [azpoll.PollAnswered, azpoll.OperationEnded, "done callback"])
def test_rule_40_every_awaiter_gets_a_result_after_a_fatal_error_in_a_callback(place: Any, backend: Any) -> None:
    """The operation that the callback was called for ends as it did. The others can be resumed."""
    results: list[object] = []
    other_calls: list[object] = []

    async def awaited(operation: azpoll.AsyncOperation[Any]) -> None:
        try:
            results.append((await operation).status_code)
        except azpoll.TrackerClosed as closed:
            results.append(closed.resume_token)

    async def track(tracker: azpoll.Tracker[Any], tasks: TaskGroup) -> None:
        async with tracker:
            operations = [await tracker.begin("DELETE", path) for path in THINGS]
            for operation in operations:
                tasks.start_soon(awaited, operation)
            if isinstance(place, str):
                operations[0].add_done_callback(_raise)
                operations[0].add_done_callback(other_calls.append)
            else:
                tracker.subscribe(_on(place, Outcome()))
                tracker.subscribe(other_calls.append)
            await anyio.sleep(3600)

    async def main() -> None:
        arm = FakeARM()
        for number, path in enumerate(THINGS):
            arm.operation("DELETE", path, duration_s=1 + 100 * number, retry_after=1)
        async with client_of(arm) as client, anyio.create_task_group() as tasks:
            tracker = azpoll.Tracker(client)
            with pytest.raises(BaseException) as raised:  # noqa: PT011 - the kind is asserted below
                await track(tracker, tasks)
            assert found_in(raised.value, Outcome)
            assert other_calls
            assert not tracker.statistics().running
        assert len(results) == len(THINGS)
        assert all(results)

    run_virtual(main, backend=backend)


def _raise(_: object) -> None:
    raise Outcome


def test_an_operation_is_tracked_even_if_the_listener_of_its_begin_raises() -> None:
    async def main() -> None:
        arm = FakeARM()
        arm.operation("DELETE", THINGS[0], duration_s=1)
        ended: list[azpoll.Event] = []
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            unsubscribe = tracker.subscribe(_on(azpoll.OperationTracked, Outcome()))
            with pytest.raises(Outcome):
                await tracker.begin("DELETE", THINGS[0])
            unsubscribe()
            tracker.subscribe(ended.append)
        assert isinstance(ended[-1], azpoll.OperationEnded)

    run_virtual(main)


def test_ctrl_c_in_a_callback_ends_the_program() -> None:
    async def main() -> None:
        arm = FakeARM()
        arm.operation("DELETE", THINGS[0], duration_s=1)
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            tracker.subscribe(_on(azpoll.PollAnswered, KeyboardInterrupt()))
            await (await tracker.begin("DELETE", THINGS[0]))

    with pytest.raises(KeyboardInterrupt), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())
