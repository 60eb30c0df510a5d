"""The due time of a job's next request, and its priority time among the due requests of its owner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpoll.protocol.answer import Answer
from azpoll.protocol.retry_after import answered_at
from azpoll.protocol.states import Canceled, Failed, Polling, Succeeded
from azpoll.schedule.durations import operation_kind
from azpoll.schedule.job import Priority

if TYPE_CHECKING:
    from random import Random

    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.states import Pending
    from azpoll.schedule.durations import Durations, Histogram
    from azpoll.schedule.job import Job

JITTER = 0.1
"""Jitter: up to 10 % is added to a delay that azpoll chose, nothing to a delay of the server (rule 36)."""

ROUNDING_S = 1e-6
"""Added to each delay, so that rounding of floats makes no poll early."""

FIRST_SHARE = 0.2
"""The first poll is sent when an operation of the kind has ended with this probability."""

NEXT_SHARE = 1 / 3
"""A further poll is sent when it has ended with this probability, given that it ran at the last poll."""

EVEN_SHARE = 0.5
"""The due polls of an owner are ordered by the time at which each operation has ended with this probability."""


class DueTimes:
    """Computes due times from delays.

    Args:
        random: for jitter.
        durations: learned durations of operations; None leaves the delays to the services and the default schedule.
    """

    def __init__(self, random: Random, durations: Durations | None = None) -> None:
        self._random = random
        self._durations = durations

    def of(self, job: Job, state: Pending, at_s: float) -> tuple[float, float]:
        """Return due time and priority time of the next request, measured from an answer at `at_s`."""
        delay = state.next_request.delay
        jitter = 0.0 if delay.by_server else JITTER * self._random.random()
        due_s = priority_time = at_s + delay.seconds * (1 + jitter) + ROUNDING_S
        if self._durations is not None and isinstance(state, Polling):
            due_s, priority_time = self._learned(self._durations, job, state, due_s, at_s)
        if job.priority is Priority.HIGH and not delay.by_server:  # the hint came during the last request
            due_s = min(due_s, at_s + max(state.plan.delay_limits.floor, delay.retry_after_s) + ROUNDING_S)
        return due_s, priority_time

    def learn(self, plan: Plan, job: Job, outcome: Answer | RequestFailure, detection: Histogram) -> None:
        """Record the duration of an operation that ended, and the delay of its detection."""
        if not isinstance(outcome, Answer) or not isinstance(job.state, (Succeeded, Failed, Canceled)):
            return
        detection_s = detection_of(outcome, job.state.progress.end_time)
        if detection_s is not None:
            detection.add(detection_s)
        if self._durations is not None:
            took_s = outcome.at_s - job.begun_s - (detection_s or 0.0)
            self._durations.add(operation_kind(plan.method, plan.resource_url), took_s)

    @staticmethod
    def _learned(durations: Durations, job: Job, state: Polling, due_s: float, at_s: float) -> tuple[float, float]:
        """Return due time and priority time; the due time is learned only where neither server nor caller set it."""
        plan = state.plan
        kind, age_s = operation_kind(plan.method, plan.resource_url), at_s - job.begun_s
        even_s = durations.wait_s(kind, age_s, EVEN_SHARE)
        priority_time = due_s if even_s is None else at_s + even_s
        wait_s = durations.wait_s(kind, age_s, FIRST_SHARE if job.answered_s == job.begun_s else NEXT_SHARE)
        fixed = (
            state.next_request.delay.by_server
            or plan.delay_limits.interval is not None
            or state.failure_counts.failures
        )
        if not wait_s or fixed:
            return due_s, priority_time
        learned_s = at_s + plan.delay_limits.clamp(wait_s) + ROUNDING_S
        return (learned_s if plan.deadline_s is None else min(learned_s, plan.deadline_s)), priority_time


def detection_of(outcome: Answer, end_time: str | None) -> float | None:
    """Return seconds between a reported end time and its answer, by the server's clock; None if it is unreadable."""
    try:
        ended = datetime.fromisoformat(end_time or "")
    except ValueError:
        return None
    if ended.tzinfo is None:
        ended = ended.replace(tzinfo=UTC)
    return max((answered_at(outcome) - ended).total_seconds(), 0.0)
