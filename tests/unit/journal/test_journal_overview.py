"""`JournalReader.overview`: counts by group, the newest failures and the oldest open operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.journal import open_reader
from azpoll.operation_state import OperationState

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


def running(ident: str, group: str | None = None, *, intent: bool = False) -> azpoll.JournalRow:
    return azpoll.JournalRow(ident, "PUT", "https://h/t", None, ident, group, "Moving", intent, "token", "")


def ended(ident: str, state: OperationState | None, group: str | None = None) -> azpoll.JournalResult:
    error = None if state is OperationState.SUCCEEDED else "Conflict"
    return azpoll.JournalResult(ident, "PUT", "https://h/t", None, ident, group, state, 200, b"body", 4, error, None)


async def test_an_overview_counts_groups_and_has_the_first_rows(path: Path) -> None:
    async with azpoll.SQLiteJournal(path) as journal:
        await journal.store([running("a", "g"), running("b", "g", intent=True), running("c"), running("d")])
        await journal.store([ended("e", OperationState.FAILED, "g"), ended("f", OperationState.SUCCEEDED, "g")])
        await journal.store([ended("h", None, "g"), ended("i", OperationState.CANCELED)])
        await journal.store([ended("j", OperationState.UNKNOWN)])
        with open_reader(path) as reader:
            overview, short = reader.overview(), reader.overview(most=1)

    first, other = overview.groups
    assert first[:7] == ("g", 2, 1, 1, 0, 0, 1)
    assert other[:7] == (None, 2, 0, 0, 1, 1, 0)
    assert first.oldest_at is not None
    assert [entry.row.operation_id for entry in overview.failures] == ["j", "i", "h", "e"]
    assert {entry.row.body for entry in overview.failures if isinstance(entry.row, azpoll.JournalResult)} == {b""}
    assert [entry.row.operation_id for entry in overview.running] == ["a", "b", "c", "d"]
    assert overview.running[0].row.token == "token"
    assert (len(short.failures), len(short.running), short.groups) == (1, 1, overview.groups)


async def test_a_journal_without_operations_has_an_empty_overview(path: Path) -> None:
    async with azpoll.SQLiteJournal(path):
        with open_reader(path) as reader:
            assert reader.overview() == ((), (), ())
