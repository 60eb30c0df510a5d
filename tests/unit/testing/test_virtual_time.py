"""Virtual time jumps, exactly and in order, and never hangs."""

from __future__ import annotations

import asyncio
import socket
import sys
import time

import anyio
import anyio.to_thread
import pytest

from azpoll.testing import SocketsForbidden, VirtualLoop, VirtualTimeHang, run_virtual, virtual_backend


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_year_of_virtual_time_takes_no_real_time(backend: str) -> None:
    async def main(seconds: float) -> float:
        start = anyio.current_time()
        await anyio.sleep(seconds)
        return anyio.current_time() - start

    real = time.monotonic()
    year = 365 * 86400.0
    assert run_virtual(main, year, backend="trio" if backend == "trio" else "asyncio") == pytest.approx(year)
    assert time.monotonic() - real < 10


@pytest.mark.anyio
async def test_anyio_tests_run_in_virtual_time() -> None:
    with anyio.move_on_after(86400) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert anyio.current_time() >= 86400


def test_the_clock_starts_at_0_or_a_given_time() -> None:
    async def main() -> float:
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 0
    assert run_virtual(main, start_s=1e6) == 1e6
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 0


def test_a_stall_advances_the_clock_while_no_task_runs() -> None:
    """Timers that are due meanwhile run after the stall, the earliest first. Time never goes back."""
    woken: list[tuple[float, float]] = []

    async def sleep(delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        woken.append((delay_s, loop_time()))

    def loop_time() -> float:
        return asyncio.get_running_loop().time()

    async def main() -> None:
        sleepers = asyncio.gather(sleep(2.0), sleep(1.0), sleep(5.0))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.stall(3.0)
        loop.stall(-1.0)
        assert loop_time() == 3.0
        assert woken == []
        await sleepers

    run_virtual(main)
    assert woken == [(1.0, 3.0), (2.0, 3.0), (5.0, 5.0)]


def test_timers_fire_in_order_and_exactly_on_time() -> None:
    delays = [0.3, 0.1, 0.2, 1e-3, 1e5 + 0.1, 0.1, 2e5 + 0.7]
    fired: list[tuple[float, float]] = []

    async def sleep(delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        fired.append((delay_s, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(*[sleep(delay_s) for delay_s in delays])

    run_virtual(main)
    assert fired == [(delay_s, delay_s) for delay_s in sorted(delays)]


def test_a_cancelled_timer_does_not_move_the_clock() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(10, print).cancel()
        await asyncio.sleep(20)
        return loop.time()

    assert run_virtual(main) == 20


@pytest.mark.slow
def test_a_hang_is_an_error_that_names_the_waiting_tasks() -> None:
    async def stuck_here() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(VirtualTimeHang, match="stuck_here"):
        run_virtual(stuck_here)


def test_a_thread_may_still_report() -> None:
    async def main() -> int:
        return await anyio.to_thread.run_sync(lambda: 7)

    assert run_virtual(main) == 7


def test_sockets_are_forbidden_unless_allowed() -> None:
    ours, theirs = socket.socketpair()

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        theirs.send(b"x")
        loop.add_reader(ours, print)
        loop.remove_reader(ours)
        return b"read"

    with ours, theirs:
        ours.setblocking(False)  # noqa: FBT003 - the standard library has it so
        with pytest.raises(SocketsForbidden):
            run_virtual(main)
        assert run_virtual(main, allow_sockets=True) == b"read"


def order_of_steps(seed: int | None) -> list[int]:
    seen: list[int] = []

    async def step(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    async def main() -> None:
        await asyncio.gather(*[step(number) for number in range(20)])

    run_virtual(main, seed=seed)
    return seen


def test_a_seed_shuffles_ready_callbacks_reproducibly() -> None:
    assert order_of_steps(None) == list(range(20))
    assert order_of_steps(1) == order_of_steps(1) != list(range(20))
    assert order_of_steps(1) != order_of_steps(2)


def test_a_seed_forbids_sockets() -> None:
    with pytest.raises(ValueError, match="order of callbacks"):
        VirtualLoop(seed=1, allow_sockets=True)


def test_options_a_backend_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="no such backend: curio"):
        virtual_backend("curio")
    with pytest.raises(ValueError, match="asyncio only"):
        virtual_backend("trio", seed=1)


@pytest.mark.slow
def test_ten_thousand_sleeping_tasks_are_cheap() -> None:
    async def sleeper(number: int) -> None:
        for _ in range(5):
            await asyncio.sleep(1 + number % 17)

    async def main() -> None:
        await asyncio.gather(*[sleeper(number) for number in range(10_000)])

    real = time.process_time()
    run_virtual(main)
    assert time.process_time() - real < (20 if sys.gettrace() else 10)
