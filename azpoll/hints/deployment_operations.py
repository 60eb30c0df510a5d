"""`DeploymentOperations`: hints from the list of a deployment's operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.checkpoint import checkpoint
from azpoll.hints.arguments import checked_interval, checked_url
from azpoll.hints.board import ITEMS_AT_ONCE
from azpoll.hints.pages import Pages
from azpoll.protocol.json_body import is_list, object_in, text_member
from azpoll.protocol.reading import Reading
from azpoll.protocol.status_document import Verdict, provisioning_state, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azpoll.hints.board import HintBoard


class DeploymentOperations:
    """Hints from the list of a deployment's operations: one read reports a page of its resources.

    The source ends when the list shows that all of them have ended. It ends with an error that is logged if the list
    has more than 100 pages, or if a page names one that was read before.

    Args:
        url: `https://management.azure.com/.../deployments/NAME/operations?api-version=...`, absolute.
        every_s: seconds between two lists, above 0.

    Raises:
        ValueError: the URL is not absolute, or `every_s` is out of its range.
        TypeError: an argument has the wrong type.

    Source: learn.microsoft.com/rest/api/resources/deployment-operations/list.
    """

    def __init__(self, url: str, *, every_s: float = 10.0) -> None:
        self._url = checked_url("url", url)
        self._every_s = checked_interval(every_s)

    async def run(self, board: HintBoard) -> None:
        """List the operations every `every_s` seconds."""
        running = True
        while running:
            running = await self._list(board)
            await anyio.sleep(self._every_s if running else 0)

    async def _list(self, board: HintBoard) -> bool:
        """Report the whole list once; returns whether a resource in it runs, or the list is still empty."""
        url: str | None = self._url
        pages = Pages("the list of a deployment's operations")
        verdicts: set[Verdict] = set()
        while url is not None:
            pages.add(url)
            page = Reading(await board.read(url)).document or {}
            for number, verdict in enumerate(_report(board, page), 1):
                verdicts.add(verdict)
                if number % ITEMS_AT_ONCE == 0:
                    await checkpoint()
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
