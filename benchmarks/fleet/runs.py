"""The simulations of a run, on all cores."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Literal, cast, get_args

from benchmarks.fleet.azure import real, version
from benchmarks.fleet.bucket_model import modelled, oracle
from benchmarks.fleet.hint_times import Source, hinted_oracle
from benchmarks.fleet.scenario import READS, Fleet, Outcome
from benchmarks.fleet.task_per_operation import whole_stack
from benchmarks.fleet.tracker import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AZPOLL, LEARNED, HINTS = TRACKED = ("azpoll", "azpoll learned", "azpoll hints")
SOURCES: tuple[Source, ...] = get_args(Source)
HINTED = tuple(f"azpoll {source}" for source in SOURCES)
"""azpoll with the hints of Resource Graph, and of Event Grid; each is compared with an oracle that has the same."""
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
        how: azpoll, another policy on the whole stack, its model, azure-core itself, the lower bound of all policies,
            or the oracle that has hints.
        fleet: the simulated fleet.
        policy: name of the policy; for the lower bound, the reads that may be saved up; for the oracle, its source and
            these reads.
    """

    how: Literal["azpoll", "whole stack", "model", "azure-core", "oracle", "hinted oracle"]
    fleet: Fleet
    policy: str = ""


def quick() -> list[Run]:
    """Return the runs of CI: azpoll's small fleets."""
    runs = [Run("azpoll", TEN_THOUSAND, policy) for policy in (HINTS, AZPOLL)]
    return [*runs, *(Run("azpoll", THOUSAND, policy) for policy in TRACKED), *_hinted(TEN_THOUSAND)]


def hinted() -> list[Run]:
    """Return the runs with Resource Graph and Event Grid, and their oracles."""
    return [*_hinted(STEADY), *_hinted(TEN_THOUSAND)]


def _hinted(fleet: Fleet) -> list[Run]:
    ours = [Run("azpoll", fleet, policy) for policy in HINTED]
    return [*ours, *(Run("hinted oracle", fleet, f"{source} {saved}") for source in SOURCES for saved in SAVED)]


def full() -> list[Run]:
    """Return all runs, the longest first."""
    fleets = (HUNDRED_THOUSAND, STEADY, TEN_THOUSAND, THOUSAND)
    runs = [Run("azpoll", fleet, policy) for fleet in fleets for policy in reversed(TRACKED)]
    runs += hinted()
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
        case "hinted oracle":
            source, saved = run.policy.split()
            made = hinted_oracle(run.fleet, cast("Source", source), seed, int(saved))
    return replace(made, wall_s=time.perf_counter() - begun)
