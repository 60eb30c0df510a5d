"""The metrics of a tracker. No attribute holds a URL, an operation id or a word of a service."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from azpoll.operation_state import OperationState
from azpoll.telemetry import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter

    from azpoll.events import OperationEnded, PollAnswered, ScopeThrottled
    from azpoll.snapshot import Statistics
    from azpoll.telemetry.attributes import Kind

BUDGET_READ_S = 5.0
"""Seconds between two looks at the budgets of a tracker."""

DURATIONS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 21600.0)
DELAYS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Bounds of buckets in seconds, which a view of the meter provider can replace."""

_RUNNING = {names.STATE: OperationState.RUNNING.value}


class TrackerMetrics:
    """Counts and measures; `running` is the number of operations that run already."""

    def __init__(self, meter: Meter, running: int) -> None:
        self._operations = meter.create_up_down_counter(
            "azpoll.operations", "{operation}", "Operations by state: those that run, and those that have ended"
        )
        self._duration = meter.create_histogram(
            "azpoll.operation.duration",
            "s",
            "Time from the beginning of tracking to its end",
            explicit_bucket_boundaries_advisory=DURATIONS_S,
        )
        self._polls = meter.create_counter("azpoll.polls", "{poll}", "Polls by the class of their status code")
        self._lateness = meter.create_histogram(
            "azpoll.poll.lateness",
            "s",
            "Time from the due time of a poll to its sending",
            explicit_bucket_boundaries_advisory=DELAYS_S,
        )
        self._detection = meter.create_histogram(
            "azpoll.detection.delay",
            "s",
            "Time from the end that a status monitor reports to the answer that reports it",
            explicit_bucket_boundaries_advisory=DELAYS_S,
        )
        self._throttles = meter.create_counter("azpoll.throttles", "{answer}", "429s by the part that is throttled")
        self._journal_failures = meter.create_counter(
            "azpoll.journal.failures", "{failure}", "Failures of the journal to store or read rows"
        )
        self._budget_wait = meter.create_gauge(
            "azpoll.budget.wait", "s", "Time in which the read budget grants the reads that wait, in the slowest scope"
        )
        self._running = 0
        self._budget_read_s = -math.inf
        self._count(running)

    def tracked(self) -> None:
        """Count an operation that began."""
        self._count(1)

    def polled(self, event: PollAnswered, kind: Kind) -> None:
        """Count a poll, and measure its lateness and the detection delay."""
        provider = {names.PROVIDER: kind.provider} if kind.provider else {}
        self._polls.add(1, {names.STATUS_CLASS: names.status_class(event.status_code), **provider})
        self._lateness.record(max(event.lateness_s, 0.0), provider)
        if event.detection_s is not None:
            self._detection.record(event.detection_s, kind.attributes())

    def ended(self, event: OperationEnded, kind: Kind) -> None:
        """Count and measure an operation that ended."""
        state = event.state.value
        self._count(-1)
        self._operations.add(1, {names.STATE: state})
        error = {} if event.state is OperationState.SUCCEEDED else {names.ERROR_TYPE: state}
        self._duration.record(event.tracked_s, {**kind.attributes(), names.STATE: state, **error})
        if not self._running:
            self._budget_wait.set(0.0)

    def throttled(self, event: ScopeThrottled) -> None:
        """Count a 429."""
        self._throttles.add(1, {names.REACH: event.reach})

    def journal_failed(self) -> None:
        """Count a failure of the journal."""
        self._journal_failures.add(1)

    def read_budget(self, at_s: float, statistics: Callable[[], Statistics]) -> None:
        """Measure the wait for reads, if the last look was long enough ago."""
        if at_s - self._budget_read_s >= BUDGET_READ_S:
            self._budget_read_s = at_s
            waits = [
                (scope.waiting - (scope.tokens or 0.0)) / scope.rate for scope in statistics().scopes if scope.rate
            ]
            self._budget_wait.set(max(0.0, *waits) if waits else 0.0)

    def close(self) -> None:
        """Count no running operation any more."""
        self._count(-self._running)

    def _count(self, change: int) -> None:
        self._running += change
        if change:
            self._operations.add(change, _RUNNING)
