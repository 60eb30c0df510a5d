"""R2: tracker, scheduler, transport and core together, over a service with ARM's read limits and every fault.

Seeded and deterministic: `run(World(seed, operations))` replays what failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.stack.random_operations import FAULTS, drawn
from tests.proofs.stack.stack_invariants import broken
from tests.proofs.stack.stack_run import World, run
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import scaled

if TYPE_CHECKING:
    from tests.proofs.stack.stack_invariants import History
    from tests.support.clients import Library

FLEET = 1_000
RUNS = scaled(push=4, nightly=1_000)
UNTHROTTLED = frozenset(FAULTS) - {"429"}
"""Without 429s that are part of the script: those that come are the budget's doing."""


@pytest.mark.parametrize("seed", range(RUNS))
def test_no_invariant_is_broken_and_nearly_no_read_is_refused(seed: int) -> None:
    history, counts = run(World(seed, FLEET, faults=UNTHROTTLED))
    assert broken(history) == [], f"seed {seed}"
    assert counts.throttled < 0.01 * counts.reads, f"seed {seed}"


@pytest.mark.parametrize("seed", range(max(1, RUNS // 4)))
def test_nor_beside_another_tool_that_uses_the_same_principal(seed: int) -> None:
    history, counts = run(World(1_000_000 + seed, FLEET, other_reads_per_s=15, faults=UNTHROTTLED))
    assert broken(history) == [], f"seed {seed}"
    assert counts.throttled < 0.02 * counts.reads, f"seed {seed}"


def test_nor_where_the_service_throttles_as_it_likes() -> None:
    history, counts = run(World(3_000_000, FLEET))
    assert broken(history) == []
    assert counts.throttled > 50


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@EACH_LIBRARY
def test_nor_with_another_library_or_event_loop(library: Library, backend: str) -> None:
    history, _ = run(World(2_000_000, 200, library=library, backend=backend))  # type: ignore[arg-type]
    assert broken(history) == []


def test_a_world_has_every_fault_and_every_end() -> None:
    fleet = drawn(0, FLEET)
    assert fleet.faults.keys() == FAULTS.keys()
    assert min(fleet.faults.values()) > 20


def test_a_seed_replays() -> None:
    """Each event of two runs is the same but for the operations' random ids, which all have one length."""

    def said(history: History) -> list[str]:
        return [text.partition("operation_id")[0] for text in history.texts if text.startswith("PollAnswered")]

    first, second = (run(World(3, 100))[0] for _ in range(2))
    assert len(said(first)) > 500
    assert len(said(first)) == len(said(second))
    assert first.told == second.told
