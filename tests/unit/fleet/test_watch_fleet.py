"""`azpoll watch --dsn`: the counts, shards, problems and budgets of a fleet, without its password."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll import JournalRow
from azpoll.cli import main
from azpoll.testing import Reply
from tests.support.clients import client_of
from tests.support.fleet_work import quick_arm, responses_of, service, submit_red_and_blue, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from azpoll.fleet import Fleet
    from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.anyio


async def watch(*words: str) -> int:
    """Run the command in a thread, since it has an event loop of its own."""
    return await anyio.to_thread.run_sync(partial(main, ["watch", *words]))


async def fleet_status(dsn: str) -> int:
    """Run `azpoll fleet status` likewise."""
    return await anyio.to_thread.run_sync(partial(main, ["fleet", "status", "--dsn", dsn]))


async def test_the_counts_and_the_budgets_of_a_fleet_are_printed(
    fleet: Fleet, dsn: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZPOLL_DSN", dsn)
    async with service(quick_arm(duration_s=60)) as client:
        await fleet.submit(await responses_of(client, 3), group="g")
        async with working(fleet, client):

            async def has_budget() -> bool:
                return bool((await fleet.statistics()).budgets)

            await eventually(has_budget)
            assert await watch("--dsn", dsn) == 0
            table = capsys.readouterr().out
            assert await watch("--json") == 0

    assert table.startswith("3 running\n1 worker; 1 shard leased, 0 queued\n")
    assert "READS/S" in table
    counts, group, *operations, budget = map(json.loads, capsys.readouterr().out.splitlines())
    assert (counts["event"], counts["running"], counts["not_listed"]) == ("counts", 3, 0)
    assert (group["event"], group["group"], group["running"]) == ("group", "g", 3)
    assert sorted((each["name"], each["state"]) for each in operations) == [
        (f"resourceGroups/g{number}", "running") for number in range(3)
    ]
    assert budget["event"] == "budget"


async def test_groups_and_failures_are_listed(
    fleet: Fleet, dsn: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    await submit_red_and_blue(fleet)
    assert await watch("--dsn", dsn) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 running, 2 failed\n")
    assert re.search(r"\nGROUP +RUNNING +FAILED\nred +0 +2\nblue +1\n", out)
    assert re.search(r"\nfailed .*resourceGroups/g[01] +.*QuotaExceeded", out)


async def test_the_percentage_and_the_last_error_are_listed(
    fleet: Fleet, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker stores them with its heartbeats; a readable answer clears the error."""
    moving, broken = Reply(200, {"status": "Moving", "percentComplete": 40}), Reply(503)
    arm = quick_arm(duration_s=60, polls=[moving, broken])
    async with service(arm) as client:
        await fleet.submit(await responses_of(client, 1), group="g")
        async with working(fleet, client, lease_s=1.0):

            async def has_error() -> bool:
                entries = (await fleet.overview()).running
                return bool(entries) and isinstance(row := entries[0].row, JournalRow) and row.last_error is not None

            await eventually(has_error)
            assert await watch("--dsn", dsn, "--json") == 0
            _, group, operation, _ = map(json.loads, capsys.readouterr().out.splitlines())
            assert (group["running"], group["failing"]) == (1, 1)
            assert (operation["percent"], operation["reason"], operation["concern"]) == (40, "HTTP 503", "failing")
            assert await fleet_status(dsn) == 0
            assert re.search(r"\nlast polls that failed \(1\)\n  [0-9a-f]{16}  HTTP 503\n", capsys.readouterr().out)


async def test_a_problem_is_listed(fleet: Fleet, dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The worker does not trust the origin of the operation."""
    async with service(quick_arm(duration_s=60)) as client:
        await fleet.submit(await responses_of(client, 1))
    async with client_of(quick_arm(), base_url="https://other.example") as client, working(fleet, client):

        async def has_problem() -> bool:
            return bool(await fleet.problems())

        await eventually(has_problem)
        assert await watch("--dsn", dsn) == 0
    out = capsys.readouterr().out
    assert "1 running, 1 refused" in out
    assert "LAST ERROR" in out


async def test_a_database_without_tables_or_server_is_an_error(
    postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    name = await postgres.create()
    assert await watch("--dsn", postgres.dsn(name)) == 65
    assert "no tables of a fleet" in capsys.readouterr().err
    await postgres.drop(name)
    assert await watch("--dsn", postgres.dsn(name)) == 69
    assert capsys.readouterr().err
