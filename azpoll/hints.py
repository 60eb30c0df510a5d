"""Hints: something cheap that tells which operations may have ended, so that they are asked first.

A hint brings a poll forward, never before the time the service asked for, and never ends an operation: only the
service's own answer does. Where reads are scarce that is most of the delay: one list of a deployment's operations
tells of a hundred resources for a single read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

from azpoll.protocol.answer import object_in, read_object
from azpoll.protocol.error_body import is_list
from azpoll.protocol.reading import member, provisioning_state, text, verdict_of
from azpoll.protocol.states import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.protocol.answer import Answer


class HintBoard(Protocol):
    """What a source of hints is given by its tracker."""

    async def read(self, url: str) -> Answer:
        """Read a URL with the tracker's client, counted by the read budget and retried like a poll.

        Raises:
            PollingError: it could not be read.
            ValueError: its origin is not one the tracker trusts.
        """
        ...

    def ended(self, resource_id: str) -> int:
        """Hint that the operations on a resource may have ended; returns how many are tracked here."""
        ...

    def running(self, resource_id: str) -> int:
        """Tell that the operations on a resource still run: they are asked only with reads to spare."""
        ...


class HintSource(Protocol):
    """Something cheap that knows of operations; given to `Tracker.add_hints`."""

    async def run(self, board: HintBoard) -> None:
        """Tell the board what is known, until cancelled. An error ends the hints, and is logged."""
        ...


class DeploymentOperations:
    """Hints from the list of a deployment's operations: one read tells of a page of its resources.

    Ends when the list says that all of them have ended.

    Args:
        url: `https://management.azure.com/.../deployments/NAME/operations?api-version=...`, absolute.
        every_s: seconds between two lists, above 0.

    Source: learn.microsoft.com/rest/api/resources/deployment-operations/list.
    """

    def __init__(self, url: str, *, every_s: float = 10.0) -> None:
        if not 0 < every_s < float("inf"):
            raise ValueError(f"every_s must be above 0 and finite, not {every_s}")
        self._url = url
        self._every_s = every_s

    async def run(self, board: HintBoard) -> None:
        """List again and again."""
        running = True
        while running:
            running = await self._list(board)
            await anyio.sleep(self._every_s if running else 0)

    async def _list(self, board: HintBoard) -> bool:
        """Tell the board of the whole list once; returns whether something in it runs, or nothing is in it yet."""
        url: str | None = self._url
        told: list[Verdict] = []
        while url is not None:
            page = read_object(await board.read(url)) or {}
            told.extend(_tell(board, page))
            url = text(page, "nextLink")
        return not told or Verdict.RUNNING in told


def _tell(board: HintBoard, page: dict[str, object]) -> Iterator[Verdict]:
    """Tell the board of one page; yields what it says of each resource."""
    items = page.get("value")
    for item in items if is_list(items) else ():
        properties = member(object_in(item) or {}, "properties") or {}
        resource_id = text(member(properties, "targetResource"), "id")
        state = provisioning_state(properties)
        if resource_id is None or state is None:
            continue
        verdict = verdict_of(state, {})
        if verdict is Verdict.RUNNING:
            board.running(resource_id)
        else:
            board.ended(resource_id)
        yield verdict
