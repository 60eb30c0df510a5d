"""`azpoll watch --journal`: the table once, JSON lines, and errors."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll as library
from azpoll.journal import JournalReader
from azpoll.operation_state import OperationState
from azpoll.protocol.resume_token import encode
from azpoll.protocol.token_content import Token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.unit.cli.conftest import Command

    Row = library.JournalRow | library.JournalResult

SIGNED = "https://h/subscriptions/s/providers/P/things/t1?sig=secret"


def running(ident: str, label: str | None = None, group: str | None = None) -> Row:
    return library.JournalRow(ident, "PUT", SIGNED, None, label, group, "Moving", intent=False, token=None, options="")


def failed(ident: str, label: str | None = None, group: str | None = None) -> Row:
    error = f"operation {ident} failed: QuotaExceeded: \x1b[31mno cores"
    return library.JournalResult(
        ident, "PUT", SIGNED, None, label, group, OperationState.FAILED, 200, b"", 0, error, None
    )


def write(path: Path, rows: Sequence[Row]) -> None:
    async def main() -> None:
        async with library.SQLiteJournal(path) as journal:
            await journal.store(rows)

    anyio.run(main)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with 30 running operations and a failed one."""
    path = tmp_path / "operations.db"
    rows = [running(f"r{number}", SIGNED if number else "first\x1b[2J", f"g{number % 2}") for number in range(30)]
    write(path, [*rows, failed("f1", "broken", "g1")])
    return path


def lines_of(out: str) -> list[Any]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("width", [None, "50", "30"])
def test_the_table_of_a_journal_is_printed_once(
    journal: Path, azpoll: Command, monkeypatch: pytest.MonkeyPatch, width: str | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", width)

    shown = azpoll("watch", "--journal", str(journal))

    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("30 running, 1 failed\nno process owns")
    assert max(map(len, shown.out.splitlines())) <= int(width or 80)
    assert "secret" not in shown.out
    assert "\x1b" not in shown.out
    assert re.search(r"and \d+ more run", shown.out)
    if width is None:
        assert re.search(r"g1 +15 +1 +0\.\d s\n", shown.out), "running, failed, oldest"
        assert re.search(r"failed +0\.0 s +broken +QuotaExceeded: \\x1b\[31mno cores\n", shown.out)
        assert re.search(r"Moving +0\.\d s +first\\x1b\[2J\n", shown.out)


def test_json_lines_have_counts_groups_and_the_first_operations(journal: Path, azpoll: Command) -> None:
    shown = azpoll("watch", "--journal", str(journal), "--json", "--rows", "3")

    counts, *others = lines_of(shown.out)
    assert shown.code == 0
    assert (counts["event"], counts["running"], counts["failed"], counts["not_listed"]) == ("counts", 30, 1, 28)
    groups = [each for each in others if each["event"] == "group"]
    assert [(each["group"], each["running"], each["failed"]) for each in groups] == [("g0", 15, 0), ("g1", 15, 1)]
    operations = [each for each in others if each["event"] == "operation"]
    assert [(each["id"], each["state"], each["concern"]) for each in operations] == [
        ("f1", "failed", "failed"),
        ("r0", "running", "none"),
        ("r1", "running", "none"),
    ]
    assert "secret" not in shown.out


def test_a_journal_whose_owner_lives_shows_the_owner_and_the_next_polls(tmp_path: Path, azpoll: Command) -> None:
    path = tmp_path / "operations.db"
    token = Token("PUT", SIGNED, "Location", SIGNED, not_before=time.time() + 3000)
    row = library.JournalRow("r1", "PUT", SIGNED, None, "a", None, None, intent=False, token=None, options="")
    rows = [row._replace(token=encode(token, b"k" * 32)), row._replace(operation_id="r2", token="no token")]

    async def main() -> str:
        async with library.SQLiteJournal(path) as journal:
            await journal.store(rows)
            shown = await anyio.to_thread.run_sync(partial(azpoll, "watch", "--journal", str(path)))
            return shown.out

    out = anyio.run(main)
    assert f"tracked by process {os.getpid()} on " in out
    assert re.search(r"running +(49 min \d+ s|50 min) +0\.\d s +a\n", out)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "a journal or a fleet is needed: --journal FILE, --dsn DSN, or the variable AZPOLL_DSN"),
        (("--journal", "x.db", "--dsn", "postgresql://u@h/d"), 2, "--journal and --dsn exclude each other"),
        (("--journal", "missing.db"), 66, "the journal cannot be opened"),
        (("--dsn", "host=h password=secret"), 2, "the DSN is invalid"),
        (("--dsn", "postgresql://u:secret@127.0.0.1:x/d"), 2, "the DSN is invalid"),
    ],
)
def test_what_cannot_be_watched_is_an_error(words: Sequence[str], code: int, message: str, azpoll: Command) -> None:
    shown = azpoll("watch", *words)
    assert (shown.code, shown.out) == (code, "")
    assert message in shown.err
    assert "secret" not in shown.err


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, azpoll: Command) -> None:
    path = tmp_path / "text.db"
    path.write_text("no database " * 99)
    assert azpoll("watch", "--journal", str(path)).code == 65


def test_a_live_table_without_rich_names_the_extra(
    journal: Path, azpoll: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = azpoll("watch", "--journal", str(journal))
    assert shown.code == 2
    assert "pip install 'azpoll[cli]'" in shown.err
    assert azpoll("watch", "--journal", str(journal), "--once").code == 0


def test_a_journal_that_breaks_while_it_is_drawn_ends_the_command(
    journal: Path, azpoll: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(_: JournalReader, left: list[int] = [1]) -> int:  # noqa: B006 - counts its calls
        if not left:
            raise library.JournalError(f"the journal {journal} cannot be used: disk I/O error")
        return left.pop()

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(JournalReader, "version", version)
    shown = azpoll("watch", "--journal", str(journal))
    assert (shown.code, shown.err) == (65, "azpoll watch: the journal cannot be used: disk I/O error\n")
    assert "30 running" in shown.out
    assert shown.out.rpartition("\x1b[?1049l")[1], "the terminal is restored"
