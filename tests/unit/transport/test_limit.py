"""One timer for the time limit of all exchanges of an asyncio loop; a cancel scope for each elsewhere."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from azpoll.eventloop.timeouts import ExchangeTimeouts
from azpoll.testing import VirtualLoop

pytestmark = pytest.mark.anyio

ASYNCIO = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})], ids=["asyncio"])


def opened(seconds: float = 30) -> ExchangeTimeouts:
    limit = ExchangeTimeouts(seconds)
    limit.open()
    return limit


async def waited(limit: ExchangeTimeouts, seconds: float) -> tuple[bool, float]:
    """Return whether an exchange of so many seconds was in time, and when it was over."""
    with limit.exchange(anyio.current_time()):
        await anyio.sleep(seconds)
        return True, anyio.current_time()
    return False, anyio.current_time()


@pytest.mark.parametrize("seconds", [0, 29.9])
async def test_what_is_in_time_is_left_alone(seconds: float) -> None:
    assert await waited(opened(), seconds) == (True, seconds)


async def test_each_exchange_has_its_own_thirty_seconds() -> None:
    limit = opened()
    found: dict[int, tuple[bool, float]] = {}

    async def run(number: int) -> None:
        await anyio.sleep(number)
        found[number] = await waited(limit, 30 + number % 2 - 0.5)

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(run, number)
    assert found == {number: (False, number + 30) if number % 2 else (True, number + 29.5) for number in range(40)}


async def test_the_limit_is_kept_after_nothing_was_under_way_for_long() -> None:
    limit = opened()
    assert await waited(limit, 1) == (True, 1)
    await anyio.sleep(100)
    assert await waited(limit, 31) == (False, 131)
    assert await waited(limit, 31) == (False, 161)


async def test_a_cancellation_from_outside_stays_one() -> None:
    limit = opened()
    with anyio.move_on_after(10) as scope:
        await waited(limit, 31)
    assert scope.cancelled_caught
    assert await waited(limit, 31) == (False, 40)


async def test_a_cancellation_from_outside_at_the_same_moment_stays_one() -> None:
    limit = opened()
    with anyio.move_on_after(30) as scope:
        await waited(limit, 31)
        await anyio.sleep(1)
    assert scope.cancelled_caught
    assert await waited(limit, 31) == (False, 60)


async def test_an_error_stays_an_error() -> None:
    limit = opened()
    with pytest.raises(KeyError), limit.exchange(anyio.current_time()):
        raise KeyError
    assert await waited(limit, 31) == (False, 30)


@ASYNCIO
async def test_an_answer_that_comes_in_spite_of_the_cancellation_is_taken() -> None:
    """Somebody beneath has caught it, as an auth of the caller's may; the task is then cancelled no more."""
    task = asyncio.current_task()
    assert task is not None
    answers: list[str] = []
    with opened().exchange(anyio.current_time()):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(31)
        answers.append("in spite of it")
    assert answers
    assert task.cancelling() == 0


@ASYNCIO
async def test_a_task_cancelled_by_asyncio_itself_is_cancelled() -> None:
    task = asyncio.ensure_future(waited(opened(), 31))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@ASYNCIO
async def test_one_timer_serves_any_number_of_exchanges_and_none_is_left_behind() -> None:
    loop = asyncio.get_running_loop()
    limit = opened()
    for _ in range(100):
        await waited(limit, 0.1)
        assert len([timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()]) <= 1
    limit.close()
    assert [timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()] == []
