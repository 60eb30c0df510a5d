"""The rules: all that a program may do and all that may befall it, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.proofs.lifecycle.event_counts import tally_of
from tests.proofs.lifecycle.final_drain import CLOSED_S, settle
from tests.proofs.lifecycle.lifecycle_invariants import broken_in_the_end, broken_so_far
from tests.proofs.lifecycle.lifecycle_program import Program
from tests.proofs.lifecycle.operation_strategies import drafts
from tests.proofs.lifecycle.simulated_world import LATENCY_S, SUBSCRIPTIONS, World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    import httpx

    from tests.proofs.lifecycle.operation_strategies import Draft
    from tests.proofs.lifecycle.tracker_task import Exit, Leaving
    from tests.proofs.lifecycle.waiter_tasks import Kind

T = TypeVar("T")

MOST_ROOMS = 2
"""Open at once: two trackers of one program."""

MOST_WORKS = 8
MOST_USED_UP = 4
"""So often does another program use up the reads: with the faults of a script, not so often that a poll is given up."""

MOMENTS_S = (0.0, 0.01, 0.04, 0.06, 0.3, 1.0, 3.0, 10.0, 17.0, 61.0, 600.0)
"""Within an answer's latency, between two polls, and long after."""

STEPS_S = (-3600.0, -5.0, 0.0, 0.9, 86400.0)
"""By which a clock is set; nine tenths of a second are borne without more."""

some = st.integers(0, MOST_WORKS - 1)
"""Which one of those that are there."""

exits = st.sampled_from(["wait", "stop"])


def one_of(things: Sequence[T], number: int) -> T:
    return things[number % len(things)]


class Lifecycle(RuleBasedStateMachine):
    """A program in its world, and the rules.

    Args:
        tally: counts what happened.
        between: may stand between the program's trackers and the service.
    """

    def __init__(
        self,
        tally: Counter[str],
        between: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        super().__init__()
        self._tally = tally
        self._world = World()
        self._program = Program(self._world, between)

    # What a program does

    @initialize(on_exit=exits, first=st.lists(drafts(), min_size=1, max_size=3))
    def start(self, on_exit: Exit, first: list[Draft]) -> None:
        self._program.begin(self._program.open(on_exit), *first)

    @precondition(lambda self: len(self._program.open_rooms) < MOST_ROOMS)
    @rule(on_exit=exits)
    def open_a_tracker(self, on_exit: Exit) -> None:
        self._program.open(on_exit)

    @precondition(lambda self: self._program.open_rooms and len(self._program.works) < MOST_WORKS)
    @rule(room=some, more=st.lists(drafts(), min_size=1, max_size=3))
    def begin(self, room: int, more: list[Draft]) -> None:
        self._program.begin(one_of(self._program.open_rooms, room), *more)

    @precondition(lambda self: self._program.newest)
    @rule(handle=some, kind=st.sampled_from(["await", "await", "wait", "snapshots"]), stay=st.booleans())
    def wait_for(self, handle: int, kind: Kind, *, stay: bool) -> None:
        """Perhaps not for long."""
        waiter = self._program.wait_for(one_of(self._program.newest, handle), kind)
        if not stay:
            self._world.let_pass(LATENCY_S)
            self._program.leave_waiting(waiter)

    @precondition(lambda self: self._program.waiting)
    @rule(waiter=some)
    def leave_waiting(self, waiter: int) -> None:
        self._program.leave_waiting(one_of(self._program.waiting, waiter))

    @precondition(lambda self: self._program.newest)
    @rule(handle=some, meanwhile=st.booleans())
    def ask_to_cancel(self, handle: int, *, meanwhile: bool) -> None:
        """Perhaps while a poll is under way."""
        chosen = one_of(self._program.newest, handle)
        if meanwhile:
            self._program.until_asked(chosen)
        self._program.cancel(chosen)

    @precondition(lambda self: self._program.newest)
    @rule(handle=some, room=some, meanwhile=st.booleans(), resume=st.booleans())
    def stop_tracking(self, handle: int, room: int, *, meanwhile: bool, resume: bool) -> None:
        """Perhaps while a poll is under way, and perhaps to track it elsewhere as soon as that is answered."""
        chosen = one_of(self._program.newest, handle)
        if meanwhile:
            self._program.until_asked(chosen)
        self._program.stop(chosen)
        self._world.let_pass(LATENCY_S)
        self._program.look()
        if resume and self._program.open_rooms:
            self._program.resume(chosen.work, one_of(self._program.open_rooms, room))

    @precondition(lambda self: self._program.open_rooms)
    @rule(work=some, room=some)
    def resume(self, work: int, room: int) -> None:
        self._program.resume(one_of(self._program.works, work), one_of(self._program.open_rooms, room))

    @precondition(lambda self: self._program.open_rooms)
    @rule(room=some, how=st.sampled_from(["in good order", "in good order", "with an error", "cancelled"]))
    def leave(self, room: int, how: Leaving) -> None:
        self._program.leave(one_of(self._program.open_rooms, room), how)

    @precondition(lambda self: self._program.open_rooms)
    @rule(room=some, on_exit=exits, seconds=st.sampled_from(STEPS_S))
    def start_again(self, room: int, on_exit: Exit, seconds: float) -> None:
        """A clock may have been set meanwhile."""
        old = one_of(self._program.open_rooms, room)
        self._program.leave(old, "cancelled")
        self._world.run(old.wait_closed(CLOSED_S))
        self._program.look()
        self._set_wall_clock(seconds)
        new = self._program.open(on_exit)
        for work in self._program.works:
            self._program.resume(work, new)

    @precondition(lambda self: self._program.closed_rooms)
    @rule(room=some)
    def use_a_closed_tracker(self, room: int) -> None:
        self._program.use_closed(one_of(self._program.closed_rooms, room))

    # What befalls it

    @rule(seconds=st.sampled_from(MOMENTS_S))
    def time_passes(self, seconds: float) -> None:
        self._world.let_pass(seconds)

    @rule(seconds=st.sampled_from([0.5, 5.0, 45.0, 8 * 3600.0]), counted=st.booleans())
    def the_machine_sleeps(self, seconds: float, *, counted: bool) -> None:
        self._world.clocks.suspend(seconds, counted=counted)

    @rule(seconds=st.sampled_from(STEPS_S))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self._set_wall_clock(seconds)

    @rule(renewable=st.booleans(), seconds=st.sampled_from([0.0, 17.0, 600.0]))
    def the_credential_expires(self, seconds: float, *, renewable: bool) -> None:
        self._world.issuer.up = renewable
        self._world.issuer.expire()
        self._program.note_refusals()
        self._world.let_pass(seconds)

    @rule()
    def a_credential_can_be_had_again(self) -> None:
        self._world.issuer.up = True

    @precondition(lambda self: self._world.used_up < MOST_USED_UP)
    @rule(subscription=st.integers(0, SUBSCRIPTIONS - 1))
    def others_use_up_the_reads(self, subscription: int) -> None:
        self._world.use_up_reads(subscription)

    def _set_wall_clock(self, seconds: float) -> None:
        self._world.clocks.error_s += seconds
        self._program.keep_tokens_anew()

    # What must hold

    @invariant()
    def nothing_is_broken(self) -> None:
        self._program.look()
        found = broken_so_far(self._program)
        assert not found, found[0]

    def teardown(self) -> None:
        try:
            settle(self._program)
            found = broken_so_far(self._program) + broken_in_the_end(self._program)
            assert not found, found[0]
            self._tally.update(tally_of(self._program))
        finally:
            self._world.close()
