"""`azpoll report`: its formats, its file, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.cli import main
from azpoll.journal import open_reader
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.journals import tracker_with
from tests.support.operations import path_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with a failed operation of the group "red", and one of the group "blue" that runs."""
    path = tmp_path / "operations.db"

    async def begin() -> None:
        error = {"code": "QuotaExceeded", "message": "no cores left"}
        arm = FakeARM(default=Script(duration_s=0, outcome="Failed", error=error), floor_s=0, limits=None)
        async with client_of(arm) as client, tracker_with(client, path) as tracker:
            red = await tracker.group("red").begin("PUT", path_of(1), json={})
            await red.wait()
            arm.default = Script(duration_s=3600)
            await tracker.group("blue").begin("PUT", path_of(2), json={})

    anyio.run(begin)
    return path


def test_a_page_is_written_to_a_file(azpoll: Command, journal: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = azpoll("report", "--journal", str(journal), "--output", str(page))
    assert (done.code, done.out, done.err) == (0, "", "")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "<title>Operations of operations.db</title>" in text
    assert "QuotaExceeded" in text


def test_the_forms_go_to_standard_output(azpoll: Command, journal: Path) -> None:
    page = azpoll("report", "--journal", str(journal))
    assert page.out.startswith("<!doctype html>")
    document = json.loads(azpoll("report", "--journal", str(journal), "--format", "json").out)
    assert document["summary"]["states"] == {"failed": 1, "running": 1}
    assert document["operations"][0]["polls"] >= 1
    rows = list(csv.DictReader(io.StringIO(azpoll("report", "--journal", str(journal), "--format", "csv").out)))
    assert [(row["name"], row["code"]) for row in rows] == [("red", "QuotaExceeded"), ("blue", "")]


def test_standard_output_of_windows(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends each line with CR LF itself, and its encoding is not the one that a page names."""
    written: dict[str, bytes] = {}
    for form in ("html", "csv"):
        output = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(output, encoding="cp1252", newline="\r\n"))
        assert main(["report", "--journal", str(journal), "--format", form, "--group", "r\u00e9d \u2713"]) == 0
        written[form] = output.getvalue()
    assert "r&#233;d &#10003;" in written["html"].decode("ascii")
    assert b"\r\r\n" not in written["csv"]
    assert written["csv"].count(b"\r\n") == 1


def test_a_group_alone(azpoll: Command, journal: Path) -> None:
    words = ("--group", "blue", "--format", "json")
    document = json.loads(azpoll("report", "--journal", str(journal), *words).out)
    assert [operation["group"] for operation in document["operations"]] == ["blue"]
    page = azpoll("report", "--journal", str(journal), "--group", "<blue>")
    assert "Operations of &lt;blue&gt; in operations.db" in page.out


def test_its_errors(azpoll: Command, journal: Path, tmp_path: Path) -> None:
    missing = azpoll("report", "--journal", str(tmp_path / "none.db"))
    assert (missing.code, missing.out) == (66, "")
    unwritable = azpoll("report", "--journal", str(journal), "--output", str(tmp_path / "no" / "report.html"))
    assert (unwritable.code, unwritable.out) == (74, "")
    assert unwritable.err == "azpoll report: the report cannot be written: No such file or directory\n"
    both = azpoll("report", "--journal", str(journal), "--dsn", "postgresql://u@h/d")
    assert (both.code, both.err) == (2, "azpoll report: --journal and --dsn exclude each other\n")
    assert azpoll("report").err.startswith("azpoll report: a journal or a fleet is needed: --journal FILE, --dsn DSN")
    other = tmp_path / "other.db"
    other.write_bytes(b"no database" * 100)
    assert azpoll("report", "--journal", str(other)).code == 65


def test_a_report_has_no_token(azpoll: Command, journal: Path) -> None:
    with open_reader(journal) as reader:
        tokens = [entry.row.token for entry in reader.entries() if entry.row.token]
    assert tokens
    for form in ("html", "json", "csv"):
        out = azpoll("report", "--journal", str(journal), "--format", form).out
        assert not [token for token in tokens if token in out]
