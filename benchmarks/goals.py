"""The goals of azpoll's speed, memory and detection: ratios of two figures of the same run, where time is real."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.detection import AZURE_CORE, DEARER, RECORDED
from benchmarks.goal import Goal
from benchmarks.peers import AZPOLL_FAST, AZPOLL_HTTPX, AZPOLL_HTTPX2, AZURE, PYREQWEST, RAW
from benchmarks.suite import FULL_SIZES, QUICK_SIZES, Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.results import Results

LOOSE = 3.0
"""Factor on the limits of a quick run, which has few rounds and shares its machine: there httpx costs up to twice."""


class Limit(NamedTuple):
    """The most that a figure, or its ratio to another figure, may be.

    Attributes:
        text: name of the figure.
        key: measurement that has it.
        figure: its name there.
        at_most: limit.
        unit: unit of the limit.
        over: measurement of the other figure; None for a plain figure.
        quick_factor: factor on the limit in a quick run, less where noise changes the figure less.
        decimals: whether a plain figure is shown with decimals.
    """

    text: str
    key: Key
    figure: str
    at_most: float
    unit: str
    over: Key | None = None
    quick_factor: float = LOOSE
    decimals: bool = False


def goals(results: Results, *, quick: bool) -> Iterator[Goal]:
    """Yield a verdict for each goal whose measurements were part of the run."""
    for limit in _limits(quick=quick):
        if limit.key not in results or (limit.over is not None and limit.over not in results):
            continue
        at_most = limit.at_most * (limit.quick_factor if quick else 1.0)
        if limit.over is None:
            found = results.median(limit.key, limit.figure)
        else:
            found = results.ratio(limit.key, limit.over, limit.figure)
        text = f"{limit.text} <= {at_most:,g} {limit.unit}".rstrip()
        if found is None:
            yield Goal(text, "no figure in time", met=False)
        else:
            digits = 2 if limit.over or limit.decimals else 0
            yield Goal(text, f"{found:,.{digits}f}", found <= at_most)


def _limits(*, quick: bool) -> Iterator[Limit]:
    sizes = QUICK_SIZES if quick else FULL_SIZES
    raw, azure = (Key("cost", peer.name, 1_000) for peer in (RAW, AZURE))
    for peer, at_most in ((AZPOLL_HTTPX, 0.75), (AZPOLL_HTTPX2, 0.75), (AZPOLL_FAST, 0.2)):
        yield Limit(f"{peer.name}: CPU per poll", Key("cost", peer.name, 1_000), "us", at_most, "x azure-core", azure)
    for peer in (AZPOLL_HTTPX, AZPOLL_HTTPX2, AZPOLL_FAST):
        crowd, few = (Key("cost", peer.name, operations) for operations in (10_000, 100))
        yield Limit(f"{peer.name}: CPU per poll at 10,000 operations", crowd, "us", 1.2, "x that at 100", few)
    fast, bare = (Key("burst", peer.name, 10_000) for peer in (AZPOLL_FAST, PYREQWEST))
    yield Limit(f"{AZPOLL_FAST.name}: burst of 10,000, p99", fast, "p99_ms", 1.25, f"x {PYREQWEST.name}", bare)
    late = Key("lateness", AZURE.name, sizes.late)
    for peer in (AZPOLL_HTTPX2, AZPOLL_FAST):
        key = Key("lateness", peer.name, sizes.late)
        yield Limit(f"{peer.name}: early polls", key, "early", 0, "")
        yield Limit(f"{peer.name}: lateness of polls, p99", key, "p99_ms", 0.25, "x azure-core", late)
    wake = Key("wakes", "azpoll", sizes.woken)
    yield Limit(f"scheduling, CPU per wake at {sizes.woken:,} operations", wake, "us", 0.25, "x a raw poll", raw, 2.0)
    signed, plain = (Key(f"memory, traced{urls}", AZPOLL_FAST.name, sizes.waiting) for urls in ("", ", plain URLs"))
    text = f"memory of a waiting operation at {sizes.waiting:,} operations"
    # A quick run has fewer operations, which share what does not depend on their number.
    yield Limit(f"{text}, beyond two plain URLs", plain, "bytes_beyond_urls", 1_200, "bytes", quick_factor=1.5)
    yield Limit(f"{text}, with a signed URL", signed, "bytes", 2_400, "bytes", quick_factor=1.5)
    azpoll, httpx = (Key("imports", module) for module in ("azpoll", "httpx"))
    yield Limit("importing azpoll, CPU", azpoll, "ms", 0.4, "x importing httpx", httpx, 1.5)
    yield from _detection_limits(sizes.detected)


def _detection_limits(operations: int) -> Iterator[Limit]:
    default, dearer, azure = (Key("detection", policy, operations) for policy in (RECORDED, DEARER, AZURE_CORE))
    factor = 1.1  # virtual time has no noise, but a quick run has few operations
    for text, figure, at_most, unit in (
        ("polls", "polls", 4.8, "per operation"),
        ("mean detection delay", "mean_s", 5.0, "s"),
        ("detection delay, p90", "p90_s", 14.0, "s"),
    ):
        yield Limit(f"{RECORDED}: {text}", default, figure, at_most, unit, quick_factor=factor, decimals=True)
    yield Limit(f"{DEARER}: polls", dearer, "polls", 1.0, "x azure-core", azure, factor)
    text = f"{DEARER}: mean detection delay"
    yield Limit(text, dearer, "mean_s", 7.2, "s", quick_factor=factor, decimals=True)
