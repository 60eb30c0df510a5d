"""The receiver of hints: it finds the operations on a resource and changes their priority."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio

from azpoll.errors import TrackerClosed, UntrustedPollingURL, error_of
from azpoll.protocol.answer import Answer
from azpoll.protocol.delay import Delay
from azpoll.protocol.retry_after import retry_after
from azpoll.protocol.states import Fetching, NextRequest, Succeeded, Unknown
from azpoll.protocol.url_policy import RejectedURL
from azpoll.schedule.job import Priority
from azpoll.tracking.record import OperationRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from azpoll.hints import HintSource
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.states import State
    from azpoll.schedule.scheduler import Scheduler

logger = logging.getLogger("azpoll")

_ACTION_PARTS = 4
"""Parts of a path after `providers/` that name an action: namespace, type, name and action, or more pairs."""


class ResourceIndex:
    """The running operations of a tracker by the resource that they act on; made when hints are first used."""

    def __init__(self, live: Iterable[OperationRecord]) -> None:
        self._by_id: dict[str, dict[OperationRecord, None]] = {}
        for record in live:
            self.add(record)

    def add(self, record: OperationRecord) -> None:
        """Add an operation; it leaves the index at its end."""
        resource_id = _resource_id(record.plan.resource_url)
        self._by_id.setdefault(resource_id, {})[record] = None
        record.call_at_end(partial(self._remove, resource_id, record))

    def resources(self) -> list[str]:
        """Return the resources of the running operations: ARM ids in lower case."""
        return [f"/{resource_id}" for resource_id in self._by_id]

    def find(self, resource_id: str) -> list[OperationRecord]:
        """Return the operations on a resource that have not ended."""
        return [record for record in self._by_id.get(_resource_id(resource_id), ()) if not record.ended]

    def _remove(self, resource_id: str, record: OperationRecord) -> None:
        records = self._by_id[resource_id]
        del records[record]
        if not records:
            del self._by_id[resource_id]


class ResourceHints:
    """The `azpoll.hints.HintBoard` of one source of hints.

    Args:
        plan: makes the plan of a read from its URL.
        query: sends a POST with a JSON body.
    """

    def __init__(
        self,
        index: ResourceIndex,
        scheduler: Scheduler,
        plan: Callable[[str], Plan],
        query: Callable[[str, Mapping[str, object]], Awaitable[Answer | RequestFailure]],
    ) -> None:
        self._index = index
        self._scheduler = scheduler
        self._plan = plan
        self._query = query
        self._is_answered = True
        self._first_plan: Plan | None = None
        self._background: dict[OperationRecord, None] = {}
        self._next_read_s = -math.inf  # after the Retry-After of the last answer

    async def run(self, source: HintSource, scope: anyio.CancelScope) -> None:
        """Run a source until it ends or the scope is cancelled; then its operations have normal priority again."""
        try:
            with scope:
                await source.run(self)
        except Exception:
            logger.exception("a source of hints ended with an error; polling goes on without it")
        finally:
            for record in self._background:
                if record.priority is Priority.LOW:
                    self._scheduler.set_priority(record, Priority.NORMAL)

    async def read(self, url: str) -> Answer:
        """Read a URL: the first at any origin, later ones only at that origin or in `allowed_origins`.

        No read is sent before the `Retry-After` of the answer before it.
        """
        plan, resolved = self._checked(url, "the next page of a list")
        now_s = anyio.current_time()
        delay = Delay(max(self._next_read_s - now_s, 0.0), by_server=True)
        fetching = Fetching(plan, resolved, NextRequest(resolved, delay))
        record = _HintRead(plan, fetching, _ignore, now_s, now_s, label="hints")
        record.sender = self
        self._scheduler.put(record, record.begun_s)
        await record.wait_ended()
        match record.state:
            case Succeeded(answer=answer):
                if (wait_s := retry_after(answer)) is not None:
                    self._next_read_s = answer.at_s + plan.delay_limits.clamp(wait_s)
                return answer
            case Unknown() as unknown:
                raise error_of(unknown, "a read for hints", None, None)
            case _:
                raise TrackerClosed("the tracker was closed before a read for hints was answered")

    async def query(self, url: str, body: Mapping[str, object]) -> Answer | None:
        """Send a query once, to the origins that `read` may read; log the first failure after an answer."""
        _, resolved = self._checked(url, "a query for hints")
        outcome = await self._query(resolved, body)
        if isinstance(outcome, Answer) and outcome.is_complete:
            self._is_answered = True
            return outcome
        if self._is_answered:
            reason = "the answer was cut" if isinstance(outcome, Answer) else outcome.reason
            logger.warning("a query for hints was not answered: %s; polling goes on", reason)
        self._is_answered = False
        return None

    def resources(self) -> list[str]:
        """Return the resources of all running operations."""
        return self._index.resources()

    def report_ended(self, resource_id: str) -> int:
        """Poll the operations on a resource first; returns their number."""
        records = self._index.find(resource_id)
        for record in records:
            if record.priority is not Priority.HIGH:
                self._scheduler.set_priority(record, Priority.HIGH)
        return len(records)

    def report_running(self, resource_id: str) -> int:
        """Poll the operations on a resource with spare reads only; returns their number."""
        records = self._index.find(resource_id)
        for record in records:
            if record not in self._background:
                self._background[record] = None
                record.call_at_end(partial(self._background.pop, record))
            if record.priority is Priority.NORMAL:
                self._scheduler.set_priority(record, Priority.LOW)
        return len(records)

    def _checked(self, url: str, what: str) -> tuple[Plan, str]:
        """Return the plan of the source's requests and a checked URL."""
        plan = self._first_plan = self._first_plan or self._plan(url)
        resolved = plan.resolve(url, plan.resource_url)
        if isinstance(resolved, RejectedURL):
            raise UntrustedPollingURL(f"{what} is refused: {resolved.explanation}")
        return plan, resolved


class _HintRead(OperationRecord):
    """A read for hints. All reads of one source have the same sender, which cannot close a scope twice in a row."""

    __slots__ = ("sender",)
    sender: ResourceHints


def _ignore(record: OperationRecord, before: State, outcome: Answer | RequestFailure | None, sent_s: float) -> None:
    """Ignore the changes of a record that belongs to no operation."""


def _resource_id(url: str) -> str:
    """Return the path of a resource's URL or ARM id in the form in which ARM compares them: lower case.

    The URL of an action, such as `.../virtualMachines/vm/start`, names the resource that it acts on.
    """
    path = url.partition("?")[0]
    _, scheme, rest = path.partition("://")
    if scheme:
        path = rest.partition("/")[2]
    path = unquote(path).strip("/").lower()
    parts = path.rpartition("providers/")[2].count("/") + 1 if "providers/" in path else 0
    return path.rpartition("/")[0] if parts >= _ACTION_PARTS and parts % 2 == 0 else path
