"""docs/journal.md: each example does what the page says, and a journal of one's own takes 40 lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Script
from tests.docs.test_examples import blocks, namespace_of
from tests.support.clients import client_of
from tests.support.clock_fixtures import one_clock

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["one_clock"]

FIRST, READERS, BESIDE, OWN = (block.values[0] for block in blocks("docs/journal.md"))
LONGEST_JOURNAL = 40


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_twice(main: Any, backend: str, *, left_open: Any = None) -> FakeARM:
    """Run an example, leave an operation open where asked, and run it again as the next process would."""
    arm = FakeARM(default=Script(duration_s=0.1, retry_after=0), floor_s=0, limits=None)

    async def run() -> None:
        async with client_of(arm) as client:
            await main(client)
            if left_open is not None:
                async with azpoll.Tracker(client, journal=left_open(), on_exit="stop") as tracker:
                    await tracker.begin("PUT", "/subscriptions/s/resourceGroups/open?api-version=1", json={})
            await main(client)

    anyio.run(run, backend=backend)
    return arm


def test_the_first_example_recovers_the_operations_of_the_process_before(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = namespace_of(FIRST)["main"]
    arm = run_twice(main, backend, left_open=lambda: azpoll.SQLiteJournal("operations.db"))
    assert arm.statistics().started == 2
    assert capsys.readouterr().out.splitlines() == [
        "group g succeeded 200 None",
        "group g succeeded 200 None",
        "None succeeded 200 None",
    ]


def test_the_readers_show_and_forget_an_operation(capsys: pytest.CaptureFixture[str]) -> None:
    run_twice(namespace_of(FIRST)["main"], "asyncio")
    example = namespace_of(READERS)
    example["show"]("operations.db")
    assert "group g" in capsys.readouterr().out
    assert example["cancel"]("operations.db", "0" * 16) == 1


def test_an_operation_that_is_begun_beside_the_owner_is_recovered(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = namespace_of(BESIDE)["begin"]

    async def begin_and_recover(client: Any) -> None:
        ident = await begin(client, "/subscriptions/s/resourceGroups/beside?api-version=1")
        async with azpoll.Tracker(client, journal=azpoll.SQLiteJournal("operations.db")) as owner:
            (operation,) = await owner.recover()
            assert operation.id == ident
            await operation

    run_twice(begin_and_recover, backend)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("default::ResourceWarning")
def test_a_journal_of_ones_own_recovers_an_operation(capsys: pytest.CaptureFixture[str]) -> None:
    """Aiosqlite needs asyncio."""
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("aiosqlite")
    example = namespace_of(OWN)

    def journal() -> azpoll.Journal:
        engine = example["create_async_engine"]("sqlite+aiosqlite:///own.db", hide_parameters=True)
        own: azpoll.Journal = example["SQLAlchemyJournal"](engine)
        return own

    run_twice(example["main"], "asyncio", left_open=journal)
    assert capsys.readouterr().out.count("succeeded") == 2

    async def ends() -> list[azpoll.JournalResult]:
        async with client_of(FakeARM()) as client, azpoll.Tracker(client, journal=journal()) as tracker:
            found = [result async for result in tracker.results()]
            assert await tracker.forget(found[0].operation_id)
            assert not await tracker.forget(found[0].operation_id)
            assert await tracker.get(found[0].operation_id) is None
            return found

    assert len(anyio.run(ends)) == 3


def test_a_journal_of_ones_own_takes_40_lines() -> None:
    own = OWN[OWN.index("class SQLAlchemyJournal") : OWN.index("async def main")]
    assert len([line for line in own.splitlines() if line.strip()]) <= LONGEST_JOURNAL
    methods = set(re.findall(r"async def (\w+)", own)) - {"select"}
    assert methods == {name for name in vars(azpoll.Journal) if name in methods or not name.startswith("_")}
