"""Azure Resource Graph and Event Grid beside a `FakeARM`, with their lags."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import anyio
import httpx

from azpoll.hints import EventGrid
from benchmarks.fleet.scenario import GROUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    import azpoll
    from azpoll.testing import FakeARM
    from benchmarks.fleet.hint_times import Change

QUERIES, WINDOW_S = 15, 5.0
PAGE = 1000
KEY = "the key of the simulation"

_NAMES = re.compile(r"'([^']+)'")


class WithResourceGraph(httpx.AsyncBaseTransport):
    """A transport to a `FakeARM` and to a Resource Graph with a quota of 15 queries in each 5 s.

    Attributes:
        queries: number of queries answered.
        refused: number of queries above the quota.
    """

    def __init__(self, arm: FakeARM, changes: Sequence[Change]) -> None:
        self._arm = arm.transport()
        self._changes = changes
        self._window = -1
        self._left = 0
        self.queries = self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a query, or let the ARM answer."""
        if request.url.path != "/providers/Microsoft.ResourceGraph/resources":
            return await self._arm.handle_async_request(request)
        now_s = anyio.current_time()
        window = math.floor(now_s / WINDOW_S)
        if window != self._window:
            self._window, self._left = window, QUERIES
        resets_s = math.ceil((window + 1) * WINDOW_S - now_s)
        headers = {"x-ms-user-quota-resets-after": f"00:00:{resets_s:02}"}
        if not self._left:
            self.refused += 1
            return httpx.Response(429, headers={**headers, "retry-after": str(resets_s)})
        self._left -= 1
        self.queries += 1
        headers["x-ms-user-quota-remaining"] = str(self._left)
        return httpx.Response(200, headers=headers, json=self._page(json.loads(await request.aread()), now_s))

    def _page(self, query: dict[str, dict[str, str]], now_s: float) -> dict[str, object]:
        names: list[str] = _NAMES.findall(str(query["query"]))
        skipped = int(query["options"].get("$skipToken", "0"))
        rows = [row for name in names if (row := self._row(name, now_s))]
        page: dict[str, object] = {"data": rows[skipped : skipped + PAGE], "count": len(rows)}
        if len(rows) > skipped + PAGE:
            page["$skipToken"] = str(skipped + PAGE)
        return page

    def _row(self, name: str, now_s: float) -> dict[str, str] | None:
        change = self._changes[int(name.rpartition("-")[2])]
        if now_s >= change.shown_ended_s:
            return {"id": name, "state": "Succeeded"}
        return {"id": name, "state": "Creating"} if now_s >= change.shown_begun_s else None


async def deliver(tracker: azpoll.Tracker[httpx.Response], changes: Sequence[Change], names: Sequence[str]) -> None:
    """Send the event of each end to an `EventGrid` endpoint, one delivery each."""
    due = sorted((change.event_s, name) for change, name in zip(changes, names, strict=True))
    transport = httpx.ASGITransport(EventGrid(tracker, key=KEY))
    async with httpx.AsyncClient(transport=transport, headers={"x-azpoll-key": KEY}) as client:
        for event_s, name in due:
            if event_s == math.inf:
                return
            await anyio.sleep_until(event_s)
            resource = f"{GROUP}/Microsoft.Test/widgets/{name}"
            event = {"eventType": "Microsoft.Resources.ResourceWriteSuccess", "data": {"resourceUri": resource}}
            response = await client.post("https://endpoint.example/", json=[event])
            response.raise_for_status()
