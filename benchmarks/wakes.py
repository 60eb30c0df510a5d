"""What scheduling costs: CPU per wake of the agenda with a fleet in it, without protocol, client or event loop."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from azpoll.protocol.answer import Answer
from azpoll.protocol.machine import start
from azpoll.protocol.states import Plan
from azpoll.protocol.url_policy import URLPolicy, origin_of
from azpoll.schedule.budget import Budget
from azpoll.schedule.poll_queue import PollQueue
from azpoll.tracking.record import OperationRecord
from benchmarks.fleet.world import GROUP, ORIGIN, QUERY, RETRY_AFTER_S

if TYPE_CHECKING:
    from azpoll.protocol.answer import RequestFailure
    from benchmarks.measures import Figures

LEFT = {"x-ms-ratelimit-remaining-subscription-reads": "240", "retry-after": "17"}
MONITOR = f"{ORIGIN}/subscriptions/s/providers/Microsoft.Test/locations/westeurope/operations"


EVERY_S, LONG_S = 0.001, 1e6
PLENTY = Budget(rate=1e6, max_rate=1e6, burst=1e6)


class _Alone:
    def changed(self, record: OperationRecord, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Hear nothing."""


def wakes(operations: int) -> Figures:
    """CPU microseconds of a wake: a job comes due, is given a read and taken, its answer heard of, and it is put back.

    Told for jobs that come due one after another while there are reads for them, of one owner and of a thousand; and
    for jobs that are all due at once and wait for the reads of a budget.
    """
    return {
        "us": _wake_us(operations, 1, PLENTY, EVERY_S),
        "shared_us": _wake_us(operations, 1_000, PLENTY, EVERY_S),
        "queued_us": _wake_us(operations, 1, Budget(), 0.0),
    }


def _wake_us(operations: int, owners: int, budget: Budget, every_s: float) -> float:
    now = datetime.now(UTC)
    trust, home = URLPolicy(httpx.URL, origin_of(httpx.URL(ORIGIN))), _Alone()
    answer = Answer(200, LEFT, b"", MONITOR, now, 0.0)
    poll_queue = PollQueue(budget)
    for number in range(operations):
        plan = Plan("PUT", f"{ORIGIN}{GROUP}/Microsoft.Test/widgets/w{number}?{QUERY}", trust)
        headers = {"azure-asyncoperation": f"{MONITOR}/{number}?{QUERY}"}
        state = start(plan, Answer(202, headers, b"", plan.resource_url, now, 0.0))
        record = OperationRecord(None, state, home, 0.0)
        record.owner = number % owners
        poll_queue.put(record, RETRY_AFTER_S + number * every_s)
    gc.collect()
    return _drive(poll_queue, answer, operations)


def _drive(poll_queue: PollQueue, answer: Answer, operations: int) -> float:
    now_s, woken = 0.0, 0
    begun = time.process_time()
    while woken < operations:
        job = poll_queue.take(now_s)
        if job is None:
            next_s = poll_queue.next_s()
            assert next_s is not None
            now_s = max(next_s, now_s + 1e-6)
        else:
            assert job.provider_queue is not None
            woken += 1
            poll_queue.on_answer(job.provider_queue, answer, now_s)
            poll_queue.put(job, now_s + LONG_S)
    return (time.process_time() - begun) / operations * 1e6
