"""Where hints arrive: the tracker's operations by resource, and the reads that sources of hints make."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio

from azpoll.errors import UntrustedPollingURL, error_of
from azpoll.protocol.failures import NOW
from azpoll.protocol.states import Fetching, NextRequest, Pending, Succeeded, Unknown
from azpoll.protocol.url_policy import RejectedURL
from azpoll.schedule.scope_queue import Priority
from azpoll.tracking.record import OperationRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpoll.hints import HintSource
    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.states import Plan
    from azpoll.schedule.scheduler import Scheduler

logger = logging.getLogger("azpoll")

FORGOTTEN_AT_LEAST = 1000
"""Ended operations are forgotten once they may be the greater half of those kept, and so many."""


class ResourceIndex:
    """The operations of a tracker by the resource they act on; kept only once there are hints."""

    def __init__(self, records: Iterable[OperationRecord]) -> None:
        self._by_id: dict[str, list[OperationRecord]] = {}
        self._kept = 0
        self._most = FORGOTTEN_AT_LEAST
        for record in records:
            self.add(record)

    def add(self, record: OperationRecord) -> None:
        """Add an operation."""
        if isinstance(record.state, Pending):
            self._by_id.setdefault(_resource_id(record.state.plan.resource_url), []).append(record)
            self._kept += 1
            if self._kept > self._most:
                self._forget()

    def of(self, resource_id: str) -> list[OperationRecord]:
        """Return the operations on a resource that have not ended."""
        return _live(self._by_id.get(_resource_id(resource_id), ()))

    def _forget(self) -> None:
        """Forget the operations that have ended."""
        self._by_id = {key: live for key, records in self._by_id.items() if (live := _live(records))}
        self._kept = sum(map(len, self._by_id.values()))
        self._most = 2 * self._kept + FORGOTTEN_AT_LEAST


class ResourceHints:
    """What one source of hints is given: see `azpoll.hints.HintBoard`.

    Args:
        resources: the tracker's operations.
        scheduler: ranks them, and makes the source's reads within their scope's budget.
        plan: makes the plan of a read from its URL.
    """

    def __init__(self, resources: ResourceIndex, scheduler: Scheduler, plan: Callable[[str], Plan]) -> None:
        self._resources = resources
        self._scheduler = scheduler
        self._plan = plan
        self._home: Plan | None = None
        self._covered: dict[OperationRecord, None] = {}
        self._most = FORGOTTEN_AT_LEAST

    async def run(self, source: HintSource, scope: anyio.CancelScope) -> None:
        """Let a source write until it ends or the scope is cancelled; what it covered is polled as before then."""
        try:
            with scope:
                await source.run(self)
        except Exception:
            logger.exception("a source of hints ended with an error; polling goes on without it")
        finally:
            for record in self._covered:
                if record.priority is Priority.LOW and not record.ended:
                    self._scheduler.priority(record, Priority.NORMAL)

    async def read(self, url: str) -> Answer:
        """Read a URL; the first may be anywhere, later ones only at its origin or one of `allowed_origins`."""
        home = self._home = self._home or self._plan(url)
        target = home.url_policy.resolve(url, base=home.resource_url, resource_url=home.resource_url)
        if isinstance(target, RejectedURL):
            raise UntrustedPollingURL(f"a list names a next page that is refused: {target.reason}; nothing was sent")
        record = OperationRecord(
            "hints", Fetching(home, target, NextRequest(target, NOW)), _Unheard(), anyio.current_time()
        )
        self._scheduler.put(record, record.begun_s)
        await record.wait_ended()
        if isinstance(record.state, Succeeded):
            return record.state.answer
        assert isinstance(record.state, Unknown)  # noqa: S101 - the other end of `Fetching`
        raise error_of(record.state, "a read for hints", None, None)

    def ended(self, resource_id: str) -> int:
        """Have the operations on a resource asked first."""
        records = self._resources.of(resource_id)
        for record in records:
            if record.priority is not Priority.HIGH:
                self._scheduler.priority(record, Priority.HIGH)
        return len(records)

    def running(self, resource_id: str) -> int:
        """Have the operations on a resource asked only with reads to spare."""
        records = self._resources.of(resource_id)
        for record in records:
            self._covered[record] = None
            if record.priority is Priority.NORMAL:
                self._scheduler.priority(record, Priority.LOW)
        if len(self._covered) > self._most:
            self._covered = dict.fromkeys(_live(self._covered))
            self._most = 2 * len(self._covered) + FORGOTTEN_AT_LEAST
        return len(records)


class _Unheard:
    """The home of a record that is no operation."""

    def changed(self, record: OperationRecord, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Tell nobody."""


def _live(records: Iterable[OperationRecord]) -> list[OperationRecord]:
    return [record for record in records if not record.ended]


def _resource_id(url: str) -> str:
    """Return the path of a resource's URL or ARM id, as ARM compares them: without case."""
    path = url.partition("?")[0]
    _, scheme, rest = path.partition("://")
    if scheme:
        path = rest.partition("/")[2]
    return unquote(path).strip("/").lower()
