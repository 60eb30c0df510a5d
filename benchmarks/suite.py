"""What is measured, of whom, and how often: measurements in rounds, so that a busy moment of the machine meets all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.jobs import Job
from benchmarks.peers import (
    AIOHTTP,
    AZURE,
    FAST,
    FLOOR,
    HTTPX,
    HTTPX2,
    HTTPX_GATED,
    OURS_HTTPX,
    OURS_HTTPX2,
    PEERS,
    PYREQWEST,
    Peer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.results import Results

CLIENTS = ("httpx", "httpx2")
BETWEEN_POLLS_S = (1, 17)
OURS = (OURS_HTTPX, OURS_HTTPX2, FAST)
THEIRS = (FLOOR, AIOHTTP, PYREQWEST, HTTPX_GATED, HTTPX, HTTPX2)
ROUNDS, SOME_ROUNDS, FEW_ROUNDS = 5, 3, 1
"""Some are enough where the goal is far, few where none is taken from a figure."""

TRIP_S = 0.1
"""Seconds between a request and its answer, over a long way."""

LATENESS_S = 8
"""How long polls are watched once all operations have begun."""

SLOW_TO_END = {HTTPX2.name}
"""A loop without a gate: at 10,000 operations it is stopped after a while, and told by how far it came."""


class Key(NamedTuple):
    """What a figure is of.

    Attributes:
        measure: a function of `measures`, `own`, `imports` or `wakes`, or one of its uses.
        who: a peer's name, or a client's.
        operations: how many; 0 where that plays no part.
    """

    measure: str
    who: str
    operations: int = 0


@dataclass(frozen=True)
class Measurement:
    """One figure to be measured.

    Attributes:
        key: where it is kept.
        job: how.
        rounds: how often.
    """

    key: Key
    job: Job
    rounds: int


def measured(measurements: Sequence[Measurement], results: Results) -> Iterator[Key]:
    """Measure in rounds, each of them once a round; yields what was just done."""
    for number in range(max(each.rounds for each in measurements)):
        for each in measurements:
            if number < each.rounds:
                results.add(each.key, each.job.run())
                yield each.key


def full(origin: str) -> Iterator[Measurement]:
    """Yield all measurements, for the page."""
    yield from _costs(origin, PEERS, operations=1_000, polls=5, rounds=ROUNDS)
    yield from _costs(origin, (AZURE, *OURS), operations=100, polls=5, repeat=6, rounds=ROUNDS)
    yield from _costs(origin, OURS, operations=10_000, polls=2, rounds=SOME_ROUNDS)
    yield from _costs(origin, THEIRS, operations=100, polls=5, repeat=6, rounds=FEW_ROUNDS)
    ending = (peer for peer in (AZURE, *THEIRS) if peer is not HTTPX)  # of which not one operation ends in a minute
    yield from _costs(origin, ending, operations=10_000, polls=2, rounds=FEW_ROUNDS)
    yield from _costs(origin, (FLOOR, AZURE, OURS_HTTPX2, FAST), operations=1_000, rounds=FEW_ROUNDS, uvloop=True)
    yield from _costs(origin, OURS, operations=1_000, rounds=SOME_ROUNDS, trip_s=TRIP_S)
    reaching = (AZURE, AIOHTTP, PYREQWEST, HTTPX, HTTPX2)  # what has fewer connections of its own choice is left out
    yield from _costs(origin, reaching, operations=1_000, rounds=FEW_ROUNDS, trip_s=TRIP_S)
    yield from _calls(origin, PEERS)
    for measure in (_lateness, _herds):
        yield from measure(origin, (OURS_HTTPX2, FAST), operations=10_000, rounds=SOME_ROUNDS)
        yield from measure(origin, (FLOOR, AIOHTTP, PYREQWEST, AZURE), operations=10_000, rounds=FEW_ROUNDS)
    yield from _memory(origin, (AZURE, FAST), operations=10_000)
    yield from _memory(origin, (FAST,), operations=100_000)
    yield from _own(rounds=SOME_ROUNDS)
    yield from _wakes(100_000, rounds=SOME_ROUNDS)


def quick(origin: str) -> Iterator[Measurement]:
    """Yield a few, in less than two minutes, for every change."""
    yield from _costs(origin, (FLOOR, AZURE, OURS_HTTPX, OURS_HTTPX2, FAST), operations=500, polls=3, rounds=3)
    yield from _calls(origin, (FLOOR, AZURE, OURS_HTTPX, OURS_HTTPX2, FAST))
    yield from _lateness(origin, (FAST,), operations=1_000, rounds=1)
    yield from _memory(origin, (FAST,), operations=5_000)
    yield from _own(rounds=1)
    yield from _wakes(20_000, rounds=1)


def _costs(
    origin: str,
    peers: Iterable[Peer],
    *,
    operations: int,
    rounds: int,
    polls: int = 5,
    repeat: int = 1,
    uvloop: bool = False,
    trip_s: float = 0.0,
) -> Iterator[Measurement]:
    measure = "cost, uvloop" if uvloop else "cost, trip" if trip_s else "cost"
    scene = {"origin": origin, "operations": operations, "polls": polls, "trip_s": trip_s}
    for peer in peers:
        bounded = operations >= 10_000 and peer.name in SLOW_TO_END
        arguments: dict[str, Any] = {"peer": peer.name, "scene": scene, "repeat": repeat, "uvloop": uvloop}
        arguments["stop_s"] = 15.0 if bounded else 120.0
        key = Key(measure, peer.name, operations)
        yield Measurement(key, Job("measures.cost", arguments), 1 if bounded else rounds)


def _calls(origin: str, peers: Iterable[Peer]) -> Iterator[Measurement]:
    scene = {"origin": origin, "operations": 500, "polls": 5}
    for peer in peers:
        yield Measurement(Key("calls", peer.name), Job("measures.calls", {"peer": peer.name, "scene": scene}), 1)


def _lateness(origin: str, peers: Iterable[Peer], *, operations: int, rounds: int) -> Iterator[Measurement]:
    scene: dict[str, object] = {"origin": origin, "operations": operations, "polls": 0}
    scene |= {"retry_after": BETWEEN_POLLS_S, "spread_s": float(BETWEEN_POLLS_S[1])}
    for peer in peers:
        arguments = {"peer": peer.name, "scene": scene, "seconds": BETWEEN_POLLS_S[1] + LATENESS_S}
        yield Measurement(Key("lateness", peer.name, operations), Job("measures.lateness", arguments), rounds)


def _herds(origin: str, peers: Iterable[Peer], *, operations: int, rounds: int) -> Iterator[Measurement]:
    scene = {"origin": origin, "operations": operations, "polls": 1, "herd_s": 6.0}
    for peer in peers:
        arguments = {"peer": peer.name, "scene": scene, "seconds": 20}
        yield Measurement(Key("herd", peer.name, operations), Job("measures.lateness", arguments), rounds)


def _memory(origin: str, peers: Iterable[Peer], *, operations: int) -> Iterator[Measurement]:
    scene = {"origin": origin, "operations": operations}
    for peer in peers:
        for traced in (True, False):
            arguments = {"peer": peer.name, "scene": scene, "traced": traced, "stop_s": 200.0}
            key = Key("traced bytes" if traced else "resident bytes", peer.name, operations)
            yield Measurement(key, Job("measures.memory", arguments, limit_s=280.0), 1)


def _own(rounds: int) -> Iterator[Measurement]:
    for client in CLIENTS:
        yield Measurement(Key("own", client), Job("own.own", {"client": client}), rounds)
        yield Measurement(Key("imports", client), Job("imports.imports", {"client": client, "rounds": 3}), rounds)


def _wakes(operations: int, rounds: int) -> Iterator[Measurement]:
    job = Job("wakes.wakes", {"operations": operations})
    yield Measurement(Key("wakes", "azpoll", operations), job, rounds)
