"""`start` and `aclose`: a tracker without `async with`, as in the cells of a notebook."""

from __future__ import annotations

import asyncio
import gc
import math
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, FakeARM, Script, run_virtual
from tests.support.clients import client_of
from tests.support.list_journal import ListJournal
from tests.support.operations import path_of

if TYPE_CHECKING:
    from typing import Literal

    import httpx

pytestmark = pytest.mark.anyio


async def test_each_call_may_come_from_another_task(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=30)
    tracker = azpoll.Tracker(client)
    begun: list[azpoll.AsyncOperation[httpx.Response]] = []
    states: list[str] = []

    async def start() -> None:
        assert await tracker.start() is tracker

    async def begin() -> None:
        begun.append(await tracker.begin("PUT", path_of(1), json={}))

    async def wait() -> None:
        states.append((await begun[0].wait()).state)

    for cell in (start, begin, wait, tracker.aclose):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cell)
    assert states == ["succeeded"]
    assert not client.is_closed


async def test_polling_outlives_the_task_that_started_the_tracker(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """A cancelled cell harms nothing."""
    fake_arm.default = Script(duration_s=30)
    tracker = azpoll.Tracker(client)
    begun: list[azpoll.AsyncOperation[httpx.Response]] = []

    async def interrupted() -> None:
        await tracker.start()
        begun.append(await tracker.begin("PUT", path_of(1), json={}))
        await anyio.sleep(3600)

    with anyio.move_on_after(5):
        await interrupted()
    assert (await begun[0]).is_success
    await tracker.aclose()


async def test_aclose_stops_the_tracking_and_may_be_called_again(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=3600)
    tracker = await azpoll.Tracker(client).start()
    operation = await tracker.begin("PUT", path_of(1), json={})
    await tracker.aclose()
    await tracker.aclose()
    assert anyio.current_time() < 60
    error = operation.exception()
    assert isinstance(error, azpoll.TrackerClosed)
    assert error.resume_token
    with pytest.raises(azpoll.TrackerClosed):
        await tracker.begin("PUT", path_of(1), json={})


async def test_a_second_aclose_returns_when_the_first_one_has_ended(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(duration_s=3600, retry_after=1, polls=[Delay(math.inf)])
    tracker = await azpoll.Tracker(client).start()
    operation = await tracker.begin("PUT", path_of(1), json={})
    await anyio.sleep(2)  # a poll is in flight, for which the first call waits
    ended_s: list[float] = []

    async def close() -> None:
        await tracker.aclose()
        assert operation.done()
        ended_s.append(anyio.current_time())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(close)
        tasks.start_soon(close)
    assert ended_s[0] == ended_s[1] > 2


async def test_aclose_raises_no_failure_of_an_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=5, outcome="Failed")
    tracker = await azpoll.Tracker(client).start()
    operation = await tracker.begin("PUT", path_of(1), json={})
    await operation.wait()
    await tracker.aclose()
    assert isinstance(operation.exception(), azpoll.OperationFailed)


async def test_a_tracker_is_entered_once(client: httpx.AsyncClient) -> None:
    tracker = azpoll.Tracker(client)
    with pytest.raises(RuntimeError, match="`start`"):
        await tracker.aclose()
    await tracker.start()
    with pytest.raises(azpoll.TrackerClosed):
        await tracker.start()
    with pytest.raises(azpoll.TrackerClosed):
        async with tracker:
            pass
    await tracker.aclose()
    async with azpoll.Tracker(client) as other:
        with pytest.raises(RuntimeError, match="`start`"):
            await other.aclose()


class Fatal(BaseException):
    """As `KeyboardInterrupt`, which may be raised in any task of a notebook."""


@pytest.mark.parametrize("journal", [None, ListJournal()], ids=["no journal", "journal"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_end_is_reported_after_a_fatal_error_of_its_listener(
    backend: Literal["asyncio", "trio"], journal: ListJournal | None
) -> None:
    """The journal has it at the latest when the tracker is closed."""

    def listener(event: azpoll.Event) -> None:
        if isinstance(event, azpoll.OperationEnded):
            raise Fatal

    async def main() -> None:
        async with client_of(FakeARM(default=Script(duration_s=30))) as client:
            tracker = await azpoll.Tracker(client, journal=journal).start()
            tracker.subscribe(listener)
            operations = [await tracker.begin("PUT", path_of(number), json={}) for number in (1, 2)]
            states = {(await operation.wait()).state for operation in operations}
            assert azpoll.OperationState.SUCCEEDED in states
            with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group in some cases
                await tracker.aclose()
            assert isinstance(getattr(caught.value, "exceptions", (caught.value,))[0], Fatal)

    run_virtual(main, backend=backend)
    if journal is not None:
        assert journal.ended


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_awaiter_waits_after_a_fatal_error_of_a_callback(backend: Literal["asyncio", "trio"]) -> None:
    """No block is cancelled by it, as that of `async with` is. `aclose` raises it."""
    errors: list[BaseException] = []

    def listener(event: azpoll.Event) -> None:
        if isinstance(event, azpoll.PollAnswered):
            raise Fatal

    async def main() -> None:
        async with client_of(FakeARM(default=Script(duration_s=30))) as client:
            tracker = await azpoll.Tracker(client).start()
            tracker.subscribe(listener)
            operation = await tracker.begin("PUT", path_of(1), json={})
            with pytest.raises(azpoll.TrackerClosed) as closed:
                await operation
            assert closed.value.resume_token
            with pytest.raises(azpoll.TrackerClosed, match="ended with an error"):
                await tracker.begin("PUT", path_of(2), json={})
            try:
                await tracker.aclose()
            except BaseExceptionGroup as error:
                errors.extend(error.exceptions)

    run_virtual(main, backend=backend)
    assert isinstance(errors[0], Fatal)


def test_no_awaiter_waits_after_all_other_tasks_were_cancelled() -> None:
    """As programs do to clean up in a notebook."""

    async def main() -> None:
        async with client_of(FakeARM(default=Script(duration_s=30))) as client:
            tracker = await azpoll.Tracker(client).start()
            operation = await tracker.begin("PUT", path_of(1), json={})
            await anyio.sleep(1)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            with pytest.raises(azpoll.TrackerClosed):
                await operation
            await tracker.aclose()

    run_virtual(main, backend="asyncio")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_aclose_of_another_event_loop_is_refused(backend: Literal["asyncio", "trio"]) -> None:
    """It could stop nothing there, and the tracker would count as closed."""
    started: list[azpoll.Tracker[httpx.Response]] = []

    async def start() -> None:
        async with client_of(FakeARM()) as client:
            started.append(await azpoll.Tracker(client).start())

    async def close() -> None:
        with pytest.raises(azpoll.WrongEventLoop):
            await started.pop().aclose()

    run_virtual(start, backend=backend)
    with pytest.warns(ResourceWarning, match="never closed"):  # noqa: PT031 - it warns when it is collected
        run_virtual(close, backend=backend)
        gc.collect()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_tracker_that_is_never_closed_ends_with_the_event_loop(backend: Literal["asyncio", "trio"]) -> None:
    arm = FakeARM(default=Script(duration_s=3600))

    async def forget() -> None:
        async with client_of(arm) as client:
            tracker = await azpoll.Tracker(client).start()
            await tracker.begin("PUT", path_of(1), json={})
            await anyio.sleep(20)

    with pytest.warns(ResourceWarning, match="never closed"):  # noqa: PT031 - it warns when it is collected
        run_virtual(forget, backend=backend)
        gc.collect()
