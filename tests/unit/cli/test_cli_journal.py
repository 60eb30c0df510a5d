"""`azpoll begin`, `run`, `list`, `show`, `cancel`, `forget` and `wait --journal`: output and exit codes."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, Unpack

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

import azpoll as library
from azpoll.journal import open_reader, submit
from azpoll.testing import Reply
from tests.support.journals import tracker_with

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from azpoll.testing.script import ScriptFields
    from tests.unit.cli.conftest import Azure, Command, Result

THINGS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things"
SECRET = "sig=kept-secret"


class Journal:
    """A journal in a file, and the commands that use it."""

    def __init__(self, azure: Azure, azpoll: Command, path: Path) -> None:
        self.azure, self.path = azure, path
        self._azpoll = azpoll

    def __call__(self, command: str, *words: str, stdin: str = "") -> Result:
        hosts = ("--allow-host", self.azure.base_url) if command in {"run", "wait"} else ()
        return self._azpoll(command, "--journal", str(self.path), *hosts, *words, stdin=stdin)

    def url(self, name: str = "t", **script: Unpack[ScriptFields]) -> str:
        """Return the URL of a resource whose operation follows a script."""
        path = f"{THINGS}/{name}"
        self.azure.arm.operation("PUT", path, **script)
        return f"{self.azure.base_url}{path}?api-version=1&{SECRET}"

    def begin(self, name: str = "t", *words: str, **script: Unpack[ScriptFields]) -> str:
        begun = self("begin", "PUT", self.url(name, **script), "--body", "-", *words, stdin='{"location": "w"}')
        assert (begun.code, begun.err) == (0, "")
        return begun.out.strip()

    def states(self) -> list[str | None]:
        with open_reader(self.path) as reader:
            rows = [entry.row for entry in reader.entries()]
        return [row.state if isinstance(row, library.JournalResult) else "running" for row in rows]


@pytest.fixture
def journal(azure: Azure, azpoll: Command, tmp_path: Path) -> Journal:
    return Journal(azure, azpoll, tmp_path / "operations.db")


class Owner:
    """A tracker of another thread that owns a journal."""

    def __init__(self, portal: BlockingPortal, tracker: library.Tracker[httpx.Response]) -> None:
        self._portal, self._tracker = portal, tracker

    def recover(self) -> None:
        self._portal.call(self._tracker.recover)


@asynccontextmanager
async def tracker_of(journal: Journal) -> AsyncGenerator[library.Tracker[httpx.Response]]:
    async with (
        httpx.AsyncClient(base_url=journal.azure.base_url, trust_env=False) as client,
        tracker_with(client, journal.path) as tracker,
    ):
        yield tracker


@pytest.fixture
def owner(journal: Journal) -> Iterator[Owner]:
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(tracker_of(journal)) as tracker,
    ):
        yield Owner(portal, tracker)


def last(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_begin_returns_before_the_end_and_run_finishes(journal: Journal) -> None:
    ident = journal.begin("t", "--label", "my thing", duration_s=0.3, retry_after=0)
    assert re.fullmatch("[0-9a-f]{16}", ident)
    listed = journal("list")
    assert (listed.code, listed.out) == (0, f"Running      {ident}  my thing  (status InProgress)\n")

    ran = journal("run")

    assert (ran.code, ran.out) == (0, f"Succeeded    {ident}  my thing\n")
    assert journal.azure.arm.requests[0].headers["content-type"] == "application/json"
    shown = journal("show", ident)
    assert shown.code == 0
    assert shown.out.startswith(f"Succeeded    {ident}  my thing\n")
    assert "PUT" in shown.out
    assert SECRET not in shown.out
    result = journal("show", ident, "--result")
    assert (result.code, json.loads(result.out)["name"]) == (0, "t")
    assert journal("run").out == ""


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_a_label_that_is_a_signed_url_is_shown_without_its_query(journal: Journal, form: str) -> None:
    signed = f"https://h/things/t?{SECRET}"
    words = ("--label", signed, "--group", signed)
    ident = journal.begin("t", *words, duration_s=0, retry_after=0, outcome="Failed", error={"code": "Quota"})
    ran = journal("run", "-o", form)
    for shown in (ran, journal("list", "-o", form), journal("show", ident, "-o", form)):
        assert "https://h/things/t?sig=***" in shown.out
        assert SECRET not in shown.out + shown.err


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "none"])
def test_each_form_shows_every_end_and_no_secret(journal: Journal, form: str) -> None:
    good = journal.begin("a", duration_s=0, retry_after=0)
    bad = journal.begin("b", duration_s=0, retry_after=0, outcome="Failed", error={"code": "Quota", "message": "none"})

    ran = journal("run", "-o", form)

    assert ran.code == 1
    assert SECRET not in ran.out + ran.err
    if form == "none":
        assert (ran.out, ran.err) == ("", "")
    elif form == "text":
        assert f"Succeeded    {good}  things/a" in ran.out
        assert f"Failed       {bad}  things/b\n             " in ran.out
        assert "Quota" in ran.out
    elif form == "json":
        document = last(ran.out)
        by_id = {operation["id"]: operation for operation in document["operations"]}
        assert document["exit_code"] == 1
        assert by_id[good]["state"] == "succeeded"
        assert by_id[bad]["error"]["code"] == "Quota"
    else:
        events = [json.loads(line) for line in ran.out.splitlines()]
        assert {event["id"] for event in events if event["event"] == "ended"} == {good, bad}
        assert events[-1]["event"] == "finished"
        assert any(event["event"] == "polled" and event["id"] == good for event in events)


def test_wait_tracks_the_journal_itself_if_no_process_owns_it(journal: Journal) -> None:
    journal.begin("other", duration_s=60, retry_after=1)
    wanted = journal.begin("wanted", duration_s=0.2, retry_after=0, outcome="Canceled")

    waited = journal("wait", wanted)

    assert (waited.code, waited.out.split()[:2]) == (3, ["Canceled", wanted])
    assert journal("wait", wanted).code == 3
    missing = journal("wait", "0" * 16, wanted)
    assert (missing.code, missing.out.splitlines()[0]) == (3, f"Not found    {'0' * 16}")
    assert journal("wait", "0" * 16).code == 4


def test_wait_stops_at_its_timeout_and_the_journal_keeps_the_operation(journal: Journal) -> None:
    ident = journal.begin("t", duration_s=60, retry_after=1)
    waited = journal("wait", "--timeout", "0.3", ident)
    assert waited.code == 124
    assert waited.out.startswith(f"Timed out    {ident}")
    assert journal("list", "--open").out.startswith(f"Running      {ident}")


def test_wait_reads_the_journal_while_another_process_owns_it(journal: Journal, owner: Owner) -> None:
    ident = journal.begin("t", duration_s=0.5, retry_after=0)
    owner.recover()
    assert journal("wait", ident).code == 0
    refused = journal("run")
    assert (refused.code, refused.out) == (75, "")
    assert refused.err == "azpoll run: another process owns the journal, and tracks its operations\n"


def test_cancel_and_forget_are_carried_out_by_the_owner(journal: Journal, owner: Owner) -> None:
    journal.azure.arm.operation("POST", f"{THINGS}/t", duration_s=60, pattern="operation-location")
    begun = journal("begin", "POST", f"{journal.azure.base_url}{THINGS}/t?api-version=1", "-o", "json")
    (operation,) = last(begun.out)["operations"]
    owner.recover()

    canceled = journal("cancel", operation["id"])
    assert (canceled.code, canceled.out.split()[:2]) == (0, ["Accepted", operation["id"]])
    assert journal("wait", operation["id"]).code == 3
    late = journal("cancel", "-o", "json", operation["id"])
    assert (late.code, last(late.out)["operations"][0]["outcome"]) == (6, "ended")
    forgotten = journal("forget", operation["id"], "0" * 16)
    assert forgotten.code == 4
    assert forgotten.out == f"Forgotten    {operation['id']}\nNot found    {'0' * 16}\n"
    assert journal.states() == []


def test_a_cancel_request_goes_to_the_cancel_url_of_begin(journal: Journal, owner: Owner) -> None:
    """Without one, an operation with `Azure-AsyncOperation` names no way to cancel it."""
    cancel_url = f"{journal.azure.base_url}{THINGS}/a/cancel?api-version=1"
    first = journal.begin("a", "--cancel-url", cancel_url, duration_s=60)
    second = journal.begin("b", duration_s=60)
    owner.recover()
    canceled = journal("cancel", first)
    assert (canceled.code, canceled.out.split()[:2]) == (0, ["Accepted", first])
    assert journal("wait", first).code == 3
    refused = journal("cancel", second)
    assert (refused.code, refused.out.split()[:2]) == (6, ["Refused", second])


def test_a_cancel_url_of_another_host_is_invalid(journal: Journal) -> None:
    words = ("begin", "PUT", journal.url(), "--cancel-url", "https://elsewhere.example/s3cret")
    refused = journal(*words)
    assert (refused.code, refused.out) == (2, "")
    assert "a cancel URL" in refused.err
    assert "s3cret" not in refused.err
    assert journal.states() == []


def test_a_cancel_request_without_an_owner_waits_for_the_next_one(journal: Journal) -> None:
    journal.azure.arm.operation("POST", f"{THINGS}/t", duration_s=60, retry_after=0, pattern="operation-location")
    ident = journal("begin", "POST", f"{journal.azure.base_url}{THINGS}/t?api-version=1").out.strip()
    queued = journal("cancel", ident)
    assert (queued.code, queued.out.split()[:2]) == (75, ["Queued", ident])
    assert "no process owns the journal" in queued.out.replace("\n            ", "")
    assert journal("run").code == 3


def test_forget_needs_no_owner(journal: Journal) -> None:
    first, second = journal.begin("a", duration_s=60), journal.begin("b", duration_s=60)
    assert journal("forget", first).out == f"Forgotten    {first}\n"
    assert [line.split()[1] for line in journal("list").out.splitlines()] == [second]


def test_an_origin_that_is_not_allowed_gets_no_request(journal: Journal, azpoll: Command) -> None:
    ident = journal.begin("t", duration_s=0, retry_after=0)
    reads = journal.azure.reads
    for words in (("run",), ("wait", ident)):
        ran = azpoll(words[0], "--journal", str(journal.path), *words[1:])
        assert ran.code == 4
        assert "--allow-host" in ran.out
        assert ident in ran.out
    assert journal.azure.reads == reads
    assert journal.states() == ["running"]
    assert journal("run").code == 0


@pytest.mark.parametrize(("status", "code"), [(409, 6), (403, 5), (401, 5)])
def test_a_refused_initial_request_starts_nothing(journal: Journal, status: int, code: int) -> None:
    url = journal.url("t", initial=Reply(status, {"error": {"code": "Nope", "message": "no"}}))
    refused = journal("begin", "PUT", url, "-o", "json")
    assert refused.code == code
    assert last(refused.out)["error"]["code"] == "Nope"
    assert SECRET not in refused.out + refused.err
    assert ("Sign in with --auth" in refused.out) is (status == 401)
    assert journal.states() == [None]
    assert journal("list").out.startswith("Not started  ")
    assert journal("run").code == 0


def test_a_request_that_nothing_answers_starts_nothing(journal: Journal) -> None:
    refused = journal("begin", "PUT", f"http://127.0.0.1:9/x?{SECRET}", "--timeout", "0.3")
    assert refused.code == 124
    assert "ended before the request was answered" in refused.err
    assert "connection refused, 1 attempt in a row" in refused.err
    assert SECRET not in refused.err


@pytest.mark.parametrize("command", ["run", "wait", "list", "show", "cancel", "forget", "begin"])
def test_a_file_that_is_no_journal_is_refused(journal: Journal, command: str) -> None:
    words = {"run": (), "list": (), "begin": ("PUT", journal.url())}.get(command, ("0" * 16,))
    if command != "begin":
        missing = journal(command, *words)
        assert (missing.code, missing.err.startswith(f"azpoll {command}: the journal cannot be opened")) == (66, True)
        assert not journal.path.exists()
    for make in (_foreign, _newer, _noise, _encrypted):
        journal.path.unlink(missing_ok=True)
        make(journal.path)
        refused = journal(command, *words)
        assert (refused.code, refused.out) == (65, ""), (make, refused)
        assert refused.err.startswith(f"azpoll {command}: the ")
        assert str(journal.path) not in refused.err
        assert refused.err.count("\n") == 1
    assert journal.azure.arm.statistics().started == 0


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {0x617A706C}")
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE operations (number)")


def _noise(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be looked at " * 50)


def _encrypted(path: Path) -> None:
    async def enter() -> None:
        async with library.SQLiteJournal(path, encrypt=bytes.swapcase, decrypt=bytes.swapcase):
            pass

    anyio.run(enter)


@pytest.mark.parametrize(
    "words",
    [
        ("begin", "PUT"),
        ("begin", "JUMP", "https://host/x"),
        ("begin", "PUT", "eyJ0b2tlbiI6MX0"),
        ("begin", "PUT", "https://host/x", "--header", "Authorization: Bearer s3cret"),
        ("begin", "PUT", "https://host/x", "--header", "s3cret"),
        ("begin", "PUT", "http://host/x"),
        ("show", "a", "b"),
        ("cancel", "https://host/?s3cret"),
        ("wait", "-"),
        ("forget", "-"),
        ("wait", "--pattern", "location", "0" * 16),
        ("run", "--forever", "-o", "json"),
        ("run", "extra"),
    ],
)
def test_an_invalid_command_line_sends_nothing(journal: Journal, words: tuple[str, ...]) -> None:
    refused = journal(*words)
    assert (refused.code, refused.out) == (2, "")
    assert "s3cret" not in refused.err
    assert "eyJ" not in refused.err
    assert not journal.path.exists()


def test_a_body_that_cannot_be_read_sends_nothing(journal: Journal, tmp_path: Path) -> None:
    refused = journal("begin", "PUT", journal.url(), "--body", str(tmp_path / "missing"))
    assert (refused.code, refused.out) == (66, "")
    assert not journal.path.exists()


def test_lines_fit_80_columns(journal: Journal) -> None:
    label = "a name that is longer than any terminal " * 5
    ident = journal.begin("t", "--label", label, duration_s=60)
    for command in (("list",), ("show", ident), ("cancel", ident)):
        assert max(map(len, journal(*command).out.splitlines())) <= 80


def test_a_result_that_is_no_json_is_printed_as_it_is(journal: Journal) -> None:
    ident = journal.begin("t", duration_s=60)
    early = journal("show", ident, "--result")
    assert (early.code, early.out) == (4, "")
    submit(journal.path, "forget", ident)
    assert journal("show", ident, "--result").code == 4
    assert journal("show", ident).out == f"Not found    {ident}\n"


def test_groups_are_listed_apart(journal: Journal) -> None:
    ident = journal.begin("a", "--group", "release 7", duration_s=0, retry_after=0)
    journal.begin("b", duration_s=0, retry_after=0)
    assert [line.split()[1] for line in journal("list", "--group", "release 7").out.splitlines()] == [ident]
    document = last(journal("list", "-o", "json", "--open").out)
    assert [operation["group"] for operation in document["operations"]] == ["release 7", None]
    assert {event["event"] for event in map(json.loads, journal("list", "-o", "jsonl").out.splitlines())} == {
        "operation"
    }


@pytest.mark.parametrize("words", [["run"], ["run", "--forever"], ["wait", "--timeout", "9"]])
def test_a_journal_whose_operations_cannot_be_read_ends_the_command(journal: Journal, words: list[str]) -> None:
    """The file opens, and its table is damaged: another look at it would find the same."""
    ident = journal.begin(duration_s=60)
    with closing(sqlite3.connect(journal.path)) as connection:
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'operations'").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damaged = bytearray(journal.path.read_bytes())
    damaged[(page - 1) * page_size : page * page_size] = b"\xff" * page_size
    journal.path.write_bytes(damaged)

    ended = journal(*words, *([ident] if "wait" in words else []))

    assert (ended.code, ended.out) == (65, "")
    assert "the file is damaged: move it away" in ended.err
    assert journal.azure.reads == 0
