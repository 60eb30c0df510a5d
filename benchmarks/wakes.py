"""CPU of scheduling alone, per wake of an operation: no protocol, no client, no event loop."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from azpoll.protocol.answer import Answer
from azpoll.protocol.machine import start
from azpoll.protocol.states import Plan
from azpoll.protocol.target import Trust, origin_of
from azpoll.record import Record
from azpoll.schedule.agenda import Agenda
from azpoll.schedule.budget import Budget
from benchmarks.fleet.scenario import GROUP, ORIGIN, QUERY, RETRY_AFTER_S

if TYPE_CHECKING:
    from azpoll.protocol.answer import Unreachable
    from benchmarks.jobs import Figures

LEFT = {"x-ms-ratelimit-remaining-subscription-reads": "240", "retry-after": "17"}
MONITOR = f"{ORIGIN}/subscriptions/s/providers/Microsoft.Test/locations/westeurope/operations"

EVERY_S = 0.001
"""Seconds between the due times of two operations."""

LATER_S = 1e6
"""Seconds until an operation is due again: after the measurement."""

UNLIMITED = Budget(rate=1e6, ceiling=1e6, burst=1e6)


class _Unwatched:
    def changed(self, record: Record, came: Answer | Unreachable | None, lateness_s: float) -> None:
        """Ignore the change."""


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
    trust, home = Trust(httpx.URL, origin_of(httpx.URL(ORIGIN))), _Unwatched()
    answer = Answer(200, LEFT, b"", MONITOR, now, 0.0)
    agenda = Agenda(budget)
    for number in range(operations):
        plan = Plan("PUT", f"{ORIGIN}{GROUP}/Microsoft.Test/widgets/w{number}?{QUERY}", trust)
        headers = {"azure-asyncoperation": f"{MONITOR}/{number}?{QUERY}"}
        state = start(plan, Answer(202, headers, b"", plan.resource_url, now, 0.0))
        record = Record(None, state, home, 0.0)
        record.owner = number % owners
        agenda.put(record, RETRY_AFTER_S + number * every_s)
    gc.collect()
    return _drive(agenda, answer, operations)


def _drive(agenda: Agenda, answer: Answer, operations: int) -> float:
    now_s, woken = 0.0, 0
    begun = time.process_time()
    while woken < operations:
        job = agenda.take(now_s)
        if job is None:
            next_s = agenda.next_s()
            assert next_s is not None
            now_s = max(next_s, now_s + 1e-6)
        else:
            assert job.place is not None
            woken += 1
            agenda.heard(job.place, answer, now_s)
            agenda.put(job, now_s + LATER_S)
    return (time.process_time() - begun) / operations * 1e6
