"""The progress of an operation and the error of its last poll, in the commands that read a journal."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import azpoll as library
from tests.unit.cli.test_cli_watch import SIGNED, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command

ERROR = "connection refused\x1b[2J"


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """The path of a journal with an operation that moves, and a younger one whose last poll failed."""
    path = tmp_path / "operations.db"
    common = (None, None, "g", "Moving")
    row = library.JournalRow("r1", "PUT", SIGNED, *common, intent=False, token=None, options="", percent=40.0)
    write(path, [row, row._replace(operation_id="r2", percent=None, last_error=ERROR)])
    return str(path)


def test_the_table_shows_both(journal: str, azpoll: Command) -> None:
    out = azpoll("watch", "--journal", journal).out
    assert re.search(r"\nGROUP +RUNNING +FAILING +OLDEST\ng +2 +1 ", out)
    failing, moving = out.splitlines()[-2:]
    assert re.search(r"^Moving +0\.\d s +things/t1 +connection refused\\x1b\[2J$", failing)
    assert re.search(r"^Moving +40 +0\.\d s +things/t1$", moving)


def test_json_lines_of_the_table_have_both(journal: str, azpoll: Command) -> None:
    lines: list[Any] = [json.loads(line) for line in azpoll("watch", "--journal", journal, "--json").out.splitlines()]
    assert [line["failing"] for line in lines if line["event"] == "group"] == [1]
    operations = [line for line in lines if line["event"] == "operation"]
    assert [(each["id"], each["percent"], each["concern"]) for each in operations] == [
        ("r2", None, "failing"),
        ("r1", 40.0, "none"),
    ]


def test_list_and_show_have_both(journal: str, azpoll: Command) -> None:
    listed = azpoll("list", "--journal", journal)
    assert "r1  things/t1  (status Moving, 40 %)\n" in listed.out
    assert "r2  things/t1  (status Moving)\n             last poll: connection refused\\x1b[2J\n" in listed.out
    assert azpoll("show", "r2", "--journal", journal).code == 0
    shown = json.loads(azpoll("show", "r2", "--journal", journal, "-o", "json").out)["operations"][0]
    assert (shown["percent"], shown["last_error"], shown["error"]) == (None, "connection refused\\x1b[2J", None)


def test_a_report_has_both(journal: str, azpoll: Command) -> None:
    page = azpoll("report", "--journal", journal).out
    assert "Running, and the last poll failed" in page
    assert "connection refused\\x1b[2J" in page
    assert "Running</span> 40 %" in page
    rows = list(csv.DictReader(io.StringIO(azpoll("report", "--journal", journal, "--format", "csv").out)))
    assert [(row["percent"], row["last_error"]) for row in rows] == [("40.0", ""), ("", "connection refused\\x1b[2J")]
