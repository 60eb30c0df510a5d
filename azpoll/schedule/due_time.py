"""When the next request of a job is due, and how it is ordered among those that wait for a read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpoll.protocol.delay import answered_at
from azpoll.protocol.states import Canceled, Failed, Polling, Succeeded
from azpoll.schedule.durations import operation_kind
from azpoll.schedule.scope_queue import Priority

if TYPE_CHECKING:
    from random import Random

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import Pending, Plan
    from azpoll.schedule.durations import Durations
    from azpoll.schedule.histogram import Histogram
    from azpoll.schedule.job import Job

JITTER = 0.1
"""Largest share of a wait of azpoll's own that is added to it; never to one a server asked for (rule 36)."""

ROUNDING_S = 1e-6
"""Added to each wait, so that the rounding of a sum of floats makes no poll early."""


class DueTimes:
    """Turns waits into times.

    Args:
        random: for jitter.
        durations: what was learned of how long operations take; None leaves all to the services and the
            default schedule.
    """

    def __init__(self, random: Random, durations: Durations | None = None) -> None:
        self._random = random
        self._durations = durations

    def of(self, job: Job, state: Pending, at_s: float) -> tuple[float, float]:
        """Return when the next request is due, measured from an answer at `at_s`, and the job's order in its lane."""
        wait = state.next_request.delay
        jitter = 0.0 if wait.by_server else JITTER * self._random.random()
        due_s = priority_time = at_s + wait.seconds * (1 + jitter) + ROUNDING_S
        if self._durations is not None and isinstance(state, Polling):
            due_s, priority_time = self._learned(self._durations, job, state, due_s, at_s)
        if job.priority is Priority.HIGH and not wait.by_server:  # the hint came during the last request
            due_s = min(due_s, at_s + state.plan.delay_limits.floor + ROUNDING_S)
        return due_s, priority_time

    def learn(self, plan: Plan, job: Job, outcome: Answer, detection: Histogram) -> None:
        """Learn from an operation that ended how long it took, and how late its end was told."""
        if not isinstance(job.state, (Succeeded, Failed, Canceled)):
            return
        detection_s = detection_of(outcome, job.state.progress.end_time)
        if detection_s is not None:
            detection.add(detection_s)
        if self._durations is not None:
            took_s = outcome.at_s - job.begun_s - (detection_s or 0.0)
            self._durations.add(operation_kind(plan.method, plan.resource_url), took_s)

    @staticmethod
    def _learned(durations: Durations, job: Job, state: Polling, due_s: float, at_s: float) -> tuple[float, float]:
        """Order a job by when it has probably ended; time its poll so where neither server nor caller did."""
        plan = state.plan
        kind, age_s = operation_kind(plan.method, plan.resource_url), at_s - job.begun_s
        even_s = durations.even_s(kind, age_s)
        priority_time = due_s if even_s is None else at_s + even_s
        wait_s = durations.next_wait_s(kind, age_s, first=job.answered_s == job.begun_s)
        fixed = (
            state.next_request.delay.by_server
            or plan.delay_limits.interval is not None
            or state.failure_counts.failures
        )
        if wait_s is None or fixed:
            return due_s, priority_time
        learned_s = at_s + plan.delay_limits.clamp(wait_s) + ROUNDING_S
        return (learned_s if plan.deadline_s is None else min(learned_s, plan.deadline_s)), priority_time


def detection_of(outcome: Answer, end_time: str | None) -> float | None:
    """Return seconds between the end that a status monitor tells of and its answer, both by the server's clock.

    None when it tells no end that can be read.
    """
    if end_time is None:
        return None
    try:
        ended = datetime.fromisoformat(end_time)
    except ValueError:
        return None
    if ended.tzinfo is None:
        ended = ended.replace(tzinfo=UTC)
    return max((answered_at(outcome) - ended).total_seconds(), 0.0)
