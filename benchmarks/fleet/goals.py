"""The goals of azpoll's fleets, checked against the outcomes of the simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.fleet.runs import (
    AZPOLL,
    HINTED,
    HINTS,
    HUNDRED_THOUSAND,
    LEARNED,
    SAVED,
    SOURCES,
    STEADY,
    TEN_THOUSAND,
    TRACKED,
)
from benchmarks.goal import Goal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.fleet.scenario import Fleet, Outcome

THROTTLED_SHARE, THROTTLED_SHARE_SHARED = 0.001, 0.01
FEWER_READS = 200
ORACLE_FACTOR = 1.1
MEANS_S = (
    (TEN_THOUSAND, AZPOLL, 190.0),
    (TEN_THOUSAND, HINTS, 75.0),
    (STEADY, LEARNED, 40.0),
    (STEADY, HINTS, 9.0),
)
"""The most seconds of the mean detection delay."""


def goals(outcomes: Sequence[Outcome]) -> Iterator[Goal]:
    """Yield a verdict for each goal whose fleets were simulated."""
    ours = [outcome for outcome in outcomes if outcome.policy in {*TRACKED, *HINTED}]
    found = {(outcome.fleet, outcome.policy): outcome for outcome in outcomes}
    lost, early = sum(outcome.lost for outcome in ours), sum(outcome.early for outcome in ours)
    yield Goal(
        f"{len(ours)} fleets: lost waits and early polls <= 0", f"{lost} lost, {early} early", not lost and not early
    )
    for shared, most in ((False, THROTTLED_SHARE), (True, THROTTLED_SHARE_SHARED)):
        shares = [outcome.throttled_share for outcome in ours if outcome.fleet.shared is shared]
        if shares:
            name = "beside another tool" if shared else "alone"
            yield Goal(f"throttled reads {name} < {most:.1%}", f"{max(shares):.3%}", max(shares) < most)
    for fleet, policy, most_s in MEANS_S:
        outcome = found.get((fleet, policy))
        if outcome is not None:
            text = f"{fleet}, {policy}: mean detection <= {most_s:g} s"
            yield Goal(text, f"{outcome.mean_s:.1f} s{_bound(outcome, found)}", outcome.mean_s <= most_s)
    yield from _beside_oracle(found)
    naive, azpoll = found.get((HUNDRED_THOUSAND, "naive")), found.get((HUNDRED_THOUSAND, AZPOLL))
    if naive is not None and azpoll is not None:
        times = naive.reads / azpoll.reads
        text = f"{HUNDRED_THOUSAND}: reads of the naive loop >= {FEWER_READS} x azpoll's"
        yield Goal(text, f"{times:.0f} x", times >= FEWER_READS)


def _beside_oracle(found: Mapping[tuple[Fleet, str], Outcome]) -> Iterator[Goal]:
    """Yield a goal for each fleet with hints whose oracle has the same hints, and the reads of azpoll's budget."""
    for (fleet, policy), ours in found.items():
        for source in SOURCES:
            name = f"oracle {source}, "
            same, whole = (found.get((fleet, f"{name}{saved} saved")) for saved in SAVED)
            if policy == f"azpoll {source}" and same is not None and whole is not None:
                ratio = ours.mean_s / same.mean_s
                text = f"{fleet}, {policy}: mean detection <= {ORACLE_FACTOR} x that of the oracle"
                beside = f"{ours.mean_s:.1f} s, oracle {same.mean_s:.1f} s"
                other = f"{ours.mean_s / whole.mean_s:.2f} x one that saves all {SAVED[1]} reads, {whole.mean_s:.1f} s"
                yield Goal(text, f"{ratio:.2f} x ({beside}; {other})", ratio <= ORACLE_FACTOR)


def _bound(outcome: Outcome, found: dict[tuple[Fleet, str], Outcome]) -> str:
    oracle = found.get((outcome.fleet, "oracle, 250 saved"))
    return "" if oracle is None else f" (lower bound of all policies: {oracle.mean_s:.1f} s)"
