"""R2: tracker, scheduler, transport and core together, over a service with ARM's read limits and every fault.

The runs are deterministic: `run(RunOptions(seed, operations))` replays a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.stack.random_operations import FAULTS, random_fleet
from tests.proofs.stack.stack_invariants import violations
from tests.proofs.stack.stack_run import RunOptions, run
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import scaled

if TYPE_CHECKING:
    from tests.proofs.stack.stack_invariants import History
    from tests.support.clients import Library

pytestmark = pytest.mark.slow

OPERATIONS = 1_000
RUNS = scaled(push=4, nightly=1_000)
UNTHROTTLED = frozenset(FAULTS) - {"429"}
"""The scripts have no 429, so every 429 counts against the budget."""


@pytest.mark.parametrize("seed", range(RUNS))
def test_no_invariant_breaks_and_under_1_percent_of_reads_get_429(seed: int) -> None:
    history, counts = run(RunOptions(seed, OPERATIONS, faults=UNTHROTTLED))
    assert violations(history) == [], f"seed {seed}"
    assert counts.throttled < 0.01 * counts.reads, f"seed {seed}"


@pytest.mark.parametrize("seed", range(max(1, RUNS // 4)))
def test_no_invariant_breaks_beside_another_client_of_the_principal(seed: int) -> None:
    history, counts = run(RunOptions(1_000_000 + seed, OPERATIONS, other_reads_per_s=15, faults=UNTHROTTLED))
    assert violations(history) == [], f"seed {seed}"
    assert counts.throttled < 0.02 * counts.reads, f"seed {seed}"


def test_no_invariant_breaks_under_arbitrary_throttling() -> None:
    history, counts = run(RunOptions(3_000_000, OPERATIONS))
    assert violations(history) == []
    assert counts.throttled > 50


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@EACH_LIBRARY
def test_no_invariant_breaks_with_each_library_and_event_loop(library: Library, backend: str) -> None:
    history, _ = run(RunOptions(2_000_000, 200, library=library, backend=backend))  # type: ignore[arg-type]  # - parametrized
    assert violations(history) == []


def test_no_invariant_breaks_with_the_doubling() -> None:
    """The other runs have the checking schedule, which is the default (rules 36 and 50)."""
    history, _ = run(RunOptions(4_000_000, OPERATIONS, faults=UNTHROTTLED, durations=None))
    assert violations(history) == []


def test_a_fleet_has_every_fault() -> None:
    fleet = random_fleet(0, OPERATIONS)
    assert fleet.faults.keys() == FAULTS.keys()
    assert min(fleet.faults.values()) > 20


def test_equal_seeds_give_equal_runs() -> None:
    """Two runs have equal events, except for the random operation ids, which all have the same length."""

    def events_of(history: History) -> list[str]:
        return [text.partition("operation_id")[0] for text in history.texts if text.startswith("PollAnswered")]

    first, second = (run(RunOptions(3, 100))[0] for _ in range(2))
    assert len(events_of(first)) > 500
    assert len(events_of(first)) == len(events_of(second))
    assert first.ends == second.ends
