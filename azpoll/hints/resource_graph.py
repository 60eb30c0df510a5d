"""`ResourceGraph`: hints from Azure Resource Graph, whose queries have a quota of their own."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.checkpoint import checkpoint
from azpoll.hints.arguments import checked_interval, checked_url
from azpoll.hints.board import ITEMS_AT_ONCE
from azpoll.hints.graph_reader import PATH, ROWS, GraphReader, QueryTooLong
from azpoll.hints.resource_changes import ResourceChanges, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.hints.board import HintBoard

MAX_QUERY = 250_000
"""Characters of resource ids in one query at first. The service documents no limit, so a refusal halves the number."""

FEWEST = 10
"""Resources of a query whose refusal ends the hints."""

RAISE_S = 600.0
"""Seconds after a refusal until a query names twice as many resources again."""

_SUBSCRIPTION = re.compile(r"[A-Za-z0-9-]{1,64}")
_RESOURCE = re.compile(r"/subscriptions/(?P<subscription>[a-z0-9-]{1,64})/[^'\"\\\x00-\x1f\x7f]{1,2000}")


class ResourceGraph:
    """Hints from Azure Resource Graph: one query reports the state of up to a thousand resources.

    Queries spend no reads of ARM. Their quota is usually 15 in 5 s for each principal, of which 5 are left to others.
    They name only resources whose operations are tracked, and none is sent while there are none. The graph is
    5 to 60 s behind the services. Where reads are plentiful, it helps little.

    The graph knows top-level resources. Operations on others, and on resource groups, are polled as without hints. It
    shows resources that the client's principal may read.

    The source ends with an error that is logged if the service refuses a query, for example for want of permission.
    After a 401 it queries again in 60 s, since the client's credential may be renewed.

    Args:
        subscriptions: ids of the subscriptions whose resources are asked for, one or more, in any letter case.
        every_s: seconds from the end of one round of queries to the next, above 0.
        origin: scheme and host of Azure Resource Manager, with the port if it is not the scheme's own. The client's
            credentials are sent there.

    Raises:
        TypeError: `subscriptions` is one string, or another argument has the wrong type.
        ValueError: there is no subscription, one is no id, `every_s` is out of its range, or the origin is not
            absolute.

    Source: learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources.
    """

    def __init__(
        self, subscriptions: Iterable[str], every_s: float = 5.0, *, origin: str = "https://management.azure.com"
    ) -> None:
        if isinstance(subscriptions, str):
            raise TypeError("subscriptions must be a list of ids, not one string")
        self._subscriptions = frozenset(map(_checked_subscription, subscriptions))
        if not self._subscriptions:
            raise ValueError("subscriptions must name one subscription or more")
        self._every_s = checked_interval(every_s)
        self._url = checked_url("origin", origin).rstrip("/") + PATH

    async def run(self, board: HintBoard) -> None:
        """Query the resources of all tracked operations every `every_s` seconds."""
        rounds = _Rounds(board, self._subscriptions, GraphReader(board, self._url))
        while True:
            await rounds.ask()
            await anyio.sleep(self._every_s)


class _Rounds:
    """The rounds of queries of one tracker."""

    def __init__(self, board: HintBoard, subscriptions: frozenset[str], reader: GraphReader) -> None:
        self._board = board
        self._subscriptions = subscriptions
        self._reader = reader
        self._changes = ResourceChanges()
        self._at_most = ROWS
        self._raise_s = math.inf  # when a query may name more resources again

    async def ask(self) -> None:
        """Query all resources once; a round that the service does not answer ends early."""
        try:
            for batch in await self._batches():
                await self._ask(batch)
        except ConnectionError:
            return

    async def _batches(self) -> list[list[str]]:
        """Return the resources to ask for, in batches of one query each."""
        resources = self._board.resources()
        self._changes.keep(resources)
        now_s, batches, length = anyio.current_time(), [list[str]()], 0
        if now_s >= self._raise_s:
            self._at_most, self._raise_s = min(2 * self._at_most, ROWS), now_s + RAISE_S
        for number, name in enumerate(resources, 1):
            if number % ITEMS_AT_ONCE == 0:
                await _other_tasks()
            named = _RESOURCE.fullmatch(name)
            if named is None or named["subscription"] not in self._subscriptions:
                continue
            if self._changes.is_reported(name, now_s):
                continue
            if len(batches[-1]) >= self._at_most or length + len(name) > MAX_QUERY:
                batches.append([])
                length = 0
            batches[-1].append(name)
            length += len(name)
        return batches if batches[-1] else []

    async def _ask(self, batch: list[str]) -> None:
        """Query a batch; where the service refuses it, query each half."""
        try:
            found = await self._reader.states(batch)
        except QueryTooLong as error:
            if len(batch) <= FEWEST:
                raise ValueError(str(error)) from None
            self._at_most = half = len(batch) // 2
            self._raise_s = anyio.current_time() + RAISE_S
            await self._ask(batch[:half])
            await self._ask(batch[half:])
            return
        await self._report(batch, found)

    async def _report(self, batch: list[str], found: dict[str, Seen]) -> None:
        now_s, board = anyio.current_time(), self._board
        await _other_tasks()
        for name in batch:
            match self._changes.note(name, found.get(name, Seen.ABSENT), now_s):
                case Seen.RUNNING:
                    board.report_running(name)
                case Seen.ENDED:
                    board.report_ended(name)
                case _:
                    pass


async def _other_tasks() -> None:
    """Give other tasks a turn."""
    await checkpoint()


def _checked_subscription(subscription: str) -> str:
    """Return the id of a subscription in lower case."""
    if not _SUBSCRIPTION.fullmatch(subscription):
        raise ValueError("a subscription must be an id of letters, digits and hyphens")
    return subscription.lower()
