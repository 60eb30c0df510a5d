"""Hints: cheap information about operations that may have ended, so that these are polled first.

A hint brings a poll forward, but never before the time that the service asked for, and never ends an operation: only
the service's own answer does. Where reads are scarce, waiting for a read is most of the detection delay. One list of a
deployment's operations reports the states of a hundred resources for a single read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

from azpoll.protocol.json_body import is_list, object_in, text_member
from azpoll.protocol.reading import Reading
from azpoll.protocol.status_document import Verdict, provisioning_state, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azpoll.protocol.answer import Answer


MAX_PAGES = 100
"""Pages of one list that are read. ARM's longest list of a deployment, with 800 resources, has fewer."""

ITEMS_AT_ONCE = 1000
"""Items of a page after which other tasks run."""


class HintBoard(Protocol):
    """The interface that a tracker gives to a source of hints."""

    async def read(self, url: str) -> Answer:
        """Read a URL with the tracker's client. The read budget counts the read, and it is retried like a poll.

        A read waits for the `Retry-After` of the answer to the read before it, an hour at most.

        Raises:
            PollingError: the URL could not be read. `UntrustedPollingURL`: it has another origin than the first URL
                that was read, and is not listed either.
            ValueError: the first URL is not one of http or https.
        """
        ...

    def report_ended(self, resource_id: str) -> int:
        """Report that the operations on a resource may have ended; returns the number that are tracked here."""
        ...

    def report_running(self, resource_id: str) -> int:
        """Report that the operations on a resource still run: they are polled with spare reads only."""
        ...


class HintSource(Protocol):
    """A cheap source of information about operations, for `Tracker.add_hints`."""

    async def run(self, board: HintBoard) -> None:
        """Report to the board until cancelled. An error ends the hints, and is logged."""
        ...


class DeploymentOperations:
    """Hints from the list of a deployment's operations: one read reports a page of its resources.

    The source ends when the list shows that all of them have ended. It ends with an error that is logged if the list
    has more than 100 pages, or if a page names one that was read before.

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
        """List the operations every `every_s` seconds."""
        running = True
        while running:
            running = await self._list(board)
            await anyio.sleep(self._every_s if running else 0)

    async def _list(self, board: HintBoard) -> bool:
        """Report the whole list once; returns whether a resource in it runs, or the list is still empty."""
        url: str | None = self._url
        pages: set[str] = set()
        verdicts: set[Verdict] = set()
        while url is not None:
            if url in pages:
                raise ValueError("the list of a deployment's operations names a page that was read before")
            if len(pages) == MAX_PAGES:
                raise ValueError(f"the list of a deployment's operations has more than {MAX_PAGES} pages")
            pages.add(url)
            page = Reading(await board.read(url)).document or {}
            for number, verdict in enumerate(_report(board, page), 1):
                verdicts.add(verdict)
                if number % ITEMS_AT_ONCE == 0:
                    await anyio.sleep(0)  # noqa: ASYNC115 - `anyio.lowlevel` takes long to import
            url = text_member(page, "nextLink")
        return not verdicts or Verdict.RUNNING in verdicts


def _report(board: HintBoard, page: Mapping[str, object]) -> Iterator[Verdict]:
    """Report one page to the board; yields the verdict of each resource."""
    items = page.get("value")
    for item in items if is_list(items) else ():
        properties = object_in((object_in(item) or {}).get("properties")) or {}
        resource_id = text_member(object_in(properties.get("targetResource")), "id")
        state = provisioning_state(properties)
        if resource_id is None or state is None:
            continue
        verdict = verdict_of(state, {})
        if verdict is Verdict.RUNNING:
            board.report_running(resource_id)
        else:
            board.report_ended(resource_id)
        yield verdict
