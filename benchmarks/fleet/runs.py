"""The simulations of a run, on all cores."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Literal

from benchmarks.fleet.azure import real, version
from benchmarks.fleet.bucket_model import modelled, oracle
from benchmarks.fleet.scenario import READS, Fleet, Outcome
from benchmarks.fleet.task_per_operation import whole_stack
from benchmarks.fleet.tracker import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AZPOLL, LEARNED, HINTS = TRACKED = ("azpoll", "azpoll learned", "azpoll hints")
OTHERS = ("azure-core", "naive")
SAVED = (125, READS.capacity)
"""Capacity of azpoll's default token bucket, and of ARM's."""

THOUSAND, TEN_THOUSAND, HUNDRED_THOUSAND = Fleet(1_000), Fleet(10_000), Fleet(100_000)
STEADY = Fleet(18_000, every_s=0.1)
SHARED = Fleet(5_000, shared=True)


@dataclass(frozen=True)
class Run:
    """One simulation.

    Attributes:
        how: azpoll, another policy on the whole stack, its model, azure-core itself, or the lower bound.
        fleet: the simulated fleet.
        policy: name of the policy; for the oracle, the reads that may be saved up.
    """

    how: Literal["azpoll", "whole stack", "model", "azure-core", "oracle"]
    fleet: Fleet
    policy: str = ""


def quick() -> list[Run]:
    """Return the runs of CI: azpoll's small fleets."""
    runs = [Run("azpoll", TEN_THOUSAND, policy) for policy in (HINTS, AZPOLL)]
    return [*runs, *(Run("azpoll", THOUSAND, policy) for policy in TRACKED)]


def full() -> list[Run]:
    """Return all runs, the longest first."""
    fleets = (HUNDRED_THOUSAND, STEADY, TEN_THOUSAND, THOUSAND)
    runs = [Run("azpoll", fleet, policy) for fleet in fleets for policy in reversed(TRACKED)]
    runs += [Run("model", fleet, policy) for fleet in fleets for policy in OTHERS]
    runs += [Run("oracle", fleet, str(saved)) for fleet in fleets for saved in SAVED]
    runs += [Run("whole stack", THOUSAND, policy) for policy in OTHERS]
    runs.append(Run("azpoll", SHARED, AZPOLL))
    if version() is not None:
        runs.append(Run("azure-core", THOUSAND))
    return runs


def run_all(runs: Iterable[Run], seed: int) -> Iterator[Outcome]:
    """Yield the outcome of each run, in the given order."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_run, runs, repeat(seed))


def _run(run: Run, seed: int) -> Outcome:
    begun = time.perf_counter()
    match run.how:
        case "azpoll":
            made = tracked(run.fleet, run.policy, seed)
        case "whole stack":
            made = whole_stack(run.fleet, run.policy, seed)
        case "model":
            made = modelled(run.fleet, run.policy, seed)
        case "azure-core":
            made = real(run.fleet, seed)
        case "oracle":
            made = oracle(run.fleet, seed, int(run.policy))
    return replace(made, wall_s=time.perf_counter() - begun)
