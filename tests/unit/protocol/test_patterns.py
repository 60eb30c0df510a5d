"""Rules 17, 19 to 23: how an answer is read behind each way to poll."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.patterns import (
    AZURE_ASYNC_OPERATION,
    BY_HEADER,
    BY_NAME,
    LOCATION,
    OPERATION_LOCATION,
    UNTIL_GONE,
    named_patterns,
)
from azpoll.protocol.patterns import RESOURCE as AT_RESOURCE
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.reading import Reading
from azpoll.protocol.states import Canceled, Failed, Polling, State, Succeeded
from azpoll.protocol.status_document import Verdict
from tests.support.protocol_rows import PLAN, RESOURCE, Reply, accepted, monitor, plan, reply, resource, run, url

RUNNING, SUCCEEDED, FAILED = Verdict.RUNNING, Verdict.SUCCEEDED, Verdict.FAILED
CANCELED, UNREADABLE = Verdict.CANCELED, Verdict.UNREADABLE
HTML = b"<!DOCTYPE html><html>Bad Gateway</html>"
BOM = b"\xef\xbb\xbf"

MONITOR_ROWS = [
    (monitor("Succeeded", 202), SUCCEEDED),
    (monitor("Failed", 200), FAILED),
    (monitor("Canceled", 201), CANCELED),
    (monitor("Running", 200), RUNNING),
    (monitor("Running", 204), RUNNING),
    (resource("Succeeded"), SUCCEEDED),
    (resource("Updating"), RUNNING),
    (reply(200, {"provisioningState": "Failed"}), FAILED),
    (reply(200, BOM + b'{"status": "Succeeded"}'), SUCCEEDED),
    (reply(200, b'{"status": "Succeeded"}', Content_Type="text/html"), SUCCEEDED),
    (reply(202), RUNNING),
    (reply(202, {}), RUNNING),
    (reply(202, {"status": None}), RUNNING),
    (reply(202, HTML), RUNNING),
    (reply(204), SUCCEEDED),
    (reply(200), SUCCEEDED),
    (reply(201, b" \r\n"), SUCCEEDED),
    (reply(200, BOM), SUCCEEDED),
    (reply(200, {}), UNREADABLE),
    (reply(200, {"status": None, "properties": None}), UNREADABLE),
    (reply(200, {"status": 123}), UNREADABLE),
    (reply(200, {"value": "the result"}), UNREADABLE),
    (reply(201, {"error": {"code": "x"}}), UNREADABLE),
    (reply(200, HTML), UNREADABLE),
    (reply(200, []), UNREADABLE),
    (reply(200, [{"status": "Succeeded"}]), UNREADABLE),
    (reply(200, b'"Succeeded"'), UNREADABLE),
    (reply(200, b"null"), UNREADABLE),
    (reply(200, b"Succeeded"), UNREADABLE),
    (reply(200, b'{"status": "Succ'), UNREADABLE),
    (reply(200, b"<status>Succeeded</status>"), UNREADABLE),
]

LOCATION_ROWS = [
    (accepted(), RUNNING),
    (resource("Failed", 202), RUNNING),
    (reply(202, HTML), RUNNING),
    (reply(204), SUCCEEDED),
    (reply(200), SUCCEEDED),
    (reply(200, {"name": "result"}), SUCCEEDED),
    (reply(201, [1, 2]), SUCCEEDED),
    (reply(200, b"a text", Content_Type="text/plain"), SUCCEEDED),
    (reply(200, b"\x89PNG", Content_Type="image/png"), SUCCEEDED),
    (resource("Succeeded"), SUCCEEDED),
    (resource("Failed"), FAILED),
    (resource("Cancelled", 201), CANCELED),
    (resource("Updating"), RUNNING),
    (reply(200, {"status": "Failed", "error": {"code": "x"}, "properties": {}}), FAILED),
    (reply(200, {"status": "Canceled", "error": {"code": "x"}, "tags": {}}), CANCELED),
    (
        reply(200, {"status": "Failed", "error": {"code": "x"}, "properties": {"provisioningState": "Updating"}}),
        RUNNING,
    ),
    (monitor("Failed"), FAILED),
    (reply(200, {"id": "/op", "status": "Canceled"}), CANCELED),
    (reply(200, {"status": "Failed", "error": None, "tags": {}}), SUCCEEDED),
    (reply(200, {"status": "Failed", "size": 3}), SUCCEEDED),
    (reply(200, {"status": "Running", "size": 3}), SUCCEEDED),
    (reply(200, {"status": 3, "error": {"code": "x"}}), SUCCEEDED),
    (monitor("Succeeded"), SUCCEEDED),
    (reply(200, HTML), UNREADABLE),
    (reply(201, b"{", Content_Type="application/json"), UNREADABLE),
]

RESOURCE_ROWS = [
    (resource("Succeeded"), SUCCEEDED),
    (resource("Failed"), FAILED),
    (resource("Canceled"), CANCELED),
    (resource("Creating"), RUNNING),
    (resource("ResolvingDns"), RUNNING),
    (reply(200, {"provisioningState": "Creating"}), RUNNING),
    (reply(200, {"id": "/vm"}), SUCCEEDED),
    (reply(200, {"properties": None}), SUCCEEDED),
    (monitor("Failed"), SUCCEEDED),
    (reply(200), SUCCEEDED),
    (reply(204), SUCCEEDED),
    (reply(202), RUNNING),
    (resource("Succeeded", 202), RUNNING),
    (reply(200, HTML), UNREADABLE),
    (reply(200, b'{"properties": {"provisioningState": "Succ'), UNREADABLE),
]


def read(pattern: str, outcome: Reply) -> Verdict:
    """Return the verdict of a pattern on an answer."""
    report = BY_NAME[pattern].report(PLAN, Reading(outcome.to(RESOURCE, 0.0)))
    assert bool(report.problem) is (report.verdict is UNREADABLE)
    return report.verdict


@pytest.mark.parametrize("pattern", ["Azure-AsyncOperation", "Operation-Location"])
@pytest.mark.parametrize(("outcome", "verdict"), MONITOR_ROWS)
def test_rule_17_a_status_in_the_body_of_a_monitor_overrides_the_http_code(
    pattern: str, outcome: Reply, verdict: Verdict
) -> None:
    """With none: 202 runs; 204 and an empty 200 or 201 are success; anything else is malformed."""
    assert read(pattern, outcome) is verdict


@pytest.mark.parametrize(
    ("body", "why"), [({}, "holds no status"), ([], "not a status document"), (HTML, "not a status")]
)
def test_rule_27_a_malformed_answer_says_what_is_wrong(body: object, why: str) -> None:
    """For people, in the error."""
    report = AZURE_ASYNC_OPERATION.report(PLAN, Reading(reply(200, body).to(RESOURCE, 0.0)))
    assert why in report.problem


@pytest.mark.parametrize(("outcome", "verdict"), LOCATION_ROWS)
def test_rules_19_and_20_a_location_answers_as_the_operation_after_the_last_202(
    outcome: Reply, verdict: Verdict
) -> None:
    """The provisioning state decides; a failure beside an `error` or in a monitor's document is one, too."""
    assert read("Location", outcome) is verdict


UPDATING = {"percentComplete": 40, "properties": {"provisioningState": "Updating"}}


@pytest.mark.parametrize(
    ("outcome", "end", "status"),
    [
        (reply(202, UPDATING), Polling, "Updating"),
        (reply(200, UPDATING), Polling, "Updating"),
        (reply(200, {**UPDATING, "status": "Busy"}), Polling, "Updating"),
        (reply(200, {"percentComplete": 40, "properties": {"provisioningState": "Failed"}}), Failed, "Failed"),
        (reply(200, {"percentComplete": 40, "status": "Failed"}), Failed, "Failed"),
        (reply(200, {"percentComplete": 40, "status": "Canceled", "error": {"code": "x"}}), Canceled, "Canceled"),
        (reply(202, {"percentComplete": 40, "status": "Busy"}), Polling, "Busy"),
        (reply(200, {"percentComplete": 40, "status": "Ready"}), Succeeded, "Ready"),
        (reply(200, {"percentComplete": 40}), Succeeded, None),
    ],
)
def test_rule_41_the_answer_of_a_location_sets_the_progress(
    outcome: Reply, end: type[State], status: str | None
) -> None:
    """While it runs and when it ends."""
    history = run(plan("POST"), accepted(Location="/op"), outcome)
    assert history.outcome is end
    assert (history.end.progress.status, history.end.progress.percent_complete) == (status, 40)


def test_rule_41_the_other_members_of_a_monitor_set_the_progress() -> None:
    """With a status in the answer or without one."""
    history = run(
        plan("POST"), accepted(Azure_AsyncOperation="/op"), monitor("Busy"), reply(202, {"percentComplete": 40})
    )
    assert (history.end.progress.status, history.end.progress.percent_complete) == ("Busy", 40)


@pytest.mark.parametrize(("outcome", "verdict"), RESOURCE_ROWS)
def test_rule_23_the_provisioning_state_of_the_resource_decides(outcome: Reply, verdict: Verdict) -> None:
    """No state, an empty 200 and 204 are success; 202 runs."""
    assert read("resource", outcome) is verdict


@pytest.mark.parametrize("outcome", [outcome for outcome, _ in RESOURCE_ROWS])
def test_rule_6_a_resource_that_answers_is_not_gone(outcome: Reply) -> None:
    """With any provisioning state."""
    assert read("until-gone", outcome) is RUNNING


def test_rule_41_the_state_of_a_deleted_resource_sets_the_progress() -> None:
    """The state ends nothing, and is reported."""
    deletion = plan("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI)
    body = {"percentComplete": 40, "properties": {"provisioningState": "Deleting"}}
    progress = run(deletion, accepted(), reply(200, body), reply(200, b"[]")).end.progress
    assert (progress.status, progress.percent_complete) == ("Deleting", 40)


@given(
    pattern=st.sampled_from([pattern for pattern in BY_NAME if pattern not in {"until-gone", "unanswered"}]),
    status_code=st.sampled_from([200, 201, 202, 203, 206]),
    body=st.binary() | st.just(HTML),
)
def test_rule_17_unreadable_bytes_never_fail_an_operation(pattern: str, status_code: int, body: bytes) -> None:
    """Nor do they make a monitor succeed."""
    verdict = read(pattern, Reply(status_code, body))
    assert verdict not in {FAILED, CANCELED}
    if BY_NAME[pattern].is_monitor and body.removeprefix(BOM).strip():
        assert verdict is not SUCCEEDED


def test_rule_19_each_location_replaces_the_polling_url() -> None:
    """The latest counts, and no other is kept; an answer without one changes nothing."""
    redirects = (accepted(Location="/2"), accepted(), resource("Updating", Location="3"), reply(200, {"a": 1}))
    history = run(plan("POST"), accepted(Location="/1"), *redirects)
    assert history.urls == (url("/1"), url("/2"), url("/2"), url("/3"))
    assert [each.location for each in history.states if isinstance(each, Polling)] == [None] * 4
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.body == b'{"a": 1}'


def test_rule_19_a_monitor_header_does_not_replace_a_location() -> None:
    """The pattern is chosen once."""
    history = run(plan("POST"), accepted(Location="/1"), accepted(Azure_AsyncOperation="/2"), accepted())
    assert history.urls == (url("/1"), url("/1"))


@pytest.mark.parametrize(
    ("status_code", "end"),
    [
        *((code, Failed) for code in (400, 402, 405, 406, 409, 411, 412, 413, 415, 422, 423, 424, 428, 451)),
        *((code, Polling) for code in (401, 403, 404, 408, 410, 429, 500, 502, 503, 504)),
    ],
)
def test_rule_21_a_4xx_of_a_location_is_a_failure_of_the_operation(status_code: int, end: type[State]) -> None:
    """It answers as the synchronous call would; all but those that a poll itself can meet."""
    history = run(plan("POST"), accepted(Location="/op"), reply(status_code, {"error": {"code": "Conflict"}}))
    assert history.outcome is end
    if isinstance(history.end, Failed):
        assert history.end.answer.status_code == status_code


def test_rule_21_a_failure_by_a_4xx_keeps_the_operation_and_its_progress() -> None:
    """It can be polled again, and its progress is that of the answer before."""
    history = run(plan("POST"), accepted(Location="/op"), resource("Updating"), reply(409))
    assert isinstance(history.end, Failed)
    assert (history.end.last.url, history.end.progress.status) == (url("/op"), "Updating")


@pytest.mark.parametrize("code", ["OperationCanceled", "operationcancelled"])
def test_rule_21_an_error_code_at_a_location_reports_a_cancellation(code: str) -> None:
    """The operation can be polled again, and its progress is that of the answer before."""
    history = run(plan("POST"), accepted(Location="/op"), resource("Updating"), reply(409, {"error": {"code": code}}))
    assert isinstance(history.end, Canceled)
    assert (history.end.answer.status_code, history.end.last.url) == (409, url("/op"))
    assert history.end.progress.status == history.end.last.progress.status == "Updating"


@pytest.mark.parametrize(
    ("outcome", "end"),
    [(resource("Failed"), Failed), (resource("Updating"), Polling), (resource("Succeeded"), Succeeded)],
)
def test_rule_22_a_location_that_is_the_resource_is_polled_with_its_own_query(outcome: Reply, end: type[State]) -> None:
    """API Management hides failures from clients that drop `asyncId`."""
    named = f"{RESOURCE}&asyncId=7"
    history = run(plan(), reply(201, {"id": "/vm"}, Location=named), accepted(), outcome)
    assert history.urls == (named, named)
    assert history.outcome is end


def test_rule_23_the_resource_is_polled_to_its_end() -> None:
    """At the URL of the initial request, which no later header changes."""
    answers = (resource("Creating", Location="/x", Azure_AsyncOperation="/y"), accepted(), resource("Succeeded"))
    history = run(plan(), resource("Creating", 201), *answers)
    assert set(history.urls) == {RESOURCE}
    assert history.outcome is Succeeded
    assert run(plan("PATCH"), resource("Updating"), resource("Canceled")).outcome is Canceled


def test_rule_2_the_table_is_ordered_and_named() -> None:
    """The names stand in resume tokens, so they never change."""
    assert list(BY_HEADER.values()) == [AZURE_ASYNC_OPERATION, OPERATION_LOCATION, LOCATION]
    assert list(BY_HEADER) == ["azure-asyncoperation", "operation-location", "location"]
    assert list(BY_NAME) == [
        "Azure-AsyncOperation",
        "Operation-Location",
        "Location",
        "resource",
        "until-gone",
        "unanswered",
    ]
    assert [BY_NAME[name] for name in ("resource", "until-gone")] == [AT_RESOURCE, UNTIL_GONE]
    assert named_patterns(PLAN, Reading(reply(202, Retry_After="1").to(RESOURCE, 0.0))) == []
