"""Checks many random inputs of a kind, and records those that break a rule, raise or are slow."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.proofs.fuzz.body_inputs import BODIES
from tests.proofs.fuzz.header_inputs import HEADERS
from tests.proofs.fuzz.input_kind import RuleBroken
from tests.proofs.fuzz.token_inputs import RESUME_TOKENS
from tests.proofs.fuzz.url_inputs import URLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.proofs.fuzz.input_kind import InputKind

KINDS: dict[str, InputKind] = {kind.name: kind for kind in (HEADERS, URLS, RESUME_TOKENS, BODIES)}

BLOCK = 1000
"""Inputs per random sequence: to repeat one of them, the inputs of its block are drawn again."""

MAX_CPU_S = 0.05
"""The CPU time limit of one input, in seconds."""

MAX_FAILURES = 10


@dataclass(frozen=True)
class Failure:
    """An input that breaks a rule.

    Attributes:
        number: the number of the input in its campaign.
        broken: the finding; up to the colon it names the rule, or the exception and its place.
    """

    number: int
    data: bytes
    broken: str


@dataclass
class Totals:
    """The totals of a campaign.

    Attributes:
        inputs: their number.
        slowest_s: the most time of one input, in seconds: the CPU time of one that takes longer than `MAX_CPU_S`.
        failures: the first `MAX_FAILURES`.
    """

    inputs: int = 0
    slowest_s: float = 0.0
    failures: list[Failure] = field(default_factory=list[Failure])


def random_inputs(kind: InputKind, seed: int, first: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Yield the numbers and the inputs of a seed."""
    for number in range(first // BLOCK * BLOCK, first + count):
        if number % BLOCK == 0:
            rng = Random(f"{seed} {kind.name} {number}")  # noqa: S311 - seeded
        data = kind.random_input(rng)  # pyright: ignore[reportPossiblyUnboundVariable] - set at the start of a block
        if number >= first:
            yield number, data


def campaign(kind: InputKind, seed: int, count: int, first: int = 0) -> Totals:
    """Check inputs; stop after `MAX_FAILURES`.

    The CPU time of an input is at most its elapsed time, and a clock of elapsed time is much faster to read.
    """
    total = Totals()
    for number, data in random_inputs(kind, seed, first, count):
        started_s = time.perf_counter()
        broken = finding_of(kind, data)
        took_s = time.perf_counter() - started_s
        total.inputs += 1
        if broken is None and took_s > total.slowest_s:
            if took_s > MAX_CPU_S:
                broken, took_s = recheck_time(kind, data)
            total.slowest_s = max(total.slowest_s, took_s)
        if broken is not None:
            total.failures.append(Failure(number, data, broken))
            if len(total.failures) == MAX_FAILURES:
                break
    return total


def finding_of(kind: InputKind, data: bytes) -> str | None:
    """Return the finding for an input; None if no rule is broken."""
    try:
        kind.check(data)
    except RuleBroken as broken:
        return str(broken)
    except Exception as error:  # noqa: BLE001 - any exception is a finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {place.name}, {place.filename.rpartition('/')[2]}: {error}"
    return None


def recheck_time(
    kind: InputKind, data: bytes, clock: Callable[[], float] = time.process_time
) -> tuple[str | None, float]:
    """Return a finding if an input is slow in each of three more tries, and its shortest time."""
    took_s = least_s(lambda: kind.check(data), clock)
    return (f"CPU is out of bounds: {took_s * 1000:.0f} ms" if took_s > MAX_CPU_S else None), took_s


def least_s(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the shortest time of a call in three tries, in seconds."""
    times: list[float] = []
    for _ in range(3):
        started_s = clock()
        call()
        times.append(clock() - started_s)
    return min(times)
