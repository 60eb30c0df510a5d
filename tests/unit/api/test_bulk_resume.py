"""With a journal, `begin_all` sends no request again whose operation an earlier process has begun."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, Drop, FakeARM, Ordinary, Reply, Script
from tests.support.clients import client_of
from tests.support.list_journal import ListJournal
from tests.support.operations import path_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import httpx

    from azpoll.options import Method
    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio


def number_of(request: IncomingRequest) -> int:
    return int(request.path.rpartition("/t")[2])


def script(request: IncomingRequest) -> Script:
    number = number_of(request)
    return Script(duration_s=10 * number, retry_after=1, outcome={3: "Failed"}.get(number, "Succeeded"))


def requests(numbers: Iterable[int], method: Method = "PUT", **options: Any) -> list[azpoll.Request]:
    options.setdefault("json", {})
    return [azpoll.Request(method, path_of(number), **options) for number in numbers]


def sent(arm: FakeARM) -> int:
    """Return the number of initial requests."""
    return len([request for request in arm.requests if request.method != "GET"])


async def run(
    arm: FakeARM, journal: ListJournal, wanted: list[azpoll.Request], group: str | None = None
) -> list[azpoll.BulkOutcome[httpx.Response]]:
    """Run a process to its end, and return its outcomes in the order of the requests."""
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        source = tracker if group is None else tracker.group(group)
        outcomes = {id(outcome.request): outcome async for outcome in source.begin_all(wanted)}
    assert len(outcomes) == len(wanted)
    return [outcomes[id(request)] for request in wanted]


async def killed(arm: FakeARM, wanted: list[azpoll.Request], at_s: float, journal: ListJournal) -> ListJournal:
    """Run a process that is killed after some seconds, and return its journal as it was then."""
    left = ListJournal()
    async with client_of(arm) as client:
        with anyio.move_on_after(at_s):
            async with azpoll.Tracker(client, journal=journal) as tracker:
                try:
                    async for _ in tracker.begin_all(wanted):
                        pass
                finally:
                    left.rows = dict(journal.rows)
    return left


@pytest.mark.parametrize("at_s", [0.5, 2.5, 5, 15, 25, 35, 45])
async def test_a_process_killed_at_any_time_is_continued(at_s: float) -> None:
    """Each request is sent once, or twice if its answer was missing; all have their outcome in the second run."""

    def slow(request: IncomingRequest) -> Script:
        return replace(script(request), initial=Delay(2, Ordinary()))

    arm = FakeARM(default=slow, limits=None)
    wanted = requests(range(1, 5))
    journal = await killed(arm, wanted, at_s, ListJournal())
    outcomes = await run(arm, journal, wanted)
    assert [outcome.state for outcome in outcomes] == ["succeeded", "succeeded", "failed", "succeeded"]
    assert [outcome.is_new for outcome in outcomes] == [at_s < 2] * 4
    assert sent(arm) == (8 if at_s < 2 else 4)
    assert isinstance(outcomes[2].error, azpoll.OperationFailed)
    assert outcomes[2].error.code == "OperationFailed"
    assert {result.state for result in journal.ended} == {"succeeded", "failed"}
    assert len(journal.rows) == 4
    arm.no_requests_after_end()


async def test_ends_are_read_from_the_journal_with_their_results() -> None:
    arm, journal, wanted = FakeARM(default=script, limits=None), ListJournal(), requests([1, 3])
    first = await run(arm, journal, wanted)
    count = len(arm.requests)
    report = azpoll.BulkReport()
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        again = [
            outcome async for outcome in tracker.begin_all(wanted, report=report, decode=lambda final: final.json())
        ]
    assert len(arm.requests) == count
    assert [outcome.result() for outcome in again if outcome.error is None] == [first[0].result().json()]
    (failed,) = [outcome for outcome in again if outcome.error is not None]
    assert str(failed.error) == str(first[1].error)
    assert (failed.operation, failed.is_new, failed.duration_s) == (None, False, None)
    assert failed.stored is not None
    assert {row.operation_id for row in report.rows} == journal.rows.keys()
    assert (report.summary().from_journal, report.failures[0].code) == (2, "OperationFailed")


async def test_a_result_that_the_journal_has_cut_is_no_result() -> None:
    arm, journal, wanted = FakeARM(default=script, limits=None), ListJournal(), requests([1])
    await run(arm, journal, wanted)
    (row,) = journal.ended
    journal.rows[row.operation_id] = row._replace(body=row.body[:5])
    (outcome,) = await run(arm, journal, wanted)
    assert outcome.state == "succeeded"
    with pytest.raises(ValueError, match=r"the journal has 5 of the \d+ bytes"):
        outcome.result()


async def test_a_request_that_started_no_operation_is_sent_again() -> None:
    arm, journal, wanted = FakeARM(limits=None), ListJournal(), requests([1])
    arm.default = Script(initial=Reply(409, {"error": {"code": "Conflict"}}))
    (refused,) = await run(arm, journal, wanted)
    assert (refused.state, type(refused.error)) == (None, azpoll.InitialRequestFailed)
    arm.default = Script(duration_s=10, retry_after=1)
    (outcome,) = await run(arm, journal, wanted)
    assert (outcome.state, outcome.is_new) == ("succeeded", True)
    (outcome,) = await run(arm, journal, wanted)
    assert (outcome.state, outcome.is_new, sent(arm)) == ("succeeded", False, 2)


async def test_an_operation_whose_status_is_unknown_is_polled_again() -> None:
    arm, journal, wanted = FakeARM(default=script, limits=None), ListJournal(), requests([5], timeout=3)
    (unknown,) = await run(arm, journal, wanted)
    assert isinstance(unknown.error, azpoll.OperationTimeout)
    (outcome,) = await run(arm, journal, requests([5]))
    assert (outcome.state, outcome.is_new, sent(arm), len(journal.rows)) == ("succeeded", False, 1, 1)


async def test_a_post_without_an_answer_is_unknown_and_is_never_sent_again() -> None:
    arm = FakeARM(default=Script(initial=Delay(20, Ordinary())), limits=None)
    wanted = requests([1], "POST")
    journal = await killed(arm, wanted, 5, ListJournal())
    for _ in range(2):
        (outcome,) = await run(arm, journal, wanted)
        assert (outcome.state, outcome.is_new, type(outcome.error)) == ("unknown", False, azpoll.PollingError)
    assert sent(arm) == 1


async def test_a_patch_without_an_answer_polls_its_resource() -> None:
    arm = FakeARM(default=Script(initial=Delay(20, Ordinary())), limits=None)
    journal = await killed(arm, requests([1], "PATCH"), 5, ListJournal())
    (outcome,) = await run(arm, journal, requests([1], "PATCH"))
    assert (outcome.is_new, sent(arm)) == (False, 1)


async def test_a_conflict_with_the_first_attempt_polls_the_resource() -> None:
    """The answer to the first attempt was lost; the second gets 409 since the first is still running."""
    wanted = requests([1])
    arm = FakeARM(default=Script(pattern="body", duration_s=30, initial=Delay(20, Ordinary())), limits=None)
    journal = await killed(arm, wanted, 5, ListJournal())
    arm.default = Script(initial=Reply(409, {"error": {"code": "DeploymentActive"}}))
    (outcome,) = await run(arm, journal, wanted)
    assert outcome.is_new
    assert outcome.operation is not None
    assert sent(arm) == 2
    assert len(journal.rows) == 1


async def test_a_request_that_is_given_twice_is_refused_unless_its_label_differs() -> None:
    arm, journal = FakeARM(default=script, limits=None), ListJournal()
    wanted = [*requests([1, 1]), *requests([1], label="second"), *requests([1], "POST")]
    first, twice, labelled, posted = await run(arm, journal, wanted)
    assert [outcome.state for outcome in (first, labelled, posted)] == ["succeeded"] * 3
    assert isinstance(twice.error, ValueError)
    assert "was given twice" in str(twice.error)
    assert twice.state is None
    assert sent(arm) == 3


async def test_groups_with_different_labels_are_different_runs() -> None:
    arm, journal, wanted = FakeARM(default=script, limits=None), ListJournal(), requests([1])
    for group, is_new in [("monday", True), ("tuesday", True), ("monday", False), (None, True)]:
        (outcome,) = await run(arm, journal, wanted, group)
        assert (outcome.state, outcome.is_new) == ("succeeded", is_new)
    assert sent(arm) == 3


async def test_an_operation_that_is_tracked_already_is_shared() -> None:
    """`recover` before the loop, and a second loop in the same process, find the same operations."""
    arm, wanted = FakeARM(default=script, limits=None), requests([2])
    journal = await killed(arm, wanted, 5, ListJournal())
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        (recovered,) = await tracker.recover()
        (outcome,) = [outcome async for outcome in tracker.begin_all(wanted)]
        assert outcome.operation is not None
        assert (outcome.operation.id, outcome.is_new) == (recovered.id, False)
        (again,) = [outcome async for outcome in tracker.begin_all(wanted)]
        assert again.stored is not None
    assert sent(arm) == 1


async def test_a_forgotten_operation_is_begun_again() -> None:
    arm, journal, wanted = FakeARM(default=script, limits=None), ListJournal(), requests([1])

    class Forgetting(ListJournal):
        async def get(self, operation_id: str) -> None:
            assert operation_id in self.rows

    await run(arm, journal, wanted)
    forgetting = Forgetting()
    forgetting.rows = journal.rows
    (outcome,) = await run(arm, forgetting, wanted)
    assert (outcome.is_new, sent(arm)) == (True, 2)


async def test_headers_of_the_request_are_those_of_the_polls_again() -> None:
    arm = FakeARM(default=script, limits=None)
    wanted = requests([5], poll_headers={"x-tenant": "one"}, label="five", timeout=600)
    journal = await killed(arm, wanted, 5, ListJournal())
    (outcome,) = await run(arm, journal, wanted)
    assert outcome.state == "succeeded"
    assert outcome.operation is not None
    assert outcome.operation.label == "five"
    assert {request.headers.get("x-tenant") for request in arm.requests if request.method == "GET"} == {"one"}


async def test_a_journal_that_cannot_be_read_sends_nothing() -> None:
    class Broken(ListJournal):
        def open_rows(self) -> AsyncIterator[azpoll.JournalRow]:
            raise azpoll.JournalError("it is broken")

    arm = FakeARM(default=script, limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client, journal=Broken()) as tracker:
        with pytest.raises(azpoll.JournalError, match="broken"):
            await anext(tracker.begin_all(requests([1])))
    assert not arm.requests


async def test_a_row_that_cannot_be_used_is_an_outcome() -> None:
    arm, wanted = FakeARM(default=script, limits=None), requests([1, 2])
    journal = await killed(arm, wanted, 5, ListJournal())
    (row, _) = journal.open
    journal.rows[row.operation_id] = row._replace(token="damaged")
    first, second = await run(arm, journal, wanted)
    assert isinstance(first.error, azpoll.InvalidResumeToken)
    assert second.state == "succeeded"
    assert sent(arm) == 2


async def test_a_lost_connection_leaves_a_request_to_the_next_run() -> None:
    arm, journal, wanted = FakeARM(limits=None), ListJournal(), requests([1], patience=azpoll.Patience(1, 0))
    arm.default = Script(initial=Drop())
    (lost,) = await run(arm, journal, wanted)
    assert isinstance(lost.error, azpoll.InitialRequestFailed)
    assert lost.error.may_have_acted
    arm.default = Script(duration_s=10, retry_after=1)
    (outcome,) = await run(arm, journal, wanted)
    assert (outcome.state, outcome.is_new) == ("succeeded", True)
    assert len(journal.rows) == 1
