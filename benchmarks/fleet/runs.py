"""Which simulations there are, and running them on every core there is."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Literal

from benchmarks.fleet.azure import real, version
from benchmarks.fleet.lean import lean, oracle
from benchmarks.fleet.simple import simple
from benchmarks.fleet.tracked import tracked
from benchmarks.fleet.world import READS, Fleet, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AZPOLL, LEARNED, HINTS = TRACKED = ("azpoll", "azpoll learned", "azpoll hints")
OTHERS = ("azure-core", "naive")
SAVED = (125, READS.capacity)
"""Reads saved up: by azpoll's default budget, and by all of ARM's bucket."""

THOUSAND, TEN_THOUSAND, HUNDRED_THOUSAND = Fleet(1_000), Fleet(10_000), Fleet(100_000)
STEADY = Fleet(18_000, every_s=0.1)
SHARED = Fleet(5_000, shared=True)


@dataclass(frozen=True)
class Run:
    """One simulation.

    Attributes:
        how: "tracked" is azpoll, "simple" another policy on the whole stack, "lean" its model, "real" azure-core
            itself, "oracle" the bound.
        fleet: simulated.
        policy: its name; for the oracle, the reads that may be saved up.
    """

    how: Literal["tracked", "simple", "lean", "real", "oracle"]
    fleet: Fleet
    policy: str = ""


def quick() -> list[Run]:
    """Return azpoll's small fleets, as CI runs them."""
    runs = [Run("tracked", TEN_THOUSAND, policy) for policy in (HINTS, AZPOLL)]
    return [*runs, *(Run("tracked", THOUSAND, policy) for policy in TRACKED)]


def full() -> list[Run]:
    """Return all of them, the longest first."""
    fleets = (HUNDRED_THOUSAND, STEADY, TEN_THOUSAND, THOUSAND)
    runs = [Run("tracked", fleet, policy) for fleet in fleets for policy in reversed(TRACKED)]
    runs += [Run("lean", fleet, policy) for fleet in fleets for policy in OTHERS]
    runs += [Run("oracle", fleet, str(saved)) for fleet in fleets for saved in SAVED]
    runs += [Run("simple", THOUSAND, policy) for policy in OTHERS]
    runs.append(Run("tracked", SHARED, AZPOLL))
    if version() is not None:
        runs.append(Run("real", THOUSAND))
    return runs


def run_all(runs: Iterable[Run], seed: int) -> Iterator[Outcome]:
    """Yield what became of each, in their order."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_run, runs, repeat(seed))


def _run(run: Run, seed: int) -> Outcome:
    begun = time.perf_counter()
    match run.how:
        case "tracked":
            made = tracked(run.fleet, run.policy, seed)
        case "simple":
            made = simple(run.fleet, run.policy, seed)
        case "lean":
            made = lean(run.fleet, run.policy, seed)
        case "real":
            made = real(run.fleet, seed)
        case "oracle":
            made = oracle(run.fleet, seed, int(run.policy))
    return replace(made, wall_s=time.perf_counter() - begun)
