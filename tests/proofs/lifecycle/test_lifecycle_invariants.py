"""The judge finds each thing that must not be, where something between a tracker and the service brings it about."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import Script
from tests.proofs.lifecycle.faulty_transports import SABOTAGE, Between
from tests.proofs.lifecycle.final_drain import settle
from tests.proofs.lifecycle.hypothesis_run import run
from tests.proofs.lifecycle.lifecycle_invariants import broken_in_the_end, broken_so_far
from tests.proofs.lifecycle.lifecycle_program import Program
from tests.proofs.lifecycle.operation_strategies import Draft
from tests.proofs.lifecycle.recording_transport import Read
from tests.proofs.lifecycle.simulated_world import World
from tests.support.canary import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN = Draft("PUT", Script(duration_s=60, retry_after=17), foreign=False, timeout=None, result="final", by_hand=False)


@pytest.mark.parametrize("invariant", SABOTAGE)
def test_each_sabotage_is_found_and_called_by_its_name(invariant: str) -> None:
    with pytest.raises(AssertionError, match=rf"\A{invariant} "):
        run(Counter(), examples=50, steps=30, between=SABOTAGE[invariant], shrink=False)


def test_what_stands_between_and_changes_nothing_is_not_found_fault_with() -> None:
    run(Counter(), examples=5, steps=30, between=Between)


@pytest.fixture
def program() -> Iterator[Program]:
    """Return a program that has run to its end, and has broken nothing."""
    world = World()
    program = Program(world)
    program.begin(program.open("stop"), PLAIN)
    program.look()
    program.wait_for(program.handles[0], "await")
    settle(program)
    assert broken_so_far(program) + broken_in_the_end(program) == []
    yield program
    world.close()


def told_twice(program: Program) -> None:
    program.handles[0].waiters[0].told *= 2


def called_twice(program: Program) -> None:
    program.handles[0].calls = 2


def read_without_end(program: Program) -> None:
    program.rooms[0].wire.reads += [Read(100 + number / 10, "s0") for number in range(4)]


def telling(program: Program) -> None:
    program.texts.append(f"Bearer {CANARY}")


HARM: tuple[tuple[str, Callable[[Program], None]], ...] = (
    ("I3", told_twice),
    ("I3", called_twice),
    ("I7", read_without_end),
    ("I9", telling),
)


@pytest.mark.parametrize(("invariant", "harm"), HARM)
def test_what_no_service_can_bring_about_is_found_as_well(
    program: Program, invariant: str, harm: Callable[[Program], None]
) -> None:
    harm(program)
    assert [line.split()[0] for line in broken_in_the_end(program)] == [invariant]
