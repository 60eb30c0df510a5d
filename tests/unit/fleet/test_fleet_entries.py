"""`Fleet.entries` and `overview`: all operations of a fleet, as a journal has them; and reports on them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll import JournalResult, JournalRow, report
from azpoll.cli import main
from azpoll.fleet import Fleet, stored_entries
from azpoll.operation_state import OperationState
from tests.support.canary import CANARY
from tests.support.fleet_work import submit_red_and_blue

if TYPE_CHECKING:
    from pathlib import Path

    from azpoll.journal import JournalEntry

pytestmark = pytest.mark.anyio

URL = "/subscriptions/s/resourceGroups/new?api-version=1"


async def fill(fleet: Fleet) -> None:
    """Store two failed operations of the group "red", an open one of "blue", and a request that no worker has sent."""
    await submit_red_and_blue(fleet)
    await fleet.begin("PUT", URL, json={"password": CANARY}, label="mine")


async def entries_of(fleet: Fleet, group: str | None = None) -> list[JournalEntry]:
    return [entry async for entry in fleet.entries(group=group)]


async def test_entries_are_open_operations_and_results(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_entries, "READ_AT_ONCE", 1)
    await fill(fleet)
    entries = await entries_of(fleet)
    assert [type(entry.row) for entry in entries] == [JournalRow, JournalRow, JournalResult, JournalResult]
    blue, mine = sorted((entry.row for entry in entries[:2]), key=lambda row: row.group is None)
    assert isinstance(mine, JournalRow)
    assert (mine.label, mine.method, mine.url, mine.intent) == ("mine", "PUT", URL.replace("=1", "=***"), True)
    assert mine.client_request_id is not None
    assert isinstance(blue, JournalRow)
    assert (blue.group, blue.method, blue.intent, blue.polls) == ("blue", "PUT", False, None)
    assert "/resourceGroups/g0?api-version=***" in blue.url
    failed = entries[2].row
    assert isinstance(failed, JournalResult)
    assert (failed.state, failed.group, failed.method) == (OperationState.FAILED, "red", "PUT")
    assert b"QuotaExceeded" in failed.body
    assert entries[2].created_at < entries[2].updated_at


async def test_entries_of_one_group(fleet: Fleet) -> None:
    await fill(fleet)
    assert [entry.row.group for entry in await entries_of(fleet, "red")] == ["red", "red"]
    assert [entry.row.group for entry in await entries_of(fleet, "blue")] == ["blue"]


async def test_a_report_on_a_fleet(fleet: Fleet) -> None:
    await fill(fleet)
    entries = await entries_of(fleet)
    summary = json.loads(report.json(entries))["summary"]
    assert summary["states"] == {"failed": 2, "running": 1, "intent": 1}
    assert summary["codes"] == {"QuotaExceeded": 2}
    page = report.html(entries)
    assert "no cores" in page
    assert CANARY not in page
    assert report.csv(entries).count("\r\n") == 5


async def test_the_command_reports_on_a_fleet(fleet: Fleet, dsn: str, tmp_path: Path) -> None:
    await fill(fleet)
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    words = ["report", "--dsn", dsn]
    assert await anyio.to_thread.run_sync(partial(main, [*words, "--output", str(page)])) == 0
    more = [*words, "--group", "red", "--format", "json", "--output", str(data)]
    assert await anyio.to_thread.run_sync(partial(main, more)) == 0
    text = page.read_text(encoding="utf-8")
    assert "<title>Operations of the fleet</title>" in text
    assert "The polls of 4 operations are not known." in text
    assert [each["group"] for each in json.loads(data.read_text(encoding="utf-8"))["operations"]] == ["red", "red"]


async def test_the_overview_counts_groups(fleet: Fleet) -> None:
    await fill(fleet)
    overview = await fleet.overview()
    counts = {group.label: (group.running, group.failed, group.failing) for group in overview.groups}
    assert counts == {"red": (0, 2, 0), "blue": (1, 0, 0), None: (1, 0, 0)}
    assert len(overview.failures) == 2
    assert [entry.row.group for entry in overview.running] == ["blue", None]
    assert len((await fleet.overview(most=1)).running) == 1
