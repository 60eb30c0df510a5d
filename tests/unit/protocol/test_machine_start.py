"""Rules 1 to 7: how the initial answer chooses the way to poll, or ends the operation."""

from __future__ import annotations

import pytest

from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import start
from azpoll.protocol.patterns import AZURE_ASYNC_OPERATION, LOCATION, OPERATION_LOCATION, Pattern
from azpoll.protocol.patterns import RESOURCE as AT_RESOURCE
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.states import Canceled, Failed, Fetching, NextRequest, Polling, State, Succeeded, UnknownReason
from tests.support.protocol_rows import RESOURCE, Reply, accepted, monitor, outcome, plan, reply, resource, run, url

AAO, OL, LOC = {"Azure_AsyncOperation": "/aao"}, {"Operation_Location": "/ol"}, {"Location": "/loc"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
@pytest.mark.parametrize(
    ("headers", "path"),
    [
        (AAO | OL | LOC, "/aao"),
        (AAO | LOC, "/aao"),
        (AAO | OL, "/aao"),
        (OL | LOC, "/ol"),
        (LOC, "/loc"),
        ({"Azure_AsyncOperation": " "} | OL, "/ol"),
        (AAO | {"Azure_AsyncOperation": ""} | {"Operation_Location": "\t"} | LOC, "/loc"),
    ],
)
def test_rule_2_the_first_header_in_order_of_precedence_is_polled(
    method: str, headers: dict[str, str], path: str
) -> None:
    """Azure-AsyncOperation, Operation-Location, Location; by rule 1 a blank one is absent."""
    history = run(plan(method), accepted(**headers))
    assert history.outcome is Polling
    assert history.next.next_request.url == url(path)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
@pytest.mark.parametrize("malformed", ["https://bad host/op", "https://u:p@h/op", "https:///op", "fabric:/a", "/op#x"])
@pytest.mark.parametrize(
    ("good", "path", "pattern"),
    [
        (OL | LOC, "/ol", OPERATION_LOCATION),
        (OL, "/ol", OPERATION_LOCATION),
        (LOC, "/loc", LOCATION),
        ({"Operation_Location": "https://bad^host/"} | LOC, "/loc", LOCATION),
    ],
)
def test_rule_8_a_malformed_polling_url_gives_way_to_the_next_header(
    method: str, malformed: str, good: dict[str, str], path: str, pattern: Pattern
) -> None:
    """The answers are then read by the pattern of that header."""
    state = run(plan(method), accepted(Azure_AsyncOperation=malformed, **good)).next
    assert isinstance(state, Polling)
    assert (state.pattern, state.next_request.url) == (pattern, url(path))


def test_rule_8_the_error_says_what_is_wrong_with_the_first_malformed_url() -> None:
    """Its reason is that of the URL as the answer names it, relative to the URL of the request."""
    both = accepted(Azure_AsyncOperation="/a/%2e%2e/op", Location="https:///op")
    assert "segment of dots" in run(plan("POST"), both).unknown.detail


def test_rule_9_an_untrusted_polling_url_does_not_give_way_to_the_next_header() -> None:
    """The service named the monitor well; only the caller can say whether it is trusted."""
    unknown = run(plan(), accepted(Azure_AsyncOperation="https://evil.example/", Location="/loc")).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    too_long = run(plan(), accepted(Azure_AsyncOperation="/op".ljust(9000, "x"), Location="/loc")).unknown
    assert too_long.reason is UnknownReason.UNTRUSTED


def test_rule_1_header_names_match_without_case() -> None:
    """As HTTP has it."""
    assert run(plan(), accepted(AZURE_ASYNCOPERATION="/aao")).next.url == url("/aao")


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 206])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
@pytest.mark.parametrize("header", [AAO, OL, LOC])
def test_rule_3_a_polling_header_on_any_2xx_is_followed(status_code: int, method: str, header: dict[str, str]) -> None:
    """Even beside a body that shows Succeeded: a PATCH body shows the old resource."""
    body = {"id": "/vm", "properties": {"provisioningState": "Succeeded"}}
    history = run(plan(method), reply(status_code, body, **header))
    assert history.outcome is Polling


@pytest.mark.parametrize(
    ("method", "initial", "end"),
    [
        ("POST", monitor("Succeeded", 202, **AAO), Succeeded),
        ("POST", monitor(" succeeded ", 202, **OL), Succeeded),
        ("POST", monitor("Failed", 202, **AAO), Failed),
        ("POST", monitor("Canceled", 202, **AAO), Canceled),
        ("POST", monitor("Running", 202, **AAO), Polling),
        ("POST", monitor("Succeeded", 202, **AAO, **LOC), Fetching),
        ("POST", reply(202, {"id": "/op/1", "name": "1", "status": "Succeeded"}, **AAO), Succeeded),
        ("POST", reply(202, {"status": "Succeeded", "properties": {}}, **AAO), Polling),
        ("POST", monitor("Succeeded", 202, **LOC), Polling),
        ("POST", reply(202, {"status": 3}, **AAO), Polling),
        ("POST", reply(202, ["Succeeded"], **AAO), Polling),
        ("DELETE", monitor("Succeeded", 202, **AAO), Succeeded),
        ("PUT", monitor("Succeeded", 202, **AAO), Fetching),
        ("PUT", monitor("Failed", 201, **AAO), Failed),
        ("PUT", reply(201, {"id": "/vm", "name": "vm", "status": "Succeeded"}, **AAO), Polling),
        ("PATCH", reply(200, {"id": "/vm", "name": "vm", "status": "Failed"}, **AAO), Polling),
        ("PATCH", reply(200, {"Id": "/vm", "Name": "vm", "status": "Succeeded"}, **AAO), Polling),
        ("PATCH", reply(200, {"name": "vm", "status": "Succeeded"}, **OL), Polling),
        ("PATCH", reply(200, {"id": "/vm", "status": "Succeeded"}, **OL), Polling),
    ],
)
def test_rule_4_an_initial_document_of_the_monitor_may_end_the_operation(
    method: str, initial: Reply, end: type[State]
) -> None:
    """But a resource that has a `status` of its own is no such document."""
    assert run(plan(method), initial).outcome is end


@pytest.mark.parametrize("header", [AAO, OL, LOC])
def test_rule_41_the_initial_answer_sets_the_progress(header: dict[str, str]) -> None:
    """Before the first poll."""
    progress = run(plan("POST"), reply(202, {"status": "Accepted", "percentComplete": 40}, **header)).end.progress
    assert (progress.status, progress.percent_complete) == ("Accepted", 40)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
@pytest.mark.parametrize(
    ("header", "pattern"), [("Azure_AsyncOperation", AZURE_ASYNC_OPERATION), ("Location", LOCATION)]
)
def test_rule_9_an_operation_can_be_resumed_at_a_url_of_another_origin(
    method: str, header: str, pattern: Pattern
) -> None:
    """Once the caller lists that origin: by the pattern of the header, and not before the `Retry-After`."""
    evil = "https://evil.example/op"
    unknown = run(plan(method), accepted(**{header: evil}, Retry_After="17")).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert isinstance(unknown.last, Polling)
    assert (unknown.last.pattern, unknown.last.url, unknown.last.next_request) == (
        pattern,
        evil,
        NextRequest(evil, Delay(17, by_server=True)),
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
@pytest.mark.parametrize("header", ["Azure_AsyncOperation", "Location"])
def test_rule_8_without_a_valid_initial_url_a_put_or_patch_polls_its_resource(method: str, header: str) -> None:
    """Other methods leave the operation without a URL to poll."""
    last = run(plan(method), accepted(**{header: "//a b/"}, Retry_After="17")).unknown.last
    if method in {"PUT", "PATCH"}:
        assert isinstance(last, Polling)
        assert (last.pattern, last.url) == (AT_RESOURCE, RESOURCE)
        assert last.next_request == NextRequest(RESOURCE, Delay(17, by_server=True))
    else:
        assert last is None


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("initial", "end"),
    [
        (reply(200), Succeeded),
        (reply(200, {}), Succeeded),
        (reply(200, {"properties": None}), Succeeded),
        (reply(200, {"status": "Running"}), Succeeded),
        (reply(200, b"done"), Succeeded),
        (reply(201, {"id": "/vm"}), Succeeded),
        (reply(204), Succeeded),
        (resource("Succeeded"), Succeeded),
        (resource("completed", 201), Succeeded),
        (resource("Failed"), Failed),
        (resource("Cancelled", 201), Canceled),
        (resource("Creating"), Polling),
        (resource("Creating", 201), Polling),
        (reply(201), Polling),
        (reply(201, b" \r\n"), Polling),
        (reply(202), Polling),
        (resource("Succeeded", 202), Polling),
        (resource("Failed", 202), Polling),
        (reply(200, b"<html>"), UnknownReason.MALFORMED),
    ],
)
def test_rule_5_put_and_patch_without_a_header_are_read_at_the_resource(
    method: str, initial: Reply, end: type[State] | UnknownReason
) -> None:
    """200, or 201 with a body, is as its provisioning state says; 201 empty and 202 run; 204 is done."""
    history = run(plan(method), initial)
    assert history.outcome == end
    if end is Polling:
        assert history.next.next_request.url == RESOURCE
    if isinstance(history.end, Succeeded | Failed | Canceled):
        assert history.end.answer == initial.to(RESOURCE, 0.0, method)


def test_rule_5_an_unreadable_initial_answer_can_be_resumed_at_the_resource() -> None:
    """The PUT was accepted, so the operation may run."""
    last = run(plan(), reply(200, b"<html>")).unknown.last
    assert isinstance(last, Polling)
    assert last.url == RESOURCE


@pytest.mark.parametrize(("method", "resumable"), [("POST", False), ("DELETE", True), ("GET", False)])
def test_rule_6_202_without_a_header_is_an_error_that_names_it(method: str, resumable: bool) -> None:  # noqa: FBT001 - a row
    """Peers report success: unfinished work hidden."""
    unknown = run(plan(method), reply(202, {"status": "Running"})).unknown
    assert unknown.reason is UnknownReason.MALFORMED
    assert "Azure-AsyncOperation, Operation-Location or Location" in unknown.detail
    assert (unknown.last is not None) is resumable
    if isinstance(unknown.last, Polling):
        assert unknown.last.pattern.name == "until-gone"


def test_rule_6_a_delete_may_be_followed_at_the_resource_until_404() -> None:
    """Where the caller opts in; until then any state of the resource is its old one."""
    deletion = plan("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI)
    history = run(deletion, reply(202), resource("Succeeded"), resource("Failed"), accepted(), reply(204), reply(404))
    assert history.outcome is Succeeded
    assert set(history.urls) == {RESOURCE}
    assert history.delays == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
@pytest.mark.parametrize(
    "initial", [reply(200), reply(201, {"a": 1}), reply(204), resource("Creating"), monitor("Failed")]
)
def test_rule_7_other_methods_without_a_header_have_succeeded(method: str, initial: Reply) -> None:
    """With that body, and with no final GET."""
    end = run(plan(method), initial).end
    assert isinstance(end, Succeeded)
    assert end.answer.body == initial.body


@pytest.mark.parametrize("status_code", [100, 301, 307, 400, 401, 403, 404, 408, 409, 429, 500, 503, 600])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_rule_7_an_initial_answer_that_is_not_2xx_is_an_error_that_keeps_the_answer(
    status_code: int, method: str
) -> None:
    """There is no operation; a `Location` on such an answer is not followed."""
    answered = reply(status_code, {"error": {"code": "Conflict"}}, **AAO, **LOC).to(RESOURCE, 0.0, method)
    state = start(plan(method), answered)
    assert outcome(state) is UnknownReason.NOT_STARTED
    assert run(plan(method), Reply(status_code)).unknown.last is None


def test_rule_34_the_initial_retry_after_counts_before_the_first_poll() -> None:
    """The initial answer's, which azure-core and core-lro ignore; with none, 1 s, then 2 s (rule 36).

    The next delay is no shorter where the polls have no `Retry-After` (rule 36).
    """
    asked = accepted(Azure_AsyncOperation="/op", Retry_After="17")
    assert run(plan(), asked, monitor("Running"), monitor("Running")).delays == [17, 17]
    assert run(plan(), accepted(**AAO), monitor("Running"), monitor("Running"), monitor("Running")).delays == [1, 2, 4]
    assert run(plan(), resource("Creating", Retry_After="17"), resource("Creating"), resource("Creating")).delays == [
        17,
        17,
    ]
    assert run(plan(), resource("Creating"), resource("Creating"), resource("Creating")).delays == [1, 2]


def test_rule_36_the_final_get_after_an_initial_answer_is_sent_immediately() -> None:
    """It is no poll, so that the `Retry-After` of the last status does not apply."""
    state = run(plan(), monitor("Succeeded", 202, **AAO, Retry_After="17")).end
    assert isinstance(state, Fetching)
    assert state.next_request.delay.seconds == 0


def test_rule_36_the_default_schedule_continues_after_a_retry_after() -> None:
    """Only waits of its own make it longer."""
    events = (monitor("Running"), monitor("Running", Retry_After="17"), monitor("Running"), monitor("Running"))
    assert run(plan(), accepted(**AAO), *events, monitor("Running")).delays == [1, 2, 17, 4, 8]
