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
OURS = (OURS_HTTPX, OURS_HTTPX2, FAST)
THEIRS = (FLOOR, AIOHTTP, PYREQWEST, HTTPX_GATED, HTTPX, HTTPX2)
POLLING = (OURS_HTTPX2, FAST, FLOOR, AIOHTTP, PYREQWEST, AZURE)
"""Whose polls are looked at for how late they come."""

ROUNDS, QUICK_ROUNDS, ONCE = 5, 3, 1
"""Once is enough where no other process can disturb a figure, and for who cannot finish."""

TRIP_S = 0.1
"""Seconds between a request and its answer, over a long way."""

BETWEEN_POLLS_S = {10_000: (1, 17), 1_000: (1, 5)}
"""The least and the most seconds between two polls of an operation; by how many there are."""

LATENESS_S, HERD_S = 10, 15
"""How long polls are watched once all operations have begun, and once a herd is due."""


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


ENDLESS = {Key("cost", HTTPX2.name, 10_000), Key("cost, trip", HTTPX.name, 1_000)}
"""Loops without a gate that do not end in a minute: they are stopped after `STOP_S`, and told by how far they came."""

STOP_S = 20.0


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
    yield from _costs(origin, PEERS, operations=1_000)
    yield from _costs(origin, (*OURS, AZURE, *THEIRS), operations=100)
    ending = (peer for peer in THEIRS if peer is not HTTPX)  # of which not one operation ends in a minute
    yield from _costs(origin, (*OURS, AZURE, *ending), operations=10_000, polls=2)
    reaching = (AZURE, AIOHTTP, PYREQWEST, HTTPX2, HTTPX)  # what has fewer connections of its own choice is left out
    yield from _costs(origin, (*OURS, *reaching), operations=1_000, trip_s=TRIP_S)
    yield from _costs(origin, (FLOOR, AZURE, OURS_HTTPX2, FAST), operations=1_000, uvloop=True)
    yield from _calls(origin, PEERS, operations=500)
    yield from _lateness(origin, POLLING, operations=10_000)
    yield from _lateness(origin, (OURS_HTTPX2,), operations=10_000, is_weighed=True)
    yield from _herds(origin, POLLING, operations=10_000)
    yield from _herds(origin, (FLOOR, PYREQWEST, FAST), operations=10_000, uvloop=True)
    yield from _memory(origin, (AZURE, FAST), operations=10_000)
    yield from _memory(origin, (FAST,), operations=100_000)
    yield from _own()
    yield from _wakes(100_000)


def quick(origin: str) -> Iterator[Measurement]:
    """Yield a few, in less than two minutes, for every change."""
    compared = (FLOOR, AZURE, *OURS)
    yield from _costs(origin, compared, operations=500, polls=3, rounds=QUICK_ROUNDS)
    yield from _calls(origin, compared, operations=200)
    yield from _lateness(origin, (FAST,), operations=1_000, rounds=ONCE)
    yield from _memory(origin, (FAST,), operations=5_000)
    yield from _own(rounds=ONCE)
    yield from _wakes(20_000, rounds=ONCE)


def _costs(
    origin: str,
    peers: Iterable[Peer],
    *,
    operations: int,
    rounds: int = ROUNDS,
    polls: int = 5,
    uvloop: bool = False,
    trip_s: float = 0.0,
) -> Iterator[Measurement]:
    measure = "cost, uvloop" if uvloop else "cost, trip" if trip_s else "cost"
    scene = {"origin": origin, "operations": operations, "polls": polls, "trip_s": trip_s}
    for peer in peers:
        key = Key(measure, peer.name, operations)
        ends = key not in ENDLESS
        arguments: dict[str, Any] = {"peer": peer.name, "scene": scene, "uvloop": uvloop}
        arguments["stop_s"] = 120.0 if ends else STOP_S
        yield Measurement(key, Job("measures.cost", arguments), rounds if ends else ONCE)


def _calls(origin: str, peers: Iterable[Peer], *, operations: int) -> Iterator[Measurement]:
    scene = {"origin": origin, "operations": operations, "polls": 5}
    for peer in peers:
        yield Measurement(Key("calls", peer.name), Job("measures.calls", {"peer": peer.name, "scene": scene}), ONCE)


def _lateness(
    origin: str, peers: Iterable[Peer], *, operations: int, rounds: int = ROUNDS, is_weighed: bool = False
) -> Iterator[Measurement]:
    measure = "lateness, weighed" if is_weighed else "lateness"
    scene: dict[str, object] = {"origin": origin, "operations": operations, "polls": 0}
    between_s = BETWEEN_POLLS_S[operations]
    scene |= {"retry_after": between_s, "spread_s": between_s[1], "judged_s": between_s[1]}
    for peer in peers:
        arguments: dict[str, Any] = {"peer": peer.name, "scene": scene, "seconds": LATENESS_S, "is_weighed": is_weighed}
        yield Measurement(Key(measure, peer.name, operations), Job("measures.lateness", arguments), rounds)


def _herds(origin: str, peers: Iterable[Peer], *, operations: int, uvloop: bool = False) -> Iterator[Measurement]:
    measure = "herd, uvloop" if uvloop else "herd"
    scene = {"origin": origin, "operations": operations, "polls": 1, "herd_s": 6.0}
    for peer in peers:
        arguments = {"peer": peer.name, "scene": scene, "seconds": HERD_S, "uvloop": uvloop}
        yield Measurement(Key(measure, peer.name, operations), Job("measures.lateness", arguments), ROUNDS)


def _memory(origin: str, peers: Iterable[Peer], *, operations: int) -> Iterator[Measurement]:
    scene = {"origin": origin, "operations": operations}
    for peer in peers:
        for traced in (True, False):
            arguments = {"peer": peer.name, "scene": scene, "traced": traced, "stop_s": 200.0}
            key = Key("traced bytes" if traced else "resident bytes", peer.name, operations)
            yield Measurement(key, Job("measures.memory", arguments, limit_s=280.0), ONCE)


def _own(rounds: int = ROUNDS) -> Iterator[Measurement]:
    for client in CLIENTS:
        yield Measurement(Key("own", client), Job("own.own", {"client": client}), rounds)
        yield Measurement(Key("imports", client), Job("imports.imports", {"client": client, "rounds": 3}), rounds)


def _wakes(operations: int, rounds: int = ROUNDS) -> Iterator[Measurement]:
    job = Job("wakes.wakes", {"operations": operations})
    yield Measurement(Key("wakes", "azpoll", operations), job, rounds)
