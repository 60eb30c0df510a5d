"""The tables of a run: printed after it, and kept in docs/performance.md."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from benchmarks.detection import ASSUMPTION
from benchmarks.peers import AZPOLL_HTTPX, AZURE, PEERS, PYREQWEST, RAW
from benchmarks.suite import ANSWER_DELAY_S, Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.results import Results

PACKAGES = (
    *("azpoll", "httpx", "httpx2", "httpcore", "anyio", "pyreqwest", "aiohttp", "azure-core", "azure-mgmt-core"),
    "uvloop",
)


def conditions(results: Results) -> Iterator[str]:
    """Yield lines about the machine, the packages, the server and the noise of a run."""
    yield f"Python {platform.python_version()}, {platform.system()}, {_cores()}"
    yield ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name)))
    raw = Key("cost", RAW.name, 1_000)
    rounds_us, server_us = results.of(raw, "us"), results.median(raw, "server_us")
    if server_us is not None:
        yield f"server: {server_us:.0f} us per response, so at most {1e6 / server_us:,.0f} responses/s"
        raw_us, spread = statistics.median(rounds_us), max(rounds_us) / min(rounds_us)
        yield f"noise: a raw poll took {raw_us:.0f} us, in the slowest round {spread:.2f} x the fastest"
    connections = results.median(Key("cost", AZPOLL_HTTPX.name, 1_000), "connections")
    if connections is not None:
        yield f"{AZPOLL_HTTPX.name} used {connections:.0f} connections at 1,000 operations"


def tables(results: Results) -> Iterator[str]:
    """Yield lines of Markdown: a heading and a table for each measure of the run."""
    yield from _costs(results)
    yield from _lateness(results)
    yield from _others(results)
    yield from _detection(results)


def _costs(results: Results) -> Iterator[str]:
    head = (
        *("client", "100", "1,000", "10,000", "x azure-core at 1,000", "function calls"),
        *(f"1,000 with {ANSWER_DELAY_S:g} s latency", "polls/s then"),
    )
    rows: list[tuple[object, ...]] = []
    for suffix in ("", ", uvloop", ", all cores", ", uvloop, all cores"):
        for peer in PEERS:
            key, calls = Key(f"cost{suffix}", peer.name, 1_000), Key(f"calls{suffix}", peer.name)
            latent = Key(f"cost, high latency{suffix}", peer.name, 1_000)
            cells = (
                *(_us(results, key._replace(operations=operations)) for operations in (100, 1_000, 10_000)),
                _spread(results.ratios(key, key._replace(peer=AZURE.name), "us")),
                *(_whole(results.median(calls, "calls")), _us(results, latent)),
                _whole(results.median(latent, "per_s")),
            )
            if any(cell != "-" for cell in cells):
                rows.append((_label(peer.name, key.measure), *cells))
    if rows:
        yield from _table("CPU per poll in us, by number of operations", head, rows)


def _us(results: Results, key: Key) -> str:
    polls, planned, stopped_s = (results.median(key, name) for name in ("polls", "planned", "stopped_s"))
    if polls is not None and planned is not None:
        return f"{polls / planned:.0%} done in {stopped_s:.0f} s"
    return _whole(results.median(key, "us"))


def _lateness(results: Results) -> Iterator[str]:
    operations = next((key.operations for key in results.keys("lateness")), 0)
    rows: list[tuple[object, ...]] = []
    for suffix in ("", ", uvloop"):
        for peer in PEERS:
            late = Key(f"lateness{suffix}", peer.name, operations)
            burst = Key(f"burst{suffix}", peer.name, 10_000)
            cpu, early = (results.median(late, name) for name in ("cpu_share", "early"))
            cells = (
                *(_ms(results, late, name) for name in ("p50_ms", "p99_ms", "max_ms")),
                *(_whole(early), "-" if cpu is None else f"{cpu:.0%}"),
                *(_ms(results, burst, name) for name in ("p99_ms", "blocked_ms")),
                _spread(results.ratios(burst, burst._replace(peer=PYREQWEST.name), "p99_ms")),
            )
            if any(cell != "-" for cell in cells):
                rows.append((_label(peer.name, burst.measure), *cells))
    if rows:
        head = (
            *("client", "p50", "p99", "max", "early polls", "core used"),
            *("burst p99", "loop blocked", "burst x pyreqwest loop"),
        )
        polls = f"polls of {operations:,} operations, and " if operations else ""
        yield from _table(f"Lateness in ms: {polls}a burst of 10,000 due at one instant", head, rows)


def _others(results: Results) -> Iterator[str]:
    rows: list[tuple[object, ...]] = []
    for key in results.keys("memory, traced"):
        text = f"bytes per waiting operation, {key.peer}, {key.operations:,} operations"
        traced, resident = (
            _whole(results.median(key._replace(measure=measure), "bytes"))
            for measure in ("memory, traced", "memory, resident")
        )
        rows.append((text, f"{traced} traced, {resident} resident"))
    for key in results.keys("memory, traced, plain URLs"):
        text = f"the same beyond two plain URLs, {key.peer}, {key.operations:,} operations"
        rows.append((text, f"{_whole(results.median(key, 'bytes_beyond_urls'))} traced"))
    for key in results.keys("wakes"):
        text = f"us CPU of scheduling per wake, {key.operations:,} operations"
        us, shared_us, queued_us = (results.median(key, name) or 0.0 for name in ("us", "shared_us", "queued_us"))
        rows.append((text, f"{us:.1f}; of 1,000 owners {shared_us:.1f}; queued for tokens {queued_us:.1f}"))
    rows += [(f"ms CPU of importing {key.peer}", _whole(results.median(key, "ms"))) for key in results.keys("imports")]
    if rows:
        yield from _table("Memory, scheduling, imports", ("figure", "value"), rows)


def _detection(results: Results) -> Iterator[str]:
    names = ("polls", "mean_s", "p50_s", "p90_s")
    rows = [
        (_bold(key.peer), *(f"{results.median(key, name) or 0.0:.1f}" for name in names))
        for key in results.keys("detection")
    ]
    if rows:
        head = ("schedule", "polls per operation", "mean delay, s", "p50", "p90")
        yield from _table("Polls and detection delay without a Retry-After", head, rows)
        yield from ("", ASSUMPTION)


def _bold(schedule: str) -> str:
    return f"**{schedule}**" if schedule.startswith("azpoll") else schedule


def _table(heading: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield from ("", f"### {heading}", "")
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"


def _label(peer: str, measure: str = "") -> str:
    label = f"**{peer}**" if any(each.is_azpoll for each in PEERS if each.name == peer) else peer
    return label + "".join(f", on {each}" for each in ("uvloop", "all cores") if each in measure)


def _spread(ratios: Sequence[float]) -> str:
    """Return the median, and the least and the most of several rounds."""
    if not ratios:
        return "-"
    least, middle, most = (f"{value:.2f}" for value in (min(ratios), statistics.median(ratios), max(ratios)))
    return middle if least == most else f"{middle} ({least}..{most})"


def _ms(results: Results, key: Key, name: str) -> str:
    value = results.median(key, name)
    return "-" if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cores() -> str:
    return f"{os.cpu_count()} cores" + (", 1 for the server and 1 for the client" if sys.platform == "linux" else "")
