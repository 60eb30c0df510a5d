"""Where hints arrive: the tracker's operations by resource, and the reads that sources of hints make."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio

from azpoll.errors import UntrustedPollingURL, error_of
from azpoll.protocol.states import Ask, Fetching, Lost, Pending, Succeeded
from azpoll.protocol.target import Refusal
from azpoll.protocol.trouble import NOW
from azpoll.record import Record
from azpoll.schedule.lane import Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpoll.hints import HintSource
    from azpoll.protocol.answer import Answer, Unreachable
    from azpoll.protocol.states import Plan
    from azpoll.schedule.scheduler import Scheduler

logger = logging.getLogger("azpoll")


class Resources:
    """The operations of a tracker by the resource they act on; kept only once there are hints."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._by_id: dict[str, list[Record]] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Add an operation."""
        if isinstance(record.state, Pending):
            self._by_id.setdefault(_resource_id(record.state.plan.resource_url), []).append(record)

    def of(self, resource_id: str) -> list[Record]:
        """Return the operations on a resource that have not ended."""
        key = _resource_id(resource_id)
        records = [record for record in self._by_id.get(key, ()) if not record.ended]
        if records:
            self._by_id[key] = records
        else:
            self._by_id.pop(key, None)
        return records


class Board:
    """What one source of hints is given: see `azpoll.hints.HintBoard`.

    Args:
        resources: the tracker's operations.
        scheduler: ranks them, and makes the source's reads within their scope's budget.
        plan: makes the plan of a read from its URL.
    """

    def __init__(self, resources: Resources, scheduler: Scheduler, plan: Callable[[str], Plan]) -> None:
        self._resources = resources
        self._scheduler = scheduler
        self._plan = plan
        self._home: Plan | None = None
        self._covered: set[Record] = set()

    async def run(self, source: HintSource) -> None:
        """Let a source write until it ends; what it covered is polled as before then."""
        try:
            await source.run(self)
        except Exception:
            logger.exception("a source of hints ended with an error; polling goes on without it")
        finally:
            for record in self._covered:
                if record.rank is Rank.COVERED and not record.ended:
                    self._scheduler.rank(record, Rank.PLAIN)

    async def read(self, url: str) -> Answer:
        """Read a URL; the first may be anywhere, later ones only at its origin or one of `allowed_origins`."""
        home = self._home = self._home or self._plan(url)
        target = home.trust.target(url, base=home.resource_url, resource_url=home.resource_url)
        if isinstance(target, Refusal):
            raise UntrustedPollingURL(f"a list names a next page that is refused: {target.reason}; nothing was sent")
        record = Record("hints", None, Fetching(home, target, Ask(target, NOW)), _Unheard(), anyio.current_time())
        self._scheduler.put(record, record.begun_s)
        await record.wait_ended()
        if isinstance(record.state, Succeeded):
            return record.state.answer
        assert isinstance(record.state, Lost)  # noqa: S101 - the other end of `Fetching`
        raise error_of(record.state, "a read for hints", None, None)

    def ended(self, resource_id: str) -> int:
        """Have the operations on a resource asked first."""
        records = self._resources.of(resource_id)
        for record in records:
            if record.rank is not Rank.HINTED:
                self._scheduler.rank(record, Rank.HINTED)
        return len(records)

    def running(self, resource_id: str) -> int:
        """Have the operations on a resource asked only with reads to spare."""
        records = self._resources.of(resource_id)
        for record in records:
            self._covered.add(record)
            if record.rank is Rank.PLAIN:
                self._scheduler.rank(record, Rank.COVERED)
        return len(records)


class _Unheard:
    """The home of a record that is no operation."""

    def changed(self, record: Record, came: Answer | Unreachable | None, lateness_s: float) -> None:
        """Tell nobody."""


def _resource_id(url: str) -> str:
    """Return the path of a resource's URL or ARM id, as ARM compares them: without case."""
    path = url.partition("?")[0]
    _, scheme, rest = path.partition("://")
    if scheme:
        path = rest.partition("/")[2]
    return unquote(path).strip("/").lower()
