"""Simulates many operations. Equal seeds give equal histories, byte for byte, and so equal digests."""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.proofs.simulation.core_driver import Core, simulate
from tests.proofs.simulation.core_invariants import find_violation
from tests.proofs.simulation.fault_scripts import RandomScript
from tests.proofs.simulation.ground_truth import random_truth
from tests.proofs.simulation.operation_history import Ended, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 10_000
"""Operations per digest. A campaign hashes these digests, so the number of processes does not matter."""

MAX_FAILURES = 10
"""The number of failures kept per chunk."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One broken invariant."""

    number: int
    broken: str


@dataclass(slots=True)
class Totals:
    """Totals of a set of operations.

    Attributes:
        digest: SHA-256 of the histories.
        ends: counts by terminal state, or by reason of an unknown one.
    """

    digest: str = ""
    operations: int = 0
    requests: int = 0
    faults: int = 0
    ends: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])


def randomness_of(seed: int, number: int) -> Random:
    """Return the random numbers of one operation, independent of all others."""
    return Random(seed << 40 | number)  # noqa: S311 - not for secrets


def chunk(seed: int, first: int, count: int, core: Core = Core()) -> Totals:  # noqa: B008 - a tuple
    """Simulate and check `count` operations."""
    total, digest = Totals(), hashlib.sha256()
    gc.disable()  # a history has no cycles; the collector would take a tenth of the time
    for number in range(first, first + count):
        randomness = randomness_of(seed, number)
        truth = random_truth(number, randomness)
        script = RandomScript(randomness)
        history = simulate(truth, script, core)
        broken = find_violation(truth, history)
        digest.update(text_of(number, history).encode())
        if broken is not None and len(total.failures) < MAX_FAILURES:
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


def sum_of(sums: Iterable[Totals]) -> Totals:
    """Return the sum of totals, in their order."""
    total, digest = Totals(), hashlib.sha256()
    for each in sums:
        digest.update(each.digest.encode())
        total.operations += each.operations
        total.requests += each.requests
        total.faults += each.faults
        total.ends.update(each.ends)
        total.failures.extend(each.failures)
    total.digest = digest.hexdigest()
    return total


def campaign(seed: int, operations: int, processes: int = 1, size: int = CHUNK) -> Totals:
    """Simulate and check operations in chunks of `size`. The number of processes does not change the totals."""
    firsts = range(0, operations, size)
    seeds, counts = [seed] * len(firsts), [min(size, operations - first) for first in firsts]
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            return sum_of(pool.map(chunk, seeds, firsts, counts))
    return sum_of(map(chunk, seeds, firsts, counts))
