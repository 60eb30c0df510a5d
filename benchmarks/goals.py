"""What azpoll promises of speed and memory, checked against what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.floor import FLOOR_US, floor_us
from benchmarks.goal import Goal
from benchmarks.peers import AZURE, FAST, OURS_HTTPX, OURS_HTTPX2, Peer
from benchmarks.suite import CLIENTS, OURS, Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.results import Results

TIMES_AZURE = ((OURS_HTTPX, 1.0), (OURS_HTTPX2, 0.75), (FAST, 0.2))
"""CPU per poll, as times that of azure-core in the same round, at most."""

LOOSE = 4.0
"""How many times a goal may be missed before CI minds, where other processes disturb a figure or the fleet is small."""

GROWTH, BYTES = 1.2, 1200


class Most(NamedTuple):
    """A figure, and the most it may be.

    Attributes:
        text: what it is.
        key: where it was kept.
        name: of the figure.
        most: it may be.
        unit: of both.
        wobbles: whether other processes disturb it; if so, CI takes it loosely.
    """

    text: str
    key: Key
    name: str
    most: float
    unit: str
    wobbles: bool = True


def _limits(operations: int) -> Iterator[Most]:
    for client in CLIENTS:
        yield Most(f"own CPU per poll over {client}'s transport", Key("own", client), "us", 50, "us")
        yield Most(
            f"own functions called in a poll over {client}'s", Key("own", client), "functions", 120, "", wobbles=False
        )
        yield Most(f"import azpoll after {client}", Key("imports", client), "azpoll_ms", 30, "ms")
    wake = Key("wakes", "azpoll", 100_000 if operations == 10_000 else 20_000)
    yield Most(f"scheduling, CPU per wake at {wake.operations:,}", wake, "us", 8, "us")
    for peer, p99_ms in ((OURS_HTTPX2, 80), (FAST, 10)):
        key = Key("lateness", peer.name, operations)
        yield Most(f"{peer.name}: lateness p99 at {operations:,} operations", key, "p99_ms", p99_ms, "ms")
        yield Most(f"{peer.name}: early polls", key, "early", 0, "", wobbles=False)
        weighed = Key("lateness, weighed", peer.name, operations)
        text = f"{peer.name}: the same at as many as weigh here what {operations:,} do where raw costs {FLOOR_US} us"
        yield Most(text, weighed, "p99_ms", p99_ms, "ms")
    for measure, loop in (("herd", ""), ("herd, uvloop", " on uvloop")):
        text = f"{FAST.name}: herd of {operations:,}{loop}, p99"
        yield Most(text, Key(measure, FAST.name, operations), "p99_ms", 1000, "ms")


def goals(results: Results, *, quick: bool) -> Iterator[Goal]:
    """Yield the goals that these results can tell of; of a quick run, loosely where figures wobble."""
    operations, at = (1_000, 500) if quick else (10_000, 1_000)
    for limit in _limits(operations):
        found = results.median(limit.key, limit.name)
        if found is not None:
            most = limit.most * LOOSE if quick and limit.wobbles else limit.most
            yield _goal(limit, found, most, floor_us(results))
    for peer, times in TIMES_AZURE:
        ratio = results.ratio(Key("cost", peer.name, at), Key("cost", AZURE.name, at), "us")
        if ratio is not None:
            most = times * LOOSE if quick else times
            yield Goal(f"{peer.name}: CPU per poll <= {most:g} x azure-core", f"{ratio:.2f} x", ratio <= most)
    yield from filter(None, (_growth(results, peer) for peer in OURS))
    yield from _memory(results, 5_000, BYTES * 2) if quick else _memory(results, 100_000, BYTES)


def _goal(limit: Most, found: float, most: float, raw_us: float | None) -> Goal:
    if limit.unit != "us" or raw_us is None:
        return Goal(f"{limit.text} <= {most:g} {limit.unit}".rstrip(), f"{found:.4g}", found <= most)
    times, at_most = found / raw_us, most / FLOOR_US
    text = f"{limit.text} <= {at_most:.2f} x raw ({most:g} us where that costs {FLOOR_US})"
    return Goal(text, f"{times:.2f} x ({found:.1f} us)", times <= at_most)


def _growth(results: Results, peer: Peer) -> Goal | None:
    ratio = results.ratio(Key("cost", peer.name, 10_000), Key("cost", peer.name, 100), "us")
    if ratio is None:
        return None
    text = f"{peer.name}: CPU per poll at 10,000 <= {GROWTH} x that at 100"
    return Goal(text, f"{ratio:.2f} x", ratio <= GROWTH)


def _memory(results: Results, operations: int, most: float) -> Iterator[Goal]:
    key = Key("traced bytes", FAST.name, operations)
    whole, urls = results.median(key, "bytes"), results.median(key, "urls")
    if whole is not None and urls is not None:
        beyond = whole - urls
        text = f"bytes of a waiting operation beyond its URLs <= {most:g} at {operations:,}"
        yield Goal(text, f"{beyond:.0f}", beyond <= most)
