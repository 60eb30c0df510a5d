"""`SQLiteJournal` under a tracker: what is stored, when, and what a second tracker recovers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import azpoll
from azpoll.operation_state import OperationState
from azpoll.testing import FakeARM, Script
from azpoll.tracking.journal import JournalResult, JournalRow
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN, client_of, new_client
from tests.support.journals import THING, rows, tracker_with

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
    from typing import TypeAlias

    Row: TypeAlias = JournalRow | JournalResult

pytestmark = pytest.mark.anyio

LONG = Script(duration_s=3600)


def thing(number: int) -> str:
    return THING.replace("/t?", f"/t{number}?")


async def test_an_operation_is_stored_when_begin_returns_and_ended_when_awaited(
    path: Path,
) -> None:
    arm = FakeARM(default=Script(duration_s=0.5), floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={}, label="mine")
        row = await tracker.get(operation.id)
        assert isinstance(row, azpoll.JournalRow)
        assert (row.label, row.intent, row.method) == ("mine", False, "PUT")
        response = await operation
        result = await tracker.get(operation.id)
        assert isinstance(result, azpoll.JournalResult)
        assert (result.state, result.status_code, result.body) == (OperationState.SUCCEEDED, 200, response.content)
    assert [type(row) for row in rows(path)] == [azpoll.JournalResult]


async def test_recover_tracks_open_rows_with_id_label_group_and_options(path: Path) -> None:
    arm = FakeARM(default=LONG, floor_s=0)
    patience = azpoll.Patience(attempts=3)
    async with client_of(arm) as client:
        async with tracker_with(client, path) as tracker:
            one = await tracker.begin("PUT", thing(1), label="x" * 2000, interval=0.7, patience=patience, owner="me")
            two = await tracker.group("g").begin("DELETE", thing(2), terminal_words={"gone": "succeeded"})
            token = two.resume_token()
        async with tracker_with(client, path) as tracker:
            found = await tracker.recover()
            assert [(each.id, each.label) for each in found] == [(one.id, "x" * 2000), (two.id, "g")]
            assert await tracker.recover() == []
            assert found[1].resume_token()[:400] == token[:400]
            stored = [await tracker.get(each.id) for each in found]
        assert [row.group for row in stored if row] == [None, "g"]
        assert [row.options for row in stored if isinstance(row, azpoll.JournalRow)] == [
            '{"interval": 0.7, "patience": [3, 600.0, 5, 60.0, 3], "owner": "me"}',
            "",
        ]


async def test_results_are_read_by_group(arm_client: httpx.AsyncClient, path: Path) -> None:
    async with tracker_with(arm_client, path) as tracker:
        for label in ("a", "b"):
            async with tracker.group(label) as group:
                for number in range(60):
                    await group.begin("PUT", thing(number), json={})
        assert len([result async for result in tracker.results("a")]) == 60
        assert len([result async for result in tracker.results()]) == 120
        assert [result async for result in tracker.results("c")] == []


async def test_decode_and_options_of_recover_count_for_all(path: Path) -> None:
    arm = FakeARM(default=Script(duration_s=0.3), floor_s=0)
    async with client_of(arm) as client:
        async with tracker_with(client, path) as tracker:
            await tracker.begin("PUT", THING, json={})
        async with tracker_with(client, path) as tracker:
            (operation,) = await tracker.recover(decode=lambda response: response.status_code, label="new")
            assert operation.label == "new"
            assert await operation == 200


async def test_a_failure_is_stored_with_its_reason(path: Path) -> None:
    arm = FakeARM(default=Script(duration_s=0.02, outcome="Failed"), floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        with pytest.raises(azpoll.OperationFailed):
            await (await tracker.begin("PUT", THING, json={}))
    (row,) = rows(path)
    assert isinstance(row, azpoll.JournalResult)
    assert row.state is OperationState.FAILED
    assert row.error is not None
    assert "failed" in row.error


async def test_a_body_is_stored_up_to_the_limit(arm_client: httpx.AsyncClient, path: Path) -> None:
    async with tracker_with(arm_client, azpoll.SQLiteJournal(path, max_body=10)) as tracker:
        response = await (await tracker.begin("PUT", THING, json={"big": "x" * 100_000}))
        assert len(response.content) > 100_000
    (row,) = rows(path)
    assert isinstance(row, azpoll.JournalResult)
    assert (row.body, row.body_length) == (response.content[:10], len(response.content))


@pytest.mark.parametrize(("method", "polled"), [("PUT", True), ("PATCH", True), ("DELETE", True), ("POST", False)])
async def test_rule_53_an_intent_without_an_answer_is_reported(path: Path, method: Any, *, polled: bool) -> None:
    """Its resource is polled if it has one; else its row ends as unknown."""
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if request.method == "GET":
            return httpx.Response(404)
        raise httpx.ReadError("dropped")

    async with new_client(transport=httpx.MockTransport(answer), base_url=ORIGIN) as client:
        async with tracker_with(client, path) as tracker:
            with pytest.raises(azpoll.InitialRequestFailed):
                await tracker.begin(method, THING, idempotent=False, label="mine")
        (row,) = rows(path)
        assert isinstance(row, azpoll.JournalRow)
        assert row.intent
        patience = azpoll.Patience(grace_attempts=1, grace_seconds=0)
        events: list[azpoll.Event] = []
        async with tracker_with(client, path, patience=patience) as tracker:
            tracker.subscribe(events.append)
            operations = await tracker.recover()
            for operation in operations:
                await operation.wait()
    (unknown,) = [event for event in events if isinstance(event, azpoll.InitialRequestUnknown)]
    assert (unknown.label, unknown.method, unknown.polled) == ("mine", method, polled)
    assert len(operations) == polled
    assert ("GET" in asked) is polled
    (result,) = rows(path)
    assert isinstance(result, azpoll.JournalResult)
    assert result.state is (OperationState.SUCCEEDED if method == "DELETE" else OperationState.UNKNOWN)


async def test_a_request_that_was_not_sent_ends_as_not_started(path: Path) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with (
        new_client(transport=httpx.MockTransport(refuse), base_url=ORIGIN) as client,
        tracker_with(client, path) as tracker,
    ):
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("POST", THING)
    (row,) = rows(path)
    assert isinstance(row, azpoll.JournalResult)
    assert row.state is None


async def test_forget_stops_the_tracking_and_deletes_the_row(path: Path) -> None:
    arm = FakeARM(default=LONG, floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        assert await tracker.forget(operation.id)
        with pytest.raises(azpoll.TrackerClosed):
            await operation
        assert not await tracker.forget(operation.id)
    assert rows(path) == []


async def test_a_verdict_is_never_replaced(arm_client: httpx.AsyncClient, path: Path) -> None:
    """A token of before the end is resumed: the row keeps its end."""
    async with tracker_with(arm_client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        token = operation.resume_token()
        await operation
        again = tracker.resume(token)
        await anyio.sleep(0.01)
        assert [row async for row in tracker.results()]
        await again
    (row,) = rows(path)
    assert isinstance(row, azpoll.JournalResult)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 70])
async def test_rows_that_are_stored_together_keep_their_own_values(path: Path, count: int) -> None:
    """Whichever of their values are None, and whether they replace a row with other values."""
    ids = [f"{number:016x}" for number in range(count)]
    no_values = (None, None, None, None)
    none: list[Row] = [JournalRow(ident, "PUT", "u", *no_values, intent=False, token=None, options="") for ident in ids]
    full: list[Row] = [
        JournalRow(ident, "PUT", "u", "r", "l", "g", "w", intent=True, token="t", options="{}", percent=3.0)
        for ident in ids
    ]
    ends: list[Row] = [
        JournalResult(ident, "PUT", "u", None, None, "g", OperationState.FAILED, 200, b"b", 1, "e", None, 1, 2)
        for ident in ids
    ]
    async with azpoll.SQLiteJournal(path) as journal:
        for given in (full, none, [*full[::2], *none[1::2]], [*none[::2], *ends[1::2]]):
            await journal.store(given)
            assert [await journal.get(row.operation_id) for row in given] == given


async def test_pending_writes_are_stored_when_the_tracker_closes(path: Path) -> None:
    """Also inside a cancelled scope."""
    arm = FakeARM(default=LONG, floor_s=0)
    async with client_of(arm) as client:
        responses = [await client.put(thing(number), json={}) for number in range(100)]
        tracked: list[azpoll.AsyncOperation[httpx.Response]] = []
        with anyio.CancelScope() as scope:
            async with tracker_with(client, path) as tracker:
                tracked += [tracker.track(response) for response in responses]
                scope.cancel()
                await anyio.sleep(1)
    assert {row.operation_id for row in rows(path)} == {each.id for each in tracked}


async def test_no_call_of_sqlite_runs_in_the_thread_of_the_event_loop(
    arm_client: httpx.AsyncClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection is made by `sqlite3.connect`, and refuses calls of other threads than the one that made it."""
    threads = set[int]()
    import sqlite3 as module  # noqa: PLC0415 - the name of the fixture

    connect = module.connect

    def noted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        threads.add(threading.get_ident())
        assert options.get("check_same_thread", True)
        connection: sqlite3.Connection = connect(*arguments, **options)
        return connection

    monkeypatch.setattr(module, "connect", noted)
    async with tracker_with(arm_client, path) as tracker:
        await tracker.recover()
        operation = await tracker.begin("PUT", THING, json={})
        await operation
        assert await tracker.get(operation.id)
        assert [result async for result in tracker.results()]
        await tracker.forget(operation.id)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_secrets_are_absent_from_the_file(path: Path) -> None:
    """Neither the auth, nor a header, nor the body of a request is stored; the query of a URL is in tokens alone."""
    arm = FakeARM(default=LONG, floor_s=0)
    headers = {"x-key": f"header-{CANARY}"}
    async with (
        client_of(arm, auth=("user", f"password-{CANARY}"), headers=headers) as client,
        tracker_with(client, path) as tracker,
    ):
        url = f"{THING}&sig=query-{CANARY}"
        await tracker.begin("PUT", url, json={"secret": f"body-{CANARY}"}, poll_headers={"x-tenant": f"poll-{CANARY}"})
        stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert CANARY.encode() not in stored
    (row,) = rows(path)
    assert CANARY not in repr(row)
    assert CANARY not in row.url


async def test_a_stored_token_of_a_foreign_origin_sends_nothing(
    arm: FakeARM, arm_client: httpx.AsyncClient, path: Path
) -> None:
    """A file that was edited is trusted no more than a token of a stranger."""
    async with client_of(arm, base_url="https://evil.example") as client, azpoll.Tracker(client) as tracker:
        token = (await tracker.begin("PUT", THING, json={})).resume_token()
    sent = len(arm.requests)
    row = azpoll.JournalRow("0" * 16, "PUT", ORIGIN, None, None, None, None, intent=False, token=token, options="")
    async with azpoll.SQLiteJournal(path) as journal:
        await journal.store([row])
    events: list[azpoll.Event] = []
    async with tracker_with(arm_client, path) as tracker:
        tracker.subscribe(events.append)
        assert await tracker.recover() == []
        await anyio.sleep(0.05)
    assert len(arm.requests) == sent
    (failed,) = [event for event in events if isinstance(event, azpoll.JournalFailed)]
    assert failed.operation_id == "0" * 16
    assert "evil.example" in failed.reason


async def test_two_journals_of_one_tracker_and_a_closed_one_are_refused(
    arm_client: httpx.AsyncClient, path: Path
) -> None:
    journal = azpoll.SQLiteJournal(path)
    with pytest.raises(azpoll.JournalError, match="closed"):
        await journal.get("0" * 16)
    async with tracker_with(arm_client, journal):
        with pytest.raises(azpoll.JournalError, match="entered already"):
            await journal.__aenter__()
    with pytest.raises(azpoll.JournalError, match="closed"):
        await journal.get("0" * 16)
    async with tracker_with(arm_client, journal) as tracker:
        assert await tracker.recover() == []


async def test_a_tracker_without_a_journal_says_so(arm_client: httpx.AsyncClient) -> None:
    async with azpoll.Tracker(arm_client) as tracker:
        with pytest.raises(azpoll.JournalError, match="no journal"):
            await tracker.recover()
        with pytest.raises(azpoll.JournalError, match="no journal"):
            await tracker.get("0" * 16)


@pytest.mark.parametrize(
    "options", [{"max_body": -1}, {"busy_s": -1}, {"max_bytes": 0}, {"synchronous": "off"}, {"encrypt": bytes}]
)
def test_bad_arguments_are_refused(path: Path, options: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|belong together"):
        azpoll.SQLiteJournal(path, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"encrypt": "key", "decrypt": bytes}, "encrypt must be callable, not str"),
        ({"encrypt": bytes, "decrypt": b"key"}, "decrypt must be callable, not bytes"),
        ({"max_body": "5"}, "max_body must be an integer, not str"),
        ({"max_bytes": 1.5}, "max_bytes must be an integer, not float"),
        ({"busy_s": "5"}, "busy_s must be a number of seconds"),
    ],
)
def test_arguments_of_another_type_are_refused(path: Path, options: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        azpoll.SQLiteJournal(path, **options)
