"""Queries of Azure Resource Graph: the state of a thousand resources for one request of its own quota."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.checkpoint import checkpoint
from azpoll.hints.pages import Pages
from azpoll.hints.resource_changes import seen_in
from azpoll.protocol.arm_error import describe, read_error
from azpoll.protocol.json_body import is_list, object_in, text_member
from azpoll.protocol.query_quota import WINDOW_S, query_pause
from azpoll.protocol.reading import Reading
from azpoll.protocol.throttling import TOO_MANY_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.hints.board import HintBoard
    from azpoll.hints.resource_changes import Seen
    from azpoll.protocol.answer import Answer

logger = logging.getLogger("azpoll")

PATH = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
ROWS = 1000
"""Rows of one page at most. Source: learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources."""

TRIES = 3
"""Attempts at one query, each after the pause that the service asks for."""

UNAUTHORIZED_S = 60.0
"""Seconds until the next query after a 401: the client's credential may be renewed."""

_OK, _BAD_REQUEST, _UNAUTHORIZED, _REQUEST_TIMEOUT, _CONTENT_TOO_LARGE, _SERVER_ERROR = 200, 400, 401, 408, 413, 500
_TOO_LONG = {_BAD_REQUEST, _CONTENT_TOO_LARGE}
_TRANSIENT = {_REQUEST_TIMEOUT, TOO_MANY_REQUESTS}


class QueryTooLong(Exception):
    """The service refused a query, perhaps because it names too many resources; its text says why."""


class GraphReader:
    """Sends queries within the quota that the answers report."""

    def __init__(self, board: HintBoard, url: str) -> None:
        self._board = board
        self._url = url
        self._next_s = 0.0

    async def states(self, resources: Sequence[str]) -> dict[str, Seen]:
        """Return the states of these resources; those that the graph does not have are left out.

        Raises:
            ConnectionError: the service does not answer for the time being.
            QueryTooLong: it refused the query, or cut the answer.
            ValueError: it answered an error, or more pages than there can be.
        """
        pages = Pages("a query of Azure Resource Graph")
        found: dict[str, Seen] = {}
        token = ""
        while True:
            pages.add(token)
            document = Reading(await self._send(_body(resources, token))).document or {}
            rows = document.get("data")
            if not is_list(rows):
                raise ConnectionError("the answer of Azure Resource Graph holds no list")
            for row in map(object_in, rows):
                if (name := text_member(row, "id")) is not None:
                    found[name.lower()] = seen_in(text_member(row, "state"))
            token = text_member(document, "$skipToken") or ""
            if not token and text_member(document, "resultTruncated") == "true":
                raise QueryTooLong("Azure Resource Graph cut its answer")
            if not token:
                return found
            await checkpoint()

    async def _send(self, body: dict[str, object]) -> Answer:
        """Send one query, a few times if the service asks for that."""
        for _ in range(TRIES):
            await anyio.sleep_until(self._next_s)
            answer = await self._board.query(self._url, body)
            if answer is None:
                self._next_s = anyio.current_time() + WINDOW_S
                continue
            self._next_s = anyio.current_time() + query_pause(answer)
            status = answer.status_code
            if status == _OK:
                return answer
            reason = f"Azure Resource Graph answered HTTP {status}: {describe(read_error(answer).error)}"
            if status == _UNAUTHORIZED:
                logger.warning("%s; the next query is sent in %.0f s", reason, UNAUTHORIZED_S)
                self._next_s = anyio.current_time() + UNAUTHORIZED_S
                raise ConnectionError(reason)
            if status in _TOO_LONG:
                raise QueryTooLong(reason)
            if status not in _TRANSIENT and status < _SERVER_ERROR:
                raise ValueError(reason)
            self._next_s = max(self._next_s, anyio.current_time() + WINDOW_S)
        raise ConnectionError("Azure Resource Graph does not answer")


def _body(resources: Sequence[str], token: str) -> dict[str, object]:
    """Return the body of a query; no resource id has an apostrophe or a backslash."""
    names = ",".join(f"'{name}'" for name in resources)
    query = (
        f"resources | where id in~ ({names})"
        " | project id, state = tostring(properties.provisioningState) | order by id asc"
    )
    options: dict[str, object] = {"resultFormat": "objectArray", "$top": ROWS}
    if token:
        options["$skipToken"] = token
    return {
        "subscriptions": sorted({name.split("/", 3)[2] for name in resources}),
        "query": query,
        "options": options,
    }
