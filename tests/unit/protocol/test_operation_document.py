"""Rules 19, 20, 31, 46 and 49: documents of the operation behind a `Location`, and results that look like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from azpoll.protocol.operation_document import (
    MONITOR_MEMBERS,
    OPERATION_MEMBERS,
    PROGRESS_MEMBERS,
    is_error_alone,
    is_operation,
)
from azpoll.protocol.states import Canceled, Failed, Fetching, Polling, State, Succeeded, UnknownReason
from azpoll.protocol.status_document import RUNNING_WORDS, TERMINAL_WORDS, Verdict
from tests.support.json_documents import DOCUMENTS
from tests.support.protocol_rows import RESOURCE, Reply, accepted, monitor, plan, reply, resource, run, run_from, url

if TYPE_CHECKING:
    from azpoll.protocol.plan import Plan

OP, RESULT = url("/op"), url("/op/result")
LOC = accepted(Location="/op")
FABRIC = {"createdTimeUtc": "t", "lastUpdatedTimeUtc": "t", "percentComplete": 10, "error": None}
JOB = dict.fromkeys(("id", "itemId", "jobType", "invokeType", "failureReason", "rootActivityId", "startTimeUtc"), "x")
CERTIFICATE = {"id": "x", "issuer": {"name": "Self"}, "csr": "x", "cancellation_requested": False, "request_id": "x"}
RESULT_BODY = {"status": "Running", "size": 3}
"""A result with a `status` of its own."""


def at_location(outcome: Reply, **changes: object) -> type[State] | UnknownReason:
    """Return the outcome of the first poll of a `Location`."""
    return run(plan("POST", **changes), LOC, outcome).outcome


@pytest.mark.parametrize(
    "body",
    [
        {"status": "Running", **FABRIC},
        {"status": "NotStarted", **JOB},
        {"status": "inProgress", **CERTIFICATE},
        {"id": "x", "name": "x", "status": "InProgress", "startTime": "t"},
        {"status": "Deleting", "error": None},
        {"status": "Running"},
        {"status": "Running", "StartTime": "t", "x": 1},
        {"status": "RUNNING", "testId": "x", "startDateTime": "t"},
    ],
)
def test_rule_20_a_document_that_says_it_runs_is_polled_on_with_200(body: dict[str, object]) -> None:
    """Fabric, Key Vault and Microsoft.App; 40 times, and then the word that ends it counts."""
    history = run(plan("POST"), LOC, *[reply(200, body)] * 40, reply(200, {**body, "status": "completed"}))
    assert history.urls == (OP,) * 41
    assert isinstance(history.end, Succeeded)
    assert (history.end.progress.status, history.states[1].progress.status) == ("completed", body["status"])


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ({"status": "Succeeded", **FABRIC}, Succeeded),
        ({"status": "Failed", **JOB}, Failed),
        ({"status": "Canceled", "properties": None}, Canceled),
        ({"status": "PartiallySucceeded", "percentComplete": 100, "x": 1}, Succeeded),
        ({"status": "Failed", "percentComplete": 100, "x": 1}, Failed),
    ],
)
def test_rule_20_the_terminal_word_of_an_operation_document_decides(body: object, end: type[State]) -> None:
    """No `error` is needed beside it."""
    history = run(plan("POST"), LOC, reply(200, body))
    assert history.outcome is end


@pytest.mark.parametrize("header", ["Retry_After", "Location", "Operation_Location", "Azure_AsyncOperation"])
@pytest.mark.parametrize(
    ("word", "end"),
    [("Running", Polling), ("Succeeded", Succeeded), ("Failed", Failed), ("Canceled", Canceled), ("draft", Succeeded)],
)
def test_rule_20_a_status_counts_in_an_answer_that_asks_again(header: str, word: str, end: type[State]) -> None:
    """With any other members; an unknown word does not count there."""
    assert at_location(reply(200, {"status": word, "size": 3}, **{header: "7"})) is end
    unasked = Succeeded
    assert at_location(reply(200, {"status": word, "size": 3})) is unasked


def test_rule_20_an_unknown_word_runs_in_an_operation_document_beside_retry_after() -> None:
    """Without the header it has ended: `TestSucceeded`, `Deleted`."""
    for word in ("Soaking", "TestSucceeded", "Deleted"):
        assert at_location(monitor(word, Retry_After="5")) is Polling
        assert at_location(monitor(word, Location="/op")) is Succeeded
        end = run(plan("POST"), LOC, monitor(word)).end
        assert isinstance(end, Succeeded)
        assert end.progress.status == word


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (reply(200, {"status": "Running", "properties": {"provisioningState": "Succeeded"}}), Succeeded),
        (reply(200, {"status": "Succeeded", "properties": {"provisioningState": "Updating"}}), Polling),
        (reply(200, {"status": "Failed", "error": {"code": "x"}, "tags": {}}), Failed),
        (reply(200, {"status": "Canceled", "error": "x", "tags": {}}), Canceled),
        (reply(200, {"status": "Failed", "error": {}, "tags": {}}), Failed),
        (reply(200, {"status": "Failed", "error": None, "tags": {}}), Succeeded),
        (reply(200, {"status": "Failed", "error": "", "tags": {}}), Succeeded),
        (reply(200, {"status": "Succeeded", "error": {"code": "x"}, "tags": {}}), Succeeded),
        (reply(200, {"status": "Running", "error": {"code": "x"}, "tags": {}}), Succeeded),
        (reply(200, RESULT_BODY), Succeeded),
        (reply(200, {"status": 3}), Succeeded),
    ],
)
def test_rule_20_the_places_of_a_status_have_an_order(outcome: Reply, end: type[State]) -> None:
    """The provisioning state comes first, and a failure beside an `error` last."""
    assert at_location(outcome) is end


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b'{"error": {"code": "x"}}', b'{"Error": null}', b"{"])
def test_rule_20_a_page_of_a_gateway_or_an_error_alone_is_no_success(body: bytes) -> None:
    """At a Location, at the resource, and in the place of a result."""
    bad = Reply(200, body)
    for state in (
        run(plan("POST"), LOC).end,
        run(plan(), resource("Creating")).end,
        run(plan(), accepted(Azure_AsyncOperation="/op"), monitor("Succeeded")).end,
    ):
        history = run_from(state, bad, reply(200, {"a": 1}))
        assert type(history.states[1]) is type(state)
        assert history.outcome is Succeeded
    assert run(plan(), reply(201, b'{"error": {"code": "x"}}')).outcome is UnknownReason.MALFORMED


@pytest.mark.parametrize("code", ["OperationCanceled", "operationCancelled"])
@pytest.mark.parametrize("status_code", [400, 409])
def test_rule_21_an_error_code_at_a_location_may_say_canceled(code: str, status_code: int) -> None:
    """Beside a status too; a status monitor has its own word."""
    error = {"error": {"code": code, "message": "m"}}
    assert at_location(reply(status_code, error)) is Canceled
    assert at_location(reply(200, {"status": "Failed", **error})) is Canceled
    assert at_location(reply(status_code, {"error": {"code": "Conflict"}})) is Failed
    failed = reply(200, {"status": "Failed", **error})
    assert run(plan("POST"), accepted(Azure_AsyncOperation="/op"), failed).outcome is Failed


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (reply(202, {"operation": "itemCopy", "percentageComplete": 100, "status": "completed"}), Succeeded),
        (monitor("Failed", 202), Failed),
        (monitor("Canceled", 202), Canceled),
        (monitor("Running", 202), Polling),
        (monitor("Deleted", 202), Polling),
        (reply(202, {"status": "Succeeded", "size": 3}), Polling),
        (reply(202, {"status": "Failed", "error": {"code": "x"}, "size": 3}), Polling),
        (resource("Succeeded", 202), Polling),
        (reply(202, {"error": {"code": "x"}}), Polling),
        (accepted(Location="/op"), Polling),
    ],
)
def test_rule_19_a_202_ends_only_by_the_status_of_an_operation_document(outcome: Reply, end: type[State]) -> None:
    """Microsoft Graph; never by a provisioning state."""
    assert at_location(outcome) is end


@pytest.mark.parametrize(
    ("method", "last", "asked"),
    [
        ("POST", monitor("Succeeded", Location="/op/result"), RESULT),
        ("POST", monitor("Succeeded", 202, Location="/op/result"), RESULT),
        ("POST", monitor("Succeeded", Location="/op"), None),
        ("POST", monitor("Succeeded"), None),
        ("POST", monitor("Succeeded", Resource_Location="/res"), url("/res")),
        ("POST", reply(200, {"status": "Succeeded", "resourceLocation": "/res"}, Resource_Location="/2"), url("/res")),
        ("PUT", monitor("Succeeded", Resource_Location="/res"), url("/res")),
        ("PATCH", monitor("Succeeded"), RESOURCE),
        ("PATCH", monitor("TestSucceeded", Location="/op/result"), None),
        ("POST", monitor("Succeeded", Location="https://u@evil.example/"), None),
        ("DELETE", monitor("Succeeded", Location="/op/result", Resource_Location="/res"), None),
        ("PUT", reply(200, {"id": "/vm"}, Resource_Location="/res"), None),
        ("POST", reply(200, {"status": "Succeeded", "size": 3}, Location="/vm"), None),
        ("POST", resource("Succeeded", Location="/op/result"), None),
    ],
)
def test_rule_31_an_operation_document_at_a_location_may_name_the_result(
    method: str, last: Reply, asked: str | None
) -> None:
    """Fabric's `/result`; a result at hand names none."""
    end = run(plan(method), LOC, last).end
    if asked is None:
        assert isinstance(end, Succeeded)
        assert end.answer.body == last.body
    else:
        assert isinstance(end, Fetching)
        assert end.next_request.url == asked


def test_rule_31_a_location_that_is_the_resource_has_the_result_at_hand() -> None:
    """No final GET asks it again."""
    assert run(plan(), accepted(Location=RESOURCE), monitor("Succeeded")).outcome is Succeeded


def test_rule_9_a_location_of_another_origin_for_the_result_is_refused() -> None:
    """The error says that the operation succeeded, and can be resumed there."""
    unknown = run(plan("POST"), LOC, monitor("Succeeded", Location="https://evil.example/result")).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert isinstance(unknown.last, Fetching)
    assert unknown.last.url == "https://evil.example/result"


def test_rule_31_the_header_of_a_status_monitor_names_the_resource() -> None:
    """Where its body names none."""
    initial = accepted(Azure_AsyncOperation="/op", Location="/loc")
    end = run(plan("POST"), initial, monitor("Succeeded", Resource_Location="/res")).end
    assert isinstance(end, Fetching)
    assert end.next_request.url == url("/res")


def test_rule_31_the_result_of_a_fabric_operation_is_fetched() -> None:
    """As in a public report of a false success."""
    running = reply(200, {"status": "Running", **FABRIC}, Retry_After="20", Location="/op")
    done = reply(200, {"status": "Succeeded", **FABRIC}, Location="/op/result")
    history = run(plan("POST"), accepted(Location="/op", Retry_After="20"), running, done, reply(200, {"x": 1}))
    assert (history.urls, history.delays) == ((OP, OP, RESULT), [20, 20, 0])
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.body == b'{"x": 1}'


@pytest.mark.parametrize("word", sorted(RUNNING_WORDS))
def test_rule_46_a_running_word_is_polled_on_in_any_case(word: str) -> None:
    """In operation documents, and where the answer asks for it."""
    for spelled in (word, word.upper(), word.title()):
        assert at_location(monitor(spelled)) is Polling
        assert at_location(reply(200, {"status": spelled, "size": 3}, Retry_After="1")) is Polling
        assert at_location(reply(200, {"status": spelled, "size": 3})) is Succeeded


def test_rule_46_no_word_both_runs_and_ends() -> None:
    """The lists are disjoint, and in lower case."""
    assert not RUNNING_WORDS & TERMINAL_WORDS.keys()
    assert all(word == word.lower() for word in RUNNING_WORDS)


@pytest.mark.parametrize("member", sorted(OPERATION_MEMBERS))
def test_rule_49_the_members_of_operations_are_known_in_any_case(member: str) -> None:
    """Each alone beside the status, and all together."""
    assert is_operation({"status": "x", member: 1})
    assert is_operation({"Status": "x", member.upper(): 1})


@pytest.mark.parametrize("member", sorted(PROGRESS_MEMBERS))
def test_rule_49_a_sign_of_progress_makes_an_operation_of_any_document(member: str) -> None:
    """With whatever else it holds."""
    assert is_operation({"status": "x", "size": 3, member.upper(): None})


def test_rule_49_a_member_that_operations_do_not_have_makes_a_result() -> None:
    """Also with all the others; the list of status monitors is a part of that of operations."""
    assert not is_operation({**dict.fromkeys(OPERATION_MEMBERS - PROGRESS_MEMBERS, 1), "sku": 1})
    assert MONITOR_MEMBERS < OPERATION_MEMBERS > PROGRESS_MEMBERS


@pytest.mark.parametrize(
    ("member", "operation"), [(None, False), ("state", True), ("STATE.id", True), ("instance.state", False)]
)
def test_rule_49_the_member_of_the_caller_belongs_to_an_operation_too(member: str | None, *, operation: bool) -> None:
    """The first name of its path."""
    assert is_operation({"id": "x", "state": {"id": "Running"}}, member) is operation


@given(DOCUMENTS)
def test_rule_49_any_document_is_judged_without_raising(document: dict[str, object]) -> None:
    """An error alone is a single member."""
    assert is_operation(document) in {True, False}
    assert is_error_alone(document) <= (len(document) == 1)


@pytest.mark.parametrize("the_plan", [plan("POST"), plan("POST", terminal_words={"done": Verdict.SUCCEEDED})])
def test_rule_20_a_result_with_a_status_of_its_own_is_the_result(the_plan: Plan) -> None:
    """It is no operation document, and asks for nothing."""
    end = run(the_plan, LOC, reply(200, RESULT_BODY)).end
    assert isinstance(end, Succeeded)
    assert end.progress.status is None
