"""One request may hold the event loop for half a second in all, and only what the processor does counts then."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import pytest

from azpoll.eventloop.held_loop import BY_CLOCK_S, BY_CPU_S, limited

pytestmark = pytest.mark.anyio


@dataclass
class Machine:
    """A clock and a processor that only `work` and `wait` move."""

    clock_s: float = 0.0
    cpu_s: float = 0.0
    steps: list[float] = field(default_factory=list[float])

    def work(self, time_s: float) -> None:
        self.clock_s += time_s
        self.cpu_s += time_s

    def wait(self, time_s: float) -> None:
        self.clock_s += time_s

    async def run(self, *steps_s: float, works: bool = True) -> str:
        """Hold the loop for these times, and suspend after each."""
        for step_s in steps_s:
            (self.work if works else self.wait)(step_s)
            self.steps.append(step_s)
            await anyio.sleep(0)  # noqa: ASYNC115 - `anyio.lowlevel` does the same
        return "done"

    async def within(self, *steps_s: float, works: bool = True) -> str | None:
        with anyio.CancelScope() as scope:
            steps = self.run(*steps_s, works=works)
            return await limited(steps, scope.cancel, lambda: self.clock_s, lambda: self.cpu_s)
        return None


async def test_t10_short_steps_are_not_limited() -> None:
    assert await Machine().within(0.1, 0.09) == "done"


async def test_t10_many_steps_are_cancelled_once_they_have_taken_too_long() -> None:
    machine = Machine()
    assert await machine.within(*[0.05] * 1000) is None
    assert BY_CLOCK_S + BY_CPU_S < sum(machine.steps) < BY_CLOCK_S + BY_CPU_S + 0.2


async def test_t10_steps_that_wait_for_something_else_do_not_count() -> None:
    """A busy machine, or an auth that reads a file or awaits another process without the event loop."""
    assert await Machine().within(*[1.0] * 100, works=False) == "done"


async def test_t10_one_long_step_is_not_judged() -> None:
    """The first use of an auth may import its modules."""
    assert await Machine().within(5.0, 0.1, 0.1) == "done"


async def test_an_exception_and_a_cancellation_pass_in_both_directions() -> None:
    async def raising() -> None:
        await anyio.sleep(0)  # noqa: ASYNC115 - as above
        raise KeyError

    async def waiting() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)
        raise AssertionError

    ended: list[bool] = []
    with pytest.raises(KeyError):
        await limited(raising(), list)
    with anyio.move_on_after(1):
        await limited(waiting(), list)
    assert ended == [True]
