"""CPU of scheduling alone, per wake of an operation: no protocol, no client, no event loop."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from azpoll.protocol.answer import Answer
from azpoll.protocol.machine import start
from azpoll.protocol.plan import Plan
from azpoll.protocol.url_policy import URLPolicy, origin_of
from azpoll.schedule.budget import Budget
from azpoll.schedule.poll_queue import PollQueue
from azpoll.tracking.record import OperationRecord
from benchmarks.fleet.scenario import GROUP, ORIGIN, QUERY, RETRY_AFTER_S

if TYPE_CHECKING:
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.states import State
    from benchmarks.jobs import Figures

LEFT = {"x-ms-ratelimit-remaining-subscription-reads": "240", "retry-after": "17"}
MONITOR = f"{ORIGIN}/subscriptions/s/providers/Microsoft.Test/locations/westeurope/operations"

EVERY_S = 0.001
"""Seconds between the due times of two operations."""

LATER_S = 1e6
"""Seconds until an operation is due again: after the measurement."""

UNLIMITED = Budget(rate=1e6, max_rate=1e6, burst=1e6)


def _ignore(record: OperationRecord, before: State, outcome: Answer | RequestFailure | None, sent_s: float) -> None:
    """Ignore the change of a record."""


def wakes(operations: int) -> Figures:
    """CPU microseconds per wake: an operation is due, gets a token, is taken, gets its answer, and is put back.

    `us` and `shared_us` have one owner and a thousand, operations due one after another, and tokens for all.
    `queued_us` has operations that are all due at one instant and queue for the tokens of the default budget.
    """
    return {
        "us": _wake_us(operations, 1, UNLIMITED, EVERY_S),
        "shared_us": _wake_us(operations, 1_000, UNLIMITED, EVERY_S),
        "queued_us": _wake_us(operations, 1, Budget(), 0.0),
    }


def _wake_us(operations: int, owners: int, budget: Budget, every_s: float) -> float:
    now = datetime.now(UTC)
    policy = URLPolicy(httpx.URL, origin_of(httpx.URL(ORIGIN)))
    answer = Answer(200, LEFT, b"", MONITOR, now, 0.0)
    poll_queue = PollQueue(budget)
    for number in range(operations):
        plan = Plan("PUT", f"{ORIGIN}{GROUP}/Microsoft.Test/widgets/w{number}?{QUERY}", policy)
        headers = {"azure-asyncoperation": f"{MONITOR}/{number}?{QUERY}"}
        state = start(plan, Answer(202, headers, b"", plan.resource_url, now, 0.0))
        record = OperationRecord(plan, state, _ignore, 0.0, 0.0, owner=number % owners)
        poll_queue.put(record, RETRY_AFTER_S + number * every_s)
    gc.collect()
    return _drive(poll_queue, answer, operations)


def _drive(poll_queue: PollQueue, answer: Answer, operations: int) -> float:
    now_s, woken = 0.0, 0
    begun = time.process_time()
    while woken < operations:
        taken = poll_queue.take(now_s)
        if taken is None:
            next_s = poll_queue.next_s()
            assert next_s is not None
            now_s = max(next_s, now_s + 1e-6)
        else:
            job, provider_queue = taken
            assert provider_queue is not None
            woken += 1
            poll_queue.scopes.on_answer(provider_queue, answer, now_s)
            poll_queue.put(job, now_s + LATER_S)
    return (time.process_time() - begun) / operations * 1e6
