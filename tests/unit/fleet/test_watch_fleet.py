"""`azpoll watch --dsn`: the counts, shards, problems and budgets of a fleet, without its password."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.cli import main
from tests.support.clients import client_of
from tests.support.fleet_fixtures import ONE_SERVER
from tests.support.fleet_work import quick_arm, responses_of, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from azpoll.fleet import Fleet
    from tests.support.postgres import PostgresServer

pytestmark = [ONE_SERVER, pytest.mark.anyio]


async def watch(*words: str) -> int:
    """Run the command in a thread, since it has an event loop of its own."""
    return await anyio.to_thread.run_sync(partial(main, ["watch", *words]))


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
    counts, budget = map(json.loads, capsys.readouterr().out.splitlines())
    assert (counts["event"], counts["running"], counts["not_listed"]) == ("counts", 3, 3)
    assert budget["event"] == "budget"


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
