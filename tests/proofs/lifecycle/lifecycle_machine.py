"""The state machine: the actions of a program and the events of its environment, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.proofs.lifecycle.environment import LATENCY_S, SUBSCRIPTIONS, Environment
from tests.proofs.lifecycle.event_counts import counts_of
from tests.proofs.lifecycle.final_drain import CLOSED_S, drain
from tests.proofs.lifecycle.lifecycle_invariants import final_violations, step_violations
from tests.proofs.lifecycle.lifecycle_program import Program
from tests.proofs.lifecycle.operation_strategies import drafts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    import httpx

    from tests.proofs.lifecycle.operation_strategies import Draft
    from tests.proofs.lifecycle.tracker_holder import Exit, Leaving
    from tests.proofs.lifecycle.waiter_tasks import Kind

T = TypeVar("T")

MAX_TRACKERS = 2
"""The number of concurrent trackers of a program."""

MAX_OPERATIONS = 8
MAX_EXHAUSTED = 4
"""How often another client uses all reads: rarely enough that azpoll does not give up on a poll."""

MOMENTS_S = (0.0, 0.01, 0.04, 0.06, 0.3, 1.0, 3.0, 10.0, 17.0, 61.0, 600.0)
"""Times within the latency of an answer, between two polls, and long after."""

STEPS_S = (-3600.0, -5.0, 0.0, 0.9, 86400.0)
"""Steps of the wall clock; azpoll tolerates 0.9 s."""

index = st.integers(0, MAX_OPERATIONS - 1)
"""An index, modulo the number of items."""

exits = st.sampled_from(["wait", "stop"])


def one_of(things: Sequence[T], number: int) -> T:
    return things[number % len(things)]


class Lifecycle(RuleBasedStateMachine):
    """A program, its environment, and the rules.

    Args:
        counts: receives the event counts.
        wrap_transport: wraps the transport between the trackers and the service.
    """

    def __init__(
        self,
        counts: Counter[str],
        wrap_transport: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        super().__init__()
        self._counts = counts
        self._environment = Environment()
        self._program = Program(self._environment, wrap_transport)

    # Actions of the program

    @initialize(on_exit=exits, first=st.lists(drafts(), min_size=1, max_size=3))
    def start(self, on_exit: Exit, first: list[Draft]) -> None:
        self._program.begin(self._program.open(on_exit), *first)

    @precondition(lambda self: len(self._program.open_holders) < MAX_TRACKERS)
    @rule(on_exit=exits)
    def open_a_tracker(self, on_exit: Exit) -> None:
        self._program.open(on_exit)

    @precondition(lambda self: self._program.open_holders and len(self._program.remotes) < MAX_OPERATIONS)
    @rule(holder=index, more=st.lists(drafts(), min_size=1, max_size=3))
    def begin(self, holder: int, more: list[Draft]) -> None:
        self._program.begin(one_of(self._program.open_holders, holder), *more)

    @precondition(lambda self: self._program.usable)
    @rule(handle=index, kind=st.sampled_from(["await", "await", "wait", "snapshots"]), stay=st.booleans())
    def wait_for(self, handle: int, kind: Kind, *, stay: bool) -> None:
        """Await an operation; cancel the wait after one latency unless `stay`."""
        waiter = self._program.wait_for(one_of(self._program.usable, handle), kind)
        if not stay:
            self._environment.advance(LATENCY_S)
            self._program.cancel_waiter(waiter)

    @precondition(lambda self: self._program.waiting)
    @rule(waiter=index)
    def cancel_waiter(self, waiter: int) -> None:
        self._program.cancel_waiter(one_of(self._program.waiting, waiter))

    @precondition(lambda self: self._program.usable)
    @rule(handle=index, meanwhile=st.booleans())
    def ask_to_cancel(self, handle: int, *, meanwhile: bool) -> None:
        """Send a cancel request, possibly while a poll is in flight."""
        chosen = one_of(self._program.usable, handle)
        if meanwhile:
            self._program.advance_to_next_poll(chosen)
        self._program.cancel(chosen)

    @precondition(lambda self: self._program.usable)
    @rule(handle=index, holder=index, meanwhile=st.booleans(), resume=st.booleans())
    def stop_tracking(self, handle: int, holder: int, *, meanwhile: bool, resume: bool) -> None:
        """Stop tracking, possibly while a poll is in flight, and possibly resume in a tracker after its answer."""
        chosen = one_of(self._program.usable, handle)
        if meanwhile:
            self._program.advance_to_next_poll(chosen)
        self._program.stop(chosen)
        self._environment.advance(LATENCY_S)
        self._program.observe()
        if resume and self._program.open_holders:
            self._program.resume(chosen.remote, one_of(self._program.open_holders, holder))

    @precondition(lambda self: self._program.open_holders)
    @rule(remote=index, holder=index)
    def resume(self, remote: int, holder: int) -> None:
        self._program.resume(one_of(self._program.remotes, remote), one_of(self._program.open_holders, holder))

    @precondition(lambda self: self._program.open_holders)
    @rule(holder=index, how=st.sampled_from(["normally", "normally", "with an error", "cancelled"]))
    def leave(self, holder: int, how: Leaving) -> None:
        self._program.leave(one_of(self._program.open_holders, holder), how)

    @precondition(lambda self: self._program.open_holders)
    @rule(holder=index, on_exit=exits, seconds=st.sampled_from(STEPS_S))
    def start_again(self, holder: int, on_exit: Exit, seconds: float) -> None:
        """Restart the program's tracker; the wall clock may have been set meanwhile."""
        old = one_of(self._program.open_holders, holder)
        self._program.leave(old, "cancelled")
        self._environment.run(old.wait_closed(CLOSED_S))
        self._program.observe()
        self._set_wall_clock(seconds)
        new = self._program.open(on_exit)
        for remote in self._program.remotes:
            self._program.resume(remote, new)

    @precondition(lambda self: self._program.closed_holders)
    @rule(holder=index)
    def use_a_closed_tracker(self, holder: int) -> None:
        self._program.use_closed(one_of(self._program.closed_holders, holder))

    # Events of the environment

    @rule(seconds=st.sampled_from(MOMENTS_S))
    def time_passes(self, seconds: float) -> None:
        self._environment.advance(seconds)

    @rule(seconds=st.sampled_from([0.5, 5.0, 45.0, 8 * 3600.0]), counted=st.booleans())
    def the_machine_sleeps(self, seconds: float, *, counted: bool) -> None:
        self._environment.clocks.suspend(seconds, counted=counted)

    @rule(seconds=st.sampled_from(STEPS_S))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self._set_wall_clock(seconds)

    @rule(renewable=st.booleans(), seconds=st.sampled_from([0.0, 17.0, 600.0]))
    def the_credential_expires(self, seconds: float, *, renewable: bool) -> None:
        self._environment.issuer.up = renewable
        self._environment.issuer.expire()
        self._program.mark_refusals()
        self._environment.advance(seconds)

    @rule()
    def a_credential_can_be_had_again(self) -> None:
        self._environment.issuer.up = True

    @precondition(lambda self: self._environment.exhausted < MAX_EXHAUSTED)
    @rule(subscription=st.integers(0, SUBSCRIPTIONS - 1))
    def another_client_uses_all_reads(self, subscription: int) -> None:
        self._environment.exhaust_reads(subscription)

    def _set_wall_clock(self, seconds: float) -> None:
        self._environment.clocks.error_s += seconds
        self._program.renew_kept_tokens()

    # Invariants

    @invariant()
    def nothing_is_broken(self) -> None:
        self._program.observe()
        found = step_violations(self._program)
        assert not found, found[0]

    def teardown(self) -> None:
        try:
            drain(self._program)
            found = step_violations(self._program) + final_violations(self._program)
            assert not found, found[0]
            self._counts.update(counts_of(self._program))
        finally:
            self._environment.close()
