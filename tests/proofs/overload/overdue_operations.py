"""A herd over a fake of ARM: operations of many kinds in a few subscriptions, and what may be asked of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import anyio

import azpoll
from azpoll.testing import RetryAfter, Script
from tests.proofs.fleets.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from azpoll.testing import IncomingRequest, Pattern

SCOPES = ("s0", "s1", "s2")
LONGEST_S = 1200.0
BUDGET = azpoll.Budget()
SCARCE = azpoll.Budget(rate=2, max_rate=2.5, burst=3)
"""Of which there is never enough for what is due."""

MANY_IN_FLIGHT = 64
"""So many that it is the budget that holds up the reads."""

WINDOWS_S = (1.0, 10.0, 60.0)
SLACK_S = 2.0
"""In which a few workers send what a full bucket grants at once."""

_PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "operation-location", "location", "body")
_RETRY_AFTER = (RetryAfter(15), RetryAfter(60), RetryAfter(17, "imf-date"), RetryAfter(30, "retry-after-ms"))


def herd(seed: int, *, clock: Callable[[], float] = anyio.current_time) -> Fleet:
    """Return a fleet whose operations are drawn, and end within twenty minutes."""
    draw = random.Random(seed)  # noqa: S311 - a simulation

    def script(_request: IncomingRequest) -> Script:
        return Script(
            pattern=draw.choice(_PATTERNS),
            duration_s=draw.uniform(120, LONGEST_S),
            retry_after=draw.choice(_RETRY_AFTER),
            outcome=draw.choice(["Succeeded", "Succeeded", "Failed"]),
        )

    return Fleet(script, clock=clock, log_size=1_000_000)


def begin_all(fleet: Fleet, tracker: azpoll.Tracker[httpx.Response], size: int) -> None:
    """Begin so many operations, all at this moment, in all subscriptions and for a few owners."""
    for number in range(size):
        fleet.begin(tracker, subscription=SCOPES[number % len(SCOPES)], owner=number % 7)


def all_ended_well(fleet: Fleet, operations: list[azpoll.AsyncOperation[httpx.Response]], size: int) -> None:
    """Raise AssertionError unless each operation was told its end, and none was lost or doubled."""
    told = [operation.state.value for operation in operations if operation.done()]
    ends = ["succeeded" if fake.succeeds else "failed" for fake in fleet.arm.operations.values()]
    assert len(told) == size
    assert {state: told.count(state) for state in set(told)} == {state: ends.count(state) for state in set(ends)}
    assert all(fake.told_end_at_s is not None for fake in fleet.arm.operations.values())


def left_s(fleet: Fleet, scope: str, since_s: float) -> list[float]:
    """Return when the polls of a subscription left, from a time on."""
    return [at_s for at_s, _ in fleet.polls(scope) if at_s >= since_s]


def within_budget(fleet: Fleet, since_s: float, budget: azpoll.Budget = BUDGET) -> None:
    """Raise AssertionError if the service saw more of a subscription in any while than a budget grants, or early ones.

    From a time on, before which another tracker had a budget of its own.
    """
    fleet.arm.no_early_polls()
    fleet.arm.one_request_at_a_time()
    fleet.arm.no_requests_after_end()
    for scope in SCOPES:
        times_s = left_s(fleet, scope, since_s)
        for window_s in WINDOWS_S:
            most = budget.burst + budget.max_rate * window_s
            assert most_within(times_s, window_s) <= most, f"{scope}, {window_s} s"


def most_within(times_s: list[float], window_s: float) -> int:
    """Return how many of these times, which are in order, lie within one window."""
    most = first = 0
    for last, at_s in enumerate(times_s):
        while at_s - times_s[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def granted_s(reads: int) -> float:
    """Return after how many seconds a new budget has granted so many reads."""
    granted, seconds, rate = BUDGET.burst, 0.0, BUDGET.rate
    while granted < reads:
        seconds += 1.0
        granted += rate
        rate = min(BUDGET.max_rate, rate + BUDGET.increase_per_s)
    return seconds


def no_read_was_wasted(fleet: Fleet, since_s: float) -> None:
    """Raise AssertionError if a poll left later than the budget granted it; all were overdue at a time."""
    for scope in SCOPES:
        times_s = left_s(fleet, scope, since_s)
        assert times_s, scope
        for number in range(0, len(times_s), 50):
            late_s = times_s[number] - since_s
            assert late_s <= granted_s(number + 1) + SLACK_S, f"{scope}: the {number}th poll after {late_s:.1f} s"
