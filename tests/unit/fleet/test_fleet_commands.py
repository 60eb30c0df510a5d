"""`azpoll worker` and `azpoll fleet`, over a real PostgreSQL server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import httpx
import pytest

from azpoll.cli import main
from azpoll.fleet import Fleet
from azpoll.testing import Reply
from tests.support.canary import CANARY
from tests.support.child_processes import command_of
from tests.support.fleet_work import GROUP, quick_arm, responses_of, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from tests.support.postgres import PostgresServer

    Azpoll: TypeAlias = "Callable[..., Awaitable[Result]]"

pytestmark = pytest.mark.anyio

NO_SERVER = f"postgresql://user:{CANARY}@127.0.0.1:1/x"
ACTIONS = (("fleet", "install"), ("fleet", "status"), ("fleet", "drain"), ("worker",))


class Result(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def azpoll(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Azpoll:
    """The command, which runs in a thread of this process."""
    for name in ("AZPOLL_TOKEN", "AZPOLL_DSN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def run(*words: str) -> Result:
        capsys.readouterr()
        # `asyncio.to_thread` would copy the context, in which an event loop runs already.
        code = await asyncio.get_running_loop().run_in_executor(None, main, words)
        out, err = capsys.readouterr()
        result = Result(code, out, err)
        assert "Traceback" not in result.err
        assert CANARY not in result.out + result.err
        return result

    return run


async def test_install_creates_the_tables_once(postgres: PostgresServer, azpoll: Azpoll) -> None:
    name = await postgres.create()
    database = ("--dsn", postgres.dsn(name))
    try:
        missing = await azpoll("fleet", "status", *database)
        created = await azpoll("fleet", "install", *database)
        again = await azpoll("fleet", "install", *database)
        status = await azpoll("fleet", "status", *database)
    finally:
        await postgres.drop(name)
    assert (missing.code, created.code, again.code, status.code) == (65, 0, 0, 0)
    assert "azpoll fleet install" in missing.err
    assert "created" in created.out
    assert "up to date" in again.out


async def test_the_printed_sql_makes_a_fleet(postgres: PostgresServer, azpoll: Azpoll) -> None:
    """It needs no database."""
    printed = await azpoll("fleet", "install", "--print")
    name = await postgres.create()
    try:
        connection = await asyncpg.connect(postgres.dsn(name))
        await connection.execute(printed.out)
        await connection.close()
        again = await azpoll("fleet", "install", "--dsn", postgres.dsn(name))
        assert "up to date" in again.out
        async with service(quick_arm()) as client, Fleet.connect(postgres.dsn(name)) as fleet:
            ids = await fleet.submit(await responses_of(client, 1))
            async with working(fleet, client):
                assert [result.state for result in await fleet.wait(ids, timeout=20)] == ["succeeded"]
    finally:
        await postgres.drop(name)


async def test_status_shows_operations_shards_workers_budgets_and_problems(
    dsn: str, fleet: Fleet, azpoll: Azpoll
) -> None:
    long = f"/subscriptions/{'s' * 90}/resourceGroups/g?api-version=1"
    async with service(quick_arm(duration_s=60.0)) as client:
        await fleet.submit([*await responses_of(client, 3), await client.put(long, json={})])
        refused = await fleet.begin("PUT", "https://elsewhere.example/x")
        async with working(fleet, client):
            await eventually(lambda: has_budgets(fleet))
            text = await azpoll("fleet", "status", "--dsn", dsn)
            document = await azpoll("fleet", "status", "--json", "--dsn", dsn)
            line = await azpoll("fleet", "status", "-o", "jsonl", "--dsn", dsn)
            silent = await azpoll("fleet", "status", "-o", "none", "--dsn", dsn)
    assert {text.code, document.code, line.code, silent.code} == {0}
    assert max(map(len, text.out.splitlines())) <= 80
    heads = [row.split()[0] for row in text.out.splitlines() if row and not row.startswith(" ")]
    assert heads == ["operations", "shards", "workers", "budgets", "problems"]
    assert refused in text.out
    shown = json.loads(document.out)
    assert shown["operations"]["running"] == 5
    assert shown["shards"]["leased"] >= 2
    assert [worker["shards"] for worker in shown["workers"]] == [shown["shards"]["leased"]]
    assert {"name", "rate", "tokens", "closed_s"} == set(shown["budgets"][0])
    assert [problem["id"] for problem in shown["problems"]] == [refused]
    assert json.loads(line.out)["operations"] == shown["operations"]
    assert silent.out == ""


async def has_budgets(fleet: Fleet) -> bool:
    """Whether both subscriptions were polled, and the refused operation has its problem."""
    counts = await fleet.statistics()
    return len(counts.budgets) >= 2 and counts.problems == 1


async def test_a_worker_drains_the_fleet(
    dsn: str, fleet: Fleet, azpoll: Azpoll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its credential is that of the environment; nothing is left afterwards."""
    monkeypatch.setenv("AZPOLL_DSN", dsn)
    monkeypatch.setenv("TOKEN", CANARY)
    arm = quick_arm()
    async with arm.serve() as base_url:
        ids = await submitted(fleet, base_url, 3)
        options = ("--auth", "env:TOKEN", "--shards", "2", "--lease", "5s", "--read-rate", "100", "--write-rate", "0.5")
        worked = await azpoll("worker", "--drain", "--allow-host", base_url, *options)
    assert worked.code == 0, worked.err
    assert "3 operations ended here" in worked.err
    assert worked.out == ""
    assert [result.state for result in await fleet.wait(ids, timeout=1)] == ["succeeded"] * 3


async def submitted(fleet: Fleet, base_url: str, count: int) -> list[str]:
    """Begin operations of a service that listens, and submit them."""
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        return await fleet.submit(await responses_of(client, count))


async def drain_while(
    work: Callable[[], AbstractAsyncContextManager[object]], dsn: str, capsys: pytest.CaptureFixture[str]
) -> Result:
    """Begin to drain one operation, and then let a worker begin."""
    drained = asyncio.get_running_loop().run_in_executor(None, main, ("fleet", "drain", "--dsn", dsn))
    err = ""
    while "# open: 1; " not in err:
        await asyncio.sleep(0.02)
        err += capsys.readouterr().err
    async with work():
        code = await drained
    out, _ = capsys.readouterr()
    return Result(code, out, err)


async def test_drain_has_the_exit_code_of_the_operations_that_end(
    dsn: str, fleet: Fleet, azpoll: Azpoll, capsys: pytest.CaptureFixture[str]
) -> None:
    arm = quick_arm()
    arm.operation("PUT", f"{GROUP}/g1", duration_s=0.0, retry_after=0, outcome="Failed", error={"code": "Full"})
    async with service(arm) as client:
        good, bad = await responses_of(client, 2)
        (ident,) = await fleet.submit([good], group="good")
        first = await drain_while(lambda: working(fleet, client), dsn, capsys)
        await fleet.submit([bad], group="bad")
        second = await drain_while(lambda: working(fleet, client), dsn, capsys)
    after = await azpoll("fleet", "drain", "--dsn", dsn)
    of_group = await azpoll("fleet", "drain", "--group", "bad", "-o", "json", "--dsn", dsn)
    other_group = await azpoll("fleet", "drain", "--group", "good", "-o", "jsonl", "--dsn", dsn)
    assert (first.code, second.code, after.code, of_group.code, other_group.code) == (0, 1, 0, 1, 0)
    assert first.out.startswith(f"Succeeded    {ident}")
    assert "Full" in second.out
    assert after.out == ""
    document = json.loads(of_group.out)
    assert document["exit_code"] == 1
    assert [each["state"] for each in document["operations"]] == ["failed"]
    assert [json.loads(line)["event"] for line in other_group.out.splitlines()] == ["ended", "finished"]


async def test_drain_counts_refused_requests_and_long_names(dsn: str, fleet: Fleet, azpoll: Azpoll) -> None:
    arm = quick_arm()
    arm.operation("PUT", "/subscriptions/s/taken", initial=Reply(409, body={"error": {"code": "Taken"}}))
    async with service(arm) as client:
        await fleet.begin("PUT", "/subscriptions/s/taken?api-version=1", group="g", label="long name " * 20)
        async with working(fleet, client):
            drained = await azpoll("fleet", "drain", "--group", "g", "--dsn", dsn)
    assert drained.code == 6
    assert drained.out.startswith("Not started  ")
    assert max(map(len, drained.out.splitlines())) <= 80


async def test_drain_ends_at_its_timeout(dsn: str, fleet: Fleet, azpoll: Azpoll) -> None:
    async with service(quick_arm(duration_s=60.0)) as client:
        await fleet.submit(await responses_of(client, 2))
    drained = await azpoll("fleet", "drain", "--timeout", "0.3", "--dsn", dsn)
    silent = await azpoll("fleet", "drain", "--timeout", "0.1", "-o", "none", "--dsn", dsn)
    assert (drained.code, silent.code) == (124, 124)
    assert "# open: 2; workers: 0; shards without one: 1" in drained.err
    assert "still open" in silent.err


@pytest.mark.parametrize("words", ACTIONS, ids=" ".join)
async def test_a_database_that_cannot_be_used_is_one_line(
    dsn: str, azpoll: Azpoll, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE azpoll.version SET number = 99")
    await connection.close()
    cases = {
        NO_SERVER: (69, "connection refused"),
        dsn: (65, "version 99"),
        f"postgresql://u:{CANARY}@127.0.0.1:port/x": (2, "DSN is invalid"),
        "": (2, "AZPOLL_DSN"),
    }
    for database, (code, text) in cases.items():
        monkeypatch.setenv("AZPOLL_DSN", database)
        result = await azpoll(*words)
        assert (result.code, result.out) == (code, "")
        assert text in result.err
        assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("words", ACTIONS, ids=" ".join)
async def test_without_the_extra_the_message_names_it(
    azpoll: Azpoll, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, "azpoll.fleet", None)
    result = await azpoll(*words, "--dsn", NO_SERVER)
    assert result.code == 2
    assert "python -m pip install 'azpoll[fleet]'" in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["fleet"], "is missing"),
        (["fleet", CANARY], "is invalid"),
        (["fleet", "status", CANARY], "only options are taken"),
        (["fleet", "status", "--jsno"], "did you mean --json?"),
        (["fleet", "drain", "--timeout", CANARY], "a duration such as"),
        (["worker", "--lease", "0.5", "--dsn", NO_SERVER], "1s to 1d"),
        (["worker", "--shards", "0", "--dsn", NO_SERVER], "1 or more"),
        (["worker", "--read-rate", "0"], "above 0"),
        (["worker", "--write-rate", CANARY], "above 0"),
        (["worker", "--allow-host", f"http://{CANARY}.example"], "--allow-host takes"),
    ],
)
async def test_a_usage_error_is_one_line(azpoll: Azpoll, words: list[str], text: str) -> None:
    result = await azpoll(*words)
    assert result.code == 2
    assert text in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="processes are signalled")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_signal_ends_a_worker_which_gives_its_shards_back(
    dsn: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setenv("AZPOLL_DSN", dsn)
    async with quick_arm(duration_s=60.0).serve() as base_url:
        await submitted(fleet, base_url, 2)
        worker = await asyncio.create_subprocess_exec(
            *command_of("azpoll"),
            *("worker", "--allow-host", base_url, "--lease", "1d"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await eventually(lambda: is_leased(fleet))
        worker.send_signal(number)
        out, err = await asyncio.wait_for(worker.communicate(), 20)
    counts = (await fleet.statistics()).shards
    assert (worker.returncode, out) == (code, b"")
    assert err.decode().splitlines()[-1].startswith("# The worker has ended.")
    assert b"Traceback" not in err
    assert (counts.queued, counts.leased) == (1, 0)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="processes are signalled")
async def test_a_worker_sends_nothing_to_a_host_that_no_option_names(
    dsn: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZPOLL_DSN", dsn)
    monkeypatch.setenv("AZPOLL_TOKEN", CANARY)
    arm = quick_arm()
    async with arm.serve() as base_url:
        await submitted(fleet, base_url, 1)
        await fleet.begin("PUT", f"{base_url}/subscriptions/s/x?api-version=1")
        worker = await asyncio.create_subprocess_exec(
            *command_of("azpoll"), "worker", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        await eventually(lambda: has_two_problems(fleet))
        worker.terminate()
        _, err = await asyncio.wait_for(worker.communicate(), 20)
    assert arm.statistics().requests == 1
    assert worker.returncode == 143
    assert "list it with --allow-host" in err.decode()
    assert CANARY not in err.decode()


async def has_two_problems(fleet: Fleet) -> bool:
    """Whether a worker has refused two operations."""
    return (await fleet.statistics()).problems == 2


async def is_leased(fleet: Fleet) -> bool:
    """Whether a worker has the shard."""
    return (await fleet.statistics()).shards.leased == 1
