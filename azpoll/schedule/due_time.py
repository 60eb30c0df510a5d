"""The due time of a job's next request, and its priority time among the due requests of its owner."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpoll.protocol.answer import Answer
from azpoll.protocol.retry_after import answered_at
from azpoll.protocol.states import NO_FAILURES, Canceled, Failed, Fetching, Polling, Succeeded
from azpoll.schedule.job import Priority
from azpoll.schedule.polling_schedule import LONGEST_S, checking_delay

if TYPE_CHECKING:
    from random import Random

    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.states import Pending, State
    from azpoll.schedule.durations import Durations
    from azpoll.schedule.histogram import Histogram
    from azpoll.schedule.job import Job

JITTER = 0.1
"""Jitter: up to 10 % is added to a delay that azpoll chose, nothing to a delay of the server (rule 36)."""

ROUNDING_S = 1e-6
"""Added to each delay, so that rounding of floats makes no poll early."""

SCARCITY_FACTOR = 5.0
"""Factor on the price of a poll where a scope has no reads left (rule 50)."""

END_TOLERANCE_S = 1.5
"""Seconds by which a reported end may lie before the last poll of a running operation: `Date` has whole seconds."""


class DueTimes:
    """Computes due times from delays.

    Args:
        random: for jitter.
        durations: completion times for the checking schedule; None leaves the delays to the services and the doubling.
    """

    def __init__(self, random: Random, durations: Durations | None = None) -> None:
        self._random = random
        self._durations = durations

    def of(self, job: Job, state: Pending, at_s: float, shortage: float = 0.0) -> tuple[float, float]:
        """Return due time and priority time of the next request, measured from an answer at `at_s`.

        `shortage` is the share (0..1) of the scope's reads that is missing; it raises the price of a poll.
        """
        plan, delay = state.plan, state.next_request.delay
        jitter = 1.0 if delay.by_server else 1.0 + JITTER * self._random.random()
        due_s = priority_time = at_s + delay.seconds * jitter + ROUNDING_S
        is_free = not delay.by_server and isinstance(state, Polling) and _is_free(state)
        if self._durations is not None and isinstance(state, Polling) and (is_free or self._durations.has_learned):
            times, age_s = job.completion_times, at_s - job.started_s
            if times is None:
                times = job.completion_times = self._durations.of(plan.method, plan.resource_url)
            if is_free:
                price_s = self._durations.price * (1.0 + (SCARCITY_FACTOR - 1.0) * shortage)
                wait_s = min(checking_delay(times.quantiles, age_s, price_s) * jitter, LONGEST_S)
                wait_s = max(wait_s, plan.delay_limits.floor, delay.retry_after_s)
                deadline_s = math.inf if plan.deadline_s is None else plan.deadline_s
                due_s = priority_time = min(at_s + wait_s + ROUNDING_S, deadline_s)
            if times.is_learned:
                priority_time = at_s + times.even_delay(age_s)
        if job.priority is Priority.HIGH and not delay.by_server:  # the hint came during the last request
            due_s = min(due_s, at_s + max(plan.delay_limits.floor, delay.retry_after_s) + ROUNDING_S)
        return due_s, priority_time

    def learn(
        self, before: Pending, job: Job, outcome: Answer | RequestFailure, since_s: float, detection: Histogram
    ) -> None:
        """Record when an operation ended that was in the state `before`, and the delay of its detection.

        A reported end counts if it lies between the last two polls; the first of them was answered at `since_s`. Else
        the end is halfway between them. The later time would be too late by up to a delay, and the next schedule would
        add its own delay again.
        """
        if not _is_end(before, job.state) or not isinstance(outcome, Answer):
            return
        detection_s = detection_of(outcome, job.state.progress.end_time)
        if detection_s is not None:
            detection.add(detection_s)
        if self._durations is not None:
            between_s = outcome.at_s - since_s
            if detection_s is None or detection_s > between_s + END_TOLERANCE_S:
                detection_s = between_s / 2
            took_s = max(outcome.at_s - detection_s - job.started_s, 0.0)
            self._durations.learn(before.plan.method, before.plan.resource_url, took_s)


def end_detection(before: State, state: State, outcome: Answer | RequestFailure) -> float | None:
    """Return `detection_of` the answer between two states if it ended the operation, else None."""
    if type(state) is type(before) or not _is_end(before, state) or not isinstance(outcome, Answer):
        return None
    return detection_of(outcome, state.progress.end_time)


def _is_end(before: State, state: State) -> bool:
    return not isinstance(before, Fetching) and isinstance(state, (Fetching, Succeeded, Failed, Canceled))


def _is_free(state: Polling) -> bool:
    """Whether neither the caller nor a failure sets a delay that the server does not name."""
    return state.plan.delay_limits.interval is None and state.failure_counts == NO_FAILURES


def detection_of(outcome: Answer, end_time: str | None) -> float | None:
    """Return seconds between a reported end time and its answer, by the server's clock; None if it is unreadable."""
    if end_time is None:
        return None
    try:
        ended = datetime.fromisoformat(end_time)
    except ValueError:
        return None
    if ended.tzinfo is None:
        ended = ended.replace(tzinfo=UTC)
    return max((answered_at(outcome) - ended).total_seconds(), 0.0)
