"""A fleet whose operations are all overdue, and the checks of its reads against the budget."""

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
MAX_DURATION_S = 1200.0
BUDGET = azpoll.Budget()
SCARCE = azpoll.Budget(rate=2, max_rate=2.5, burst=3)
"""A budget below the demand."""

HIGH_MAX_IN_FLIGHT = 64
"""High enough that only the budget limits the reads."""

WINDOWS_S = (1.0, 10.0, 60.0)
SLACK_S = 2.0
"""The time in which the workers send the reads of a full bucket."""

_PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "operation-location", "location", "body")
_RETRY_AFTER = (RetryAfter(15), RetryAfter(60), RetryAfter(17, "imf-date"), RetryAfter(30, "retry-after-ms"))


def random_fleet(seed: int, *, clock: Callable[[], float] = anyio.current_time) -> Fleet:
    """Return a fleet of random operations that end within 20 min."""
    draw = random.Random(seed)  # noqa: S311 - a simulation

    def script(_request: IncomingRequest) -> Script:
        return Script(
            pattern=draw.choice(_PATTERNS),
            duration_s=draw.uniform(120, MAX_DURATION_S),
            retry_after=draw.choice(_RETRY_AFTER),
            outcome=draw.choice(["Succeeded", "Succeeded", "Failed"]),
        )

    return Fleet(script, clock=clock, log_size=1_000_000)


def begin_all(fleet: Fleet, tracker: azpoll.Tracker[httpx.Response], size: int) -> None:
    """Begin operations at the same time, in all subscriptions and for seven owners."""
    for number in range(size):
        fleet.begin(tracker, subscription=SCOPES[number % len(SCOPES)], owner=number % 7)


def check_ends(fleet: Fleet, operations: list[azpoll.AsyncOperation[httpx.Response]], size: int) -> None:
    """Raise AssertionError unless every operation has ended with its true state exactly once."""
    states = [operation.state.value for operation in operations if operation.done()]
    ends = ["succeeded" if fake.succeeds else "failed" for fake in fleet.arm.operations.values()]
    assert len(states) == size
    assert {state: states.count(state) for state in set(states)} == {state: ends.count(state) for state in set(ends)}
    assert all(fake.told_end_at_s is not None for fake in fleet.arm.operations.values())


def poll_times_s(fleet: Fleet, scope: str, since_s: float) -> list[float]:
    """Return the times of the polls of a subscription since a time."""
    return [at_s for at_s, _ in fleet.polls(scope) if at_s >= since_s]


def check_budget(fleet: Fleet, since_s: float, budget: azpoll.Budget = BUDGET) -> None:
    """Raise AssertionError after an early request, or more reads of a subscription than the budget grants.

    Reads count since `since_s`; earlier reads used the budget of another tracker.
    """
    fleet.arm.no_early_polls()
    fleet.arm.one_request_at_a_time()
    fleet.arm.no_requests_after_end()
    for scope in SCOPES:
        times_s = poll_times_s(fleet, scope, since_s)
        for window_s in WINDOWS_S:
            most = budget.burst + budget.max_rate * window_s
            assert max_in_window(times_s, window_s) <= most, f"{scope}, {window_s} s"


def max_in_window(times_s: list[float], window_s: float) -> int:
    """Return the highest number of the sorted times within one window."""
    most = first = 0
    for last, at_s in enumerate(times_s):
        while at_s - times_s[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def granted_s(reads: int) -> float:
    """Return the time in seconds after which a new budget has granted a number of reads."""
    granted, seconds, rate = BUDGET.burst, 0.0, BUDGET.rate
    while granted < reads:
        seconds += 1.0
        granted += rate
        rate = min(BUDGET.max_rate, rate + BUDGET.increase_per_s)
    return seconds


def check_no_late_read(fleet: Fleet, since_s: float) -> None:
    """Raise AssertionError if a poll was sent later than the budget granted, although all were overdue."""
    for scope in SCOPES:
        times_s = poll_times_s(fleet, scope, since_s)
        assert times_s, scope
        for number in range(0, len(times_s), 50):
            late_s = times_s[number] - since_s
            assert late_s <= granted_s(number + 1) + SLACK_S, f"{scope}: poll {number} after {late_s:.1f} s"
