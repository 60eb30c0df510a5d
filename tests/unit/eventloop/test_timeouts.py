"""Under asyncio one timer serves the time limits of all exchanges; under trio each has a cancel scope."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from azpoll.eventloop.timeouts import ExchangeTimeouts
from tests.support.marks import ASYNCIO

pytestmark = pytest.mark.anyio


async def waited(timeouts: ExchangeTimeouts, seconds: float) -> tuple[bool, float]:
    """Return whether an exchange of this duration ended within its limit, and the time of its end."""
    with timeouts.exchange(anyio.current_time()):
        await anyio.sleep(seconds)
        return True, anyio.current_time()
    return False, anyio.current_time()


@pytest.mark.parametrize("seconds", [0, 29.9])
async def test_an_exchange_within_its_limit_is_not_cancelled(seconds: float) -> None:
    assert await waited(ExchangeTimeouts(30), seconds) == (True, seconds)


async def test_each_exchange_has_its_own_thirty_seconds() -> None:
    timeouts = ExchangeTimeouts(30)
    found: dict[int, tuple[bool, float]] = {}

    async def run(number: int) -> None:
        await anyio.sleep(number)
        found[number] = await waited(timeouts, 30 + number % 2 - 0.5)

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(run, number)
    assert found == {number: (False, number + 30) if number % 2 else (True, number + 29.5) for number in range(40)}


async def test_the_limit_holds_after_a_long_time_without_an_exchange() -> None:
    timeouts = ExchangeTimeouts(30)
    assert await waited(timeouts, 1) == (True, 1)
    await anyio.sleep(100)
    assert await waited(timeouts, 31) == (False, 131)
    assert await waited(timeouts, 31) == (False, 161)


async def test_a_cancellation_from_outside_remains_a_cancellation() -> None:
    timeouts = ExchangeTimeouts(30)
    with anyio.move_on_after(10) as scope:
        await waited(timeouts, 31)
    assert scope.cancelled_caught
    assert await waited(timeouts, 31) == (False, 40)


async def test_a_cancellation_at_the_moment_of_the_limit_remains_a_cancellation() -> None:
    timeouts = ExchangeTimeouts(30)
    with anyio.move_on_after(30) as scope:
        await waited(timeouts, 31)
        await anyio.sleep(1)
    assert scope.cancelled_caught
    assert await waited(timeouts, 31) == (False, 60)


async def test_an_exception_within_an_exchange_is_raised() -> None:
    timeouts = ExchangeTimeouts(30)
    with pytest.raises(KeyError), timeouts.exchange(anyio.current_time()):
        raise KeyError
    assert await waited(timeouts, 31) == (False, 30)


@ASYNCIO
async def test_an_answer_that_arrives_despite_the_cancellation_is_accepted() -> None:
    """Code below, such as an auth of the caller, has caught it. The task is then no longer cancelled."""
    task = asyncio.current_task()
    assert task is not None
    answers: list[str] = []
    with ExchangeTimeouts(30).exchange(anyio.current_time()):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(31)
        answers.append("despite the cancellation")
    assert answers
    assert task.cancelling() == 0


@ASYNCIO
async def test_a_task_cancelled_by_asyncio_itself_is_cancelled() -> None:
    task = asyncio.ensure_future(waited(ExchangeTimeouts(30), 31))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@ASYNCIO
async def test_one_timer_serves_all_exchanges_and_is_released() -> None:
    loop = asyncio.get_running_loop()
    timeouts = ExchangeTimeouts(30)
    for _ in range(100):
        await waited(timeouts, 0.1)
        assert len([timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()]) <= 1
    timeouts.abort()
    assert [timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()] == []
