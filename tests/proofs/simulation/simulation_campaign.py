"""Many operations, one digest: the same seed gives the same histories, byte for byte."""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.proofs.simulation.core_driver import Core, play
from tests.proofs.simulation.core_invariants import judge
from tests.proofs.simulation.fault_scripts import Drawn
from tests.proofs.simulation.ground_truth import drawn
from tests.proofs.simulation.operation_history import Ended, written

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 10_000
"""Operations under one digest. That of a campaign is made of these, so any number of processes gives the same."""

MOST_FAILURES = 10
"""Kept of one chunk."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One broken invariant."""

    number: int
    broken: str


@dataclass(slots=True)
class Sum:
    """What some operations came to.

    Attributes:
        digest: SHA-256 of their histories.
        ends: how they ended: a state, or the reason of a lost one.
    """

    digest: str = ""
    operations: int = 0
    requests: int = 0
    faults: int = 0
    ends: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])


def randomness_of(seed: int, number: int) -> Random:
    """Return what decides one operation of a campaign, apart from all others."""
    return Random(seed << 40 | number)  # noqa: S311 - not for secrets


def chunk(seed: int, first: int, count: int, core: Core = Core()) -> Sum:  # noqa: B008 - a tuple
    """Simulate and judge `count` operations."""
    total, digest = Sum(), hashlib.sha256()
    gc.disable()  # a history has no cycles; looking for them takes a tenth of the time
    for number in range(first, first + count):
        randomness = randomness_of(seed, number)
        truth = drawn(number, randomness)
        script = Drawn(randomness)
        history = play(truth, script, core)
        broken = judge(truth, history)
        digest.update(written(number, history).encode())
        if broken is not None and len(total.failures) < MOST_FAILURES:
            total.failures.append(Failure(number, broken))
        total.operations += 1
        total.requests += len(script.names)
        total.faults += len(script.names) - script.names.count(None)
        last = history[-1]
        assert isinstance(last, Ended)
        total.ends[last.reason or last.state] += 1
    total.digest = digest.hexdigest()
    gc.enable()
    return total


def summed(sums: Iterable[Sum]) -> Sum:
    """Return the sum of sums, in that order."""
    total, digest = Sum(), hashlib.sha256()
    for each in sums:
        digest.update(each.digest.encode())
        total.operations += each.operations
        total.requests += each.requests
        total.faults += each.faults
        total.ends.update(each.ends)
        total.failures.extend(each.failures)
    total.digest = digest.hexdigest()
    return total


def campaign(seed: int, operations: int, processes: int = 1, size: int = CHUNK) -> Sum:
    """Simulate and judge operations, `size` at a time, on as many processes; they do not change what comes out."""
    firsts = range(0, operations, size)
    seeds, counts = [seed] * len(firsts), [min(size, operations - first) for first in firsts]
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            return summed(pool.map(chunk, seeds, firsts, counts))
    return summed(map(chunk, seeds, firsts, counts))
