"""The tables: printed after a run, and kept in `docs/performance.md`."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from benchmarks.floor import FLOOR_US, floor_rounds, floor_us
from benchmarks.peers import AZURE, FLOOR, PEERS
from benchmarks.suite import BETWEEN_POLLS_S, CLIENTS, TRIP_S, Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.results import Results

PACKAGES = (
    *("azpoll", "httpx", "httpx2", "httpcore", "anyio", "pyreqwest", "aiohttp", "azure-core", "azure-mgmt-core"),
    *("uvloop", "zapros"),
)


def tables(results: Results) -> Iterator[str]:
    """Yield lines of Markdown: a heading and a table for each measure that was taken."""
    for operations in (100, 500, 1_000, 10_000):
        yield from _costs(results, "cost", operations, "")
    yield from _costs(results, "cost, trip", 1_000, f" whose answers take {TRIP_S:g} s")
    yield from _costs(results, "cost, uvloop", 1_000, " on uvloop")
    for operations in (1_000, 10_000):
        yield from _lateness(results, operations)
        yield from _herds(results, operations)
    yield from _memory(results)
    yield from _own(results)


def machine() -> str:
    """Return what was measured with."""
    found = [f"{name} {number}" for name in PACKAGES if (number := _version(name))]
    return f"Python {platform.python_version()}, {platform.system()}, {_cores()}; {', '.join(found)}"


def ceiling(results: Results) -> str:
    """Return how many polls the server could answer, so that nobody takes it for what limits a client."""
    server_us = results.median(Key("cost", FLOOR.name, 1_000), "server_us")
    return "" if server_us is None else f"server: {server_us:.0f} us an answer, {1e6 / server_us:,.0f} a second at most"


def noise(results: Results) -> str:
    """Return how fast the machine was, and how far the rounds of the raw floor lie apart.

    Of 1.5 and more, ratios are not to be trusted. Goals in microseconds were set where the floor is `FLOOR_US`.
    """
    spreads = [max(values) / min(values) for values in floor_rounds(results) if len(values) > 1]
    if not spreads:
        return ""
    return (
        f"noise: the slowest round of the raw floor took up to {max(spreads):.2f} x the fastest;"
        f" it cost {floor_us(results):.0f} us a poll, and {FLOOR_US} where the goals in microseconds were set"
    )


def _costs(results: Results, measure: str, operations: int, where: str) -> Iterator[str]:
    rows: list[tuple[object, ...]] = []
    azure, floor = (Key(measure, peer.name, operations) for peer in (AZURE, FLOOR))
    for key in results.keys(measure, operations):
        us = results.median(key, "us")
        calls = results.median(Key("calls", key.who), "calls")
        shared = (key.who, "-" if calls is None else f"{calls:,.0f}")
        if us is None:
            done, asked, stopped_s = _numbers(results, key, ("polls", "asked", "stopped_s"))
            far = f"{done} of {asked} polls in {stopped_s} s" if results.of(key, "asked") else "not done in time"
            rows.append((*shared, far, "", "", "", ""))
            continue
        times = (_times(results.ratios(key, other, "us")) for other in (azure, floor))
        rows.append((*shared, f"{us:,.0f}", *times, *_numbers(results, key, ("per_s", "connections"))))
    if rows:
        yield from _heading(f"CPU per poll, {operations:,} operations{where}")
        yield from _table(
            ("client", "calls per poll", "us per poll", "x azure-core", "x raw", "polls/s", "connections"), rows
        )


def _lateness(results: Results, operations: int) -> Iterator[str]:
    rows = [
        (
            f"{key.who}, {_whole(results.median(key, 'operations'))} operations" if "weighed" in measure else key.who,
            *_ms(results, key),
            *_numbers(results, key, ("early", "per_s")),
            _percent(results, key),
        )
        for measure in ("lateness", "lateness, weighed")
        for key in results.keys(measure, operations)
    ]
    if rows:
        least_s, most_s = BETWEEN_POLLS_S[operations]
        yield from _heading(f"Lateness of polls, {operations:,} operations, Retry-After {least_s} to {most_s} s")
        head = ("client", "p50 ms", "p99 ms", "max ms", "loop held ms", "early", "polls/s", "CPU")
        yield from _table(head, rows)


def _herds(results: Results, operations: int) -> Iterator[str]:
    rows = [
        (f"{key.who}, on uvloop" if "uvloop" in measure else key.who, *_ms(results, key))
        for measure in ("herd", "herd, uvloop")
        for key in results.keys(measure, operations)
    ]
    if rows:
        yield from _heading(f"A herd: {operations:,} operations due at one instant")
        yield from _table(("client", "p50 ms", "p99 ms", "max ms", "loop held ms"), rows)


def _memory(results: Results) -> Iterator[str]:
    rows: list[tuple[object, ...]] = []
    for operations in (5_000, 10_000, 100_000):
        for key in results.keys("traced bytes", operations):
            traced, urls = (results.median(key, name) for name in ("bytes", "urls"))
            resident = results.median(Key("resident bytes", key.who, operations), "bytes")
            rows.append((key.who, f"{operations:,}", *(_whole(value) for value in (traced, resident, urls))))
    if rows:
        yield from _heading("Memory of an operation that was polled once and waits")
        yield from _table(("client", "operations", "bytes traced", "bytes resident", "of which its two URLs"), rows)


def _own(results: Results) -> Iterator[str]:
    rows: list[tuple[object, ...]] = []
    for client in CLIENTS:
        key = Key("own", client)
        if results.of(key, "us"):
            rows.append((f"a poll over {client}'s transport, us", _whole(results.median(key, "us"))))
            rows.append(
                (f"calls of azpoll's own functions in it over {client}'s", _whole(results.median(key, "functions")))
            )
            rows.append(
                (
                    f"all calls in it, dict.get and the like included, over {client}'s",
                    _whole(results.median(key, "calls")),
                )
            )
            rows.append((f"once for an operation over {client}, us", _whole(results.median(key, "once_us"))))
        imports = results.median(Key("imports", client), "azpoll_ms")
        if imports is not None:
            rows.append((f"import azpoll after {client}, ms", _whole(imports)))
    for operations in (20_000, 100_000):
        key = Key("wakes", "azpoll", operations)
        if results.of(key, "us"):
            rows.append((f"scheduling, per wake of {operations:,}, us", f"{results.median(key, 'us'):.1f}"))
            rows.append(("the same, of 1,000 owners, us", f"{results.median(key, 'shared_us'):.1f}"))
            rows.append(("the same, while all wait for reads, us", f"{results.median(key, 'queued_us'):.1f}"))
    if rows:
        yield from _heading("What azpoll itself costs, over transports that do nothing")
        yield from _table(("what", "CPU or calls"), rows)


def _heading(text: str) -> Iterator[str]:
    yield from ("", f"### {text}", "")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    ours = {peer.name for peer in PEERS if peer.ours}
    for row in rows:
        first = f"**{row[0]}**" if row[0] in ours else row[0]
        yield f"| {first} | " + " | ".join(map(str, row[1:])) + " |"


def _times(ratios: Sequence[float]) -> str:
    if not ratios:
        return "-"
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"


def _ms(results: Results, key: Key) -> Iterator[str]:
    for name in ("p50_ms", "p99_ms", "max_ms", "hold_ms"):
        value = results.median(key, name)
        yield "-" if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _numbers(results: Results, key: Key, names: Iterable[str]) -> Iterator[str]:
    return (_whole(results.median(key, name)) for name in names)


def _percent(results: Results, key: Key) -> str:
    share = results.median(key, "cpu")
    return "-" if share is None else f"{share:.0%} of a core"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cores() -> str:
    return f"{os.cpu_count()} cores" + (", 1 for the server and 1 for the client" if sys.platform == "linux" else "")
