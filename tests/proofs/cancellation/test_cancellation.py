"""R3: cancellation at every step of the event loop, with one, two and eight who wait, by asyncio, anyio and trio.

Each play is run once undisturbed, which counts its steps, and then once for each step. Whoever is cancelled before that
step comes again; then all that was to be so is so. At night two cancellations are put at all pairs of steps.
"""

from __future__ import annotations

import gc
from itertools import chain, combinations
from typing import TYPE_CHECKING

import pytest

from tests.proofs.cancellation.cancellation_scenarios import PLAYS
from tests.proofs.cancellation.scenario_run import judge, played
from tests.proofs.cancellation.stepping_loops import WAYS, Way
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = scaled(push=1, nightly=2)
"""The cancellations in one run."""

SCOPES_OF_ASYNCIO = [2, 1, 8][: scaled(push=1, nightly=3)]
"""How many wait where a cancel scope of anyio's cancels on asyncio; it does what the other two ways do."""

CASES = [
    (name, way, number)
    for name, play in PLAYS.items()
    for way in WAYS
    for number in ([1, 2, 8] if way != "scope" else SCOPES_OF_ASYNCIO)
    if number <= play.most
]


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """Spare the garbage collector, through thousands of short runs, all that was there before."""
    gc.freeze()
    yield
    gc.unfreeze()


def points(steps: int) -> Iterator[tuple[int, ...]]:
    """Yield the steps to cancel before, in each run."""
    return chain.from_iterable(combinations(range(1, steps + 1), count) for count in range(1, AT_ONCE + 1))


@pytest.mark.parametrize(("name", "way", "number"), CASES)
def test_whoever_is_cancelled_at_any_step_harms_nobody(name: str, way: Way, number: int) -> None:
    play = PLAYS[name]
    quiet = played(play, way, number)
    judge(play, quiet, quiet)
    places: set[str] = set()
    for at in points(quiet.steps.taken):
        try:
            scene = played(play, way, number, *at)
            judge(play, scene, quiet)
        except BaseException as error:
            error.add_note(f"cancelled before the steps {at} of {quiet.steps.taken}")
            raise
        places.update(*(visitor.places for visitor in scene.leaving))
    if number == play.most and way != "scope":  # where a cancel scope of anyio's ends, its own exception tells no place
        assert play.places <= places, "awaits that are meant to be cut short were not"
