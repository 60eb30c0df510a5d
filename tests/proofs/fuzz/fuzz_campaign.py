"""Many inputs of a kind, each drawn by its seed; what breaks a rule, raises or takes long is kept."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.proofs.fuzz.body_inputs import BODIES
from tests.proofs.fuzz.header_inputs import HEADERS
from tests.proofs.fuzz.input_kind import Broken
from tests.proofs.fuzz.token_inputs import RESUME_TOKENS
from tests.proofs.fuzz.url_inputs import URLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.proofs.fuzz.input_kind import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (HEADERS, URLS, RESUME_TOKENS, BODIES)}

BLOCK = 1000
"""Inputs that are drawn in a row: one of them is found again by drawing those of its block."""

MOST_S = 0.05
"""CPU that one input may take."""

MOST_FAILURES = 10


@dataclass(frozen=True)
class Failure:
    """An input for which something does not hold.

    Attributes:
        number: of the input in its campaign.
        broken: what does not hold: its beginning, up to the colon, names the rule or the exception and its place.
    """

    number: int
    data: bytes
    broken: str


@dataclass
class Sum:
    """What a campaign came to."""

    inputs: int = 0
    slowest_s: float = 0.0
    failures: list[Failure] = field(default_factory=list[Failure])


def drawn(kind: Kind, seed: int, first: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Yield numbers and inputs."""
    for number in range(first // BLOCK * BLOCK, first + count):
        if number % BLOCK == 0:
            chance = Random(f"{seed} {kind.name} {number}")  # noqa: S311 - seeded, to be the same each time
        data = kind.drawn(chance)  # pyright: ignore[reportPossiblyUnboundVariable] - a block begins first
        if number >= first:
            yield number, data


def campaign(kind: Kind, seed: int, count: int, first: int = 0) -> Sum:
    """Check inputs, and stop when enough have failed."""
    total = Sum()
    for number, data in drawn(kind, seed, first, count):
        began_s = time.process_time()
        broken = broken_by(kind, data)
        took_s = time.process_time() - began_s
        total.inputs += 1
        if broken is None and took_s > total.slowest_s:
            if took_s > MOST_S:
                broken, took_s = slow(kind, data)
            total.slowest_s = max(total.slowest_s, took_s)
        if broken is not None:
            total.failures.append(Failure(number, data, broken))
            if len(total.failures) == MOST_FAILURES:
                break
    return total


def broken_by(kind: Kind, data: bytes) -> str | None:
    """Return what does not hold for an input; None if all does."""
    try:
        kind.check(data)
    except Broken as broken:
        return str(broken)
    except Exception as error:  # noqa: BLE001 - any at all is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {place.name}, {place.filename.rpartition('/')[2]}: {error}"
    return None


def slow(kind: Kind, data: bytes, clock: Callable[[], float] = time.process_time) -> tuple[str | None, float]:
    """Return that an input takes long, if it does so in each of three more tries; and the least that it took."""
    took_s = least_s(lambda: kind.check(data), clock)
    return (f"CPU is out of bounds: {took_s * 1000:.0f} ms" if took_s > MOST_S else None), took_s


def least_s(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the least seconds that a call takes in three tries."""
    times: list[float] = []
    for _ in range(3):
        began_s = clock()
        call()
        times.append(clock() - began_s)
    return min(times)
