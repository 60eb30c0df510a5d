"""The times at which hints of the ends come, and the oracle that knows them: the measure of azpoll with hints.

Resource Graph shows each change 5 to 60 s late. Event Grid sends an event 1 to 30 s after the end, and loses 1 %.
"""

from __future__ import annotations

import heapq
import math
import random
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from benchmarks.fleet.scenario import READS, outcome

if TYPE_CHECKING:
    from benchmarks.fleet.scenario import Fleet, Outcome

GRAPH_LAG_S = (5.0, 60.0)
GRID_LAG_S = (1.0, 30.0)
GRID_LOST = 0.01
EVERY_S = 5.0
"""Seconds between two rounds of queries."""

Source: TypeAlias = Literal["graph", "grid"]


class Change(NamedTuple):
    """One operation, and when the sources show its begin and its end; infinite for never."""

    begun_s: float
    ended_s: float
    shown_begun_s: float
    shown_ended_s: float
    event_s: float


def changes(fleet: Fleet, seed: int) -> list[Change]:
    """Return the operations of a fleet in the order of their starts, the same for every policy."""
    draw = random.Random(f"{seed} hints")
    made: list[Change] = []
    for number, duration_s in enumerate(fleet.durations(seed)):
        begun_s = number * fleet.every_s
        ended_s = begun_s + duration_s
        event_s = math.inf if draw.random() < GRID_LOST else ended_s + draw.uniform(*GRID_LAG_S)
        shown = begun_s + draw.uniform(*GRAPH_LAG_S), ended_s + draw.uniform(*GRAPH_LAG_S)
        made.append(Change(begun_s, ended_s, *shown, event_s))
    return made


def hint_times(fleet: Fleet, source: Source, seed: int) -> list[float]:
    """Return the time of the hint of each end; a query sees a change at the next round."""
    if source == "grid":
        return [change.event_s for change in changes(fleet, seed)]
    return [math.ceil(change.shown_ended_s / EVERY_S) * EVERY_S for change in changes(fleet, seed)]


def hinted_oracle(fleet: Fleet, source: Source, seed: int, saved: int) -> Outcome:
    """Simulate the oracle, which has the same hints at the same times, 25 reads/s, and no pause between two polls.

    Each read goes to the operation whose hint has waited longest. While none waits, reads are saved for the next hints.
    A read that cannot be saved goes to the operation that was polled longest ago.

    Args:
        fleet: the fleet.
        source: of the hints.
        seed: seed of the durations and of the lags.
        saved: reads that may be saved up.
    """
    operations = changes(fleet, seed)
    hints = sorted((at_s, number) for number, at_s in enumerate(hint_times(fleet, source, seed)) if at_s < math.inf)
    hints.reverse()
    polled = [(change.begun_s, number) for number, change in enumerate(operations)]  # time of the last poll
    heapq.heapify(polled)
    found: dict[int, float] = {}
    now_s, tokens, reads = 0.0, float(saved), 0
    while len(found) < len(operations):
        while hints and hints[-1][1] in found:
            hints.pop()
        while polled[0][1] in found:
            heapq.heappop(polled)
        hint_s = max(hints[-1][0], now_s + max(1.0 - tokens, 0.0) / READS.per_s) if hints else math.inf
        spare_s = max(polled[0][0], now_s + (saved - tokens) / READS.per_s)
        at_s = min(hint_s, spare_s)
        tokens = min(saved, tokens + (at_s - now_s) * READS.per_s) - 1.0
        now_s, reads = at_s, reads + 1
        if hint_s <= spare_s:
            number = hints.pop()[1]
        else:
            number = polled[0][1]
            heapq.heapreplace(polled, (now_s, number))
        if operations[number].ended_s <= now_s:
            found[number] = now_s
    detected = [(at_s, operations[number].ended_s) for number, at_s in found.items()]
    return outcome(fleet, f"oracle {source}, {saved} saved", detected, reads=reads, throttled=0, early=0)
