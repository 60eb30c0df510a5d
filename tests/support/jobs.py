"""Jobs for tests of the schedule: records of operations that wait for their first poll."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from azpoll.protocol.answer import Answer
from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.states import Polling
from azpoll.protocol.url_policy import URLPolicy, origin_of
from azpoll.schedule.job import Priority
from azpoll.tracking.record import OperationRecord

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.states import State

HOST = "https://management.azure.com"
COLLECTION = f"{HOST}/subscriptions/s/providers/Microsoft.Fake/things"
TRUST = URLPolicy(httpx.URL, origin_of(httpx.URL(HOST)))


class QueuedRequest:
    """A request that satisfies `Queued`."""

    def __init__(self, owner: Hashable = None, priority: Priority = Priority.NORMAL) -> None:
        self.due_s = self.priority_time = 0.0
        self.heap_entry = 0
        self.owner = owner
        self.priority = priority


def ignore(record: OperationRecord, before: State, outcome: Answer | RequestFailure | None, sent_s: float) -> None:
    """Ignore a change of a record."""


def answer(
    status: int = 200,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    *,
    url: str = COLLECTION,
    at_s: float = 0.0,
) -> Answer:
    return Answer(status, headers or {}, body, url, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), at_s)


def job(
    name: object = "a", *, retry_after: int | None = 17, deadline_s: float | None = None, owner: Hashable = None
) -> OperationRecord:
    """Return the record of a PUT that was accepted at 0 s; its status is at `COLLECTION/NAME/status`."""
    plan = Plan("PUT", f"{COLLECTION}/{name}", TRUST, deadline_s=deadline_s)
    headers = {"azure-asyncoperation": f"{COLLECTION}/{name}/status"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    state = start(plan, answer(202, headers, url=plan.resource_url))
    return OperationRecord(plan, state, ignore, 0.0, 0.0, label=str(name), owner=owner)


def failed_often(record: OperationRecord) -> State:
    """Return the state after four failed polls at 0 s: the backoff is 8 s, and the server asked for 5 s."""
    state = record.state
    for _ in range(4):
        assert isinstance(state, Polling)
        state = advance(state, answer(503, {"retry-after": "5"}))
    return state
