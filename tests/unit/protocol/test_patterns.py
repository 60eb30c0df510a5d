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
    chosen_pattern,
)
from azpoll.protocol.patterns import RESOURCE as AT_RESOURCE
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.reading import Reading
from azpoll.protocol.states import Canceled, Failed, Polling, State, Succeeded
from azpoll.protocol.status_document import Verdict
from tests.support.protocol_rows import PLAN, RESOURCE, Reply, accepted, plan, play, reply, shown, told, url

RUNNING, SUCCEEDED, FAILED = Verdict.RUNNING, Verdict.SUCCEEDED, Verdict.FAILED
CANCELED, UNREADABLE = Verdict.CANCELED, Verdict.UNREADABLE
HTML = b"<!DOCTYPE html><html>Bad Gateway</html>"
BOM = b"\xef\xbb\xbf"

MONITOR_ROWS = [
    (told("Succeeded", 202), SUCCEEDED),
    (told("Failed", 200), FAILED),
    (told("Canceled", 201), CANCELED),
    (told("Running", 200), RUNNING),
    (told("Running", 204), RUNNING),
    (shown("Succeeded"), SUCCEEDED),
    (shown("Updating"), RUNNING),
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
    (told("Failed", 202), RUNNING),
    (shown("Failed", 202), RUNNING),
    (reply(202, HTML), RUNNING),
    (reply(204), SUCCEEDED),
    (reply(200), SUCCEEDED),
    (reply(200, {"name": "result"}), SUCCEEDED),
    (reply(201, [1, 2]), SUCCEEDED),
    (reply(200, b"a text", Content_Type="text/plain"), SUCCEEDED),
    (reply(200, b"\x89PNG", Content_Type="image/png"), SUCCEEDED),
    (shown("Succeeded"), SUCCEEDED),
    (shown("Failed"), FAILED),
    (shown("Cancelled", 201), CANCELED),
    (shown("Updating"), RUNNING),
    (reply(200, {"status": "Failed", "error": {"code": "x"}, "properties": {}}), FAILED),
    (reply(200, {"status": "Canceled", "error": {"code": "x"}, "tags": {}}), CANCELED),
    (
        reply(200, {"status": "Failed", "error": {"code": "x"}, "properties": {"provisioningState": "Updating"}}),
        RUNNING,
    ),
    (told("Failed"), FAILED),
    (reply(200, {"id": "/op", "status": "Canceled"}), CANCELED),
    (reply(200, {"status": "Failed", "error": None, "tags": {}}), SUCCEEDED),
    (reply(200, {"status": "Failed", "size": 3}), SUCCEEDED),
    (reply(200, {"status": "Running", "size": 3}), SUCCEEDED),
    (reply(200, {"status": 3, "error": {"code": "x"}}), SUCCEEDED),
    (told("Succeeded"), SUCCEEDED),
    (told("Running"), SUCCEEDED),
    (reply(200, HTML), UNREADABLE),
    (reply(201, b"{", Content_Type="application/json"), UNREADABLE),
]

RESOURCE_ROWS = [
    (shown("Succeeded"), SUCCEEDED),
    (shown("Failed"), FAILED),
    (shown("Canceled"), CANCELED),
    (shown("Creating"), RUNNING),
    (shown("ResolvingDns"), RUNNING),
    (reply(200, {"provisioningState": "Creating"}), RUNNING),
    (reply(200, {"id": "/vm"}), SUCCEEDED),
    (reply(200, {"properties": None}), SUCCEEDED),
    (told("Failed"), SUCCEEDED),
    (reply(200), SUCCEEDED),
    (reply(204), SUCCEEDED),
    (reply(202), RUNNING),
    (shown("Succeeded", 202), RUNNING),
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
        (reply(200, {"percentComplete": 40, "properties": {"provisioningState": "Failed"}}), Failed, "Failed"),
        (reply(200, {"percentComplete": 40, "status": "Failed"}), Failed, "Failed"),
        (reply(200, {"percentComplete": 40, "status": "Canceled", "error": {"code": "x"}}), Canceled, "Canceled"),
        (reply(200, {"percentComplete": 40}), Succeeded, None),
    ],
)
def test_rule_41_the_answer_of_a_location_sets_the_progress(
    outcome: Reply, end: type[State], status: str | None
) -> None:
    """While it runs and when it ends."""
    story = play(plan("POST"), accepted(Location="/op"), outcome)
    assert story.outcome is end
    assert (story.end.progress.status, story.end.progress.percent_complete) == (status, 40)


def test_rule_41_the_other_members_of_a_monitor_set_the_progress() -> None:
    """With a status in the answer or without one."""
    story = play(plan("POST"), accepted(Azure_AsyncOperation="/op"), told("Busy"), reply(202, {"percentComplete": 40}))
    assert (story.end.progress.status, story.end.progress.percent_complete) == ("Busy", 40)


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
    progress = play(deletion, accepted(), reply(200, body), reply(200, b"[]")).end.progress
    assert (progress.status, progress.percent_complete) == ("Deleting", 40)


@given(
    pattern=st.sampled_from([pattern for pattern in BY_NAME if pattern != "until-gone"]),
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
    """The latest counts; an answer without one changes nothing."""
    redirects = (accepted(Location="/2"), accepted(), shown("Updating", Location="3"), reply(200, {"a": 1}))
    story = play(plan("POST"), accepted(Location="/1"), *redirects)
    assert story.asked == (url("/1"), url("/2"), url("/2"), url("/3"))
    assert isinstance(story.end, Succeeded)
    assert story.end.answer.body == b'{"a": 1}'


def test_rule_19_a_monitor_header_does_not_replace_a_location() -> None:
    """The pattern is chosen once."""
    story = play(plan("POST"), accepted(Location="/1"), accepted(Azure_AsyncOperation="/2"), accepted())
    assert story.asked == (url("/1"), url("/1"))


@pytest.mark.parametrize(
    ("status_code", "end"),
    [
        *((code, Failed) for code in (400, 402, 405, 406, 409, 411, 412, 413, 415, 422, 423, 424, 428, 451)),
        *((code, Polling) for code in (401, 403, 404, 408, 410, 429, 500, 502, 503, 504)),
    ],
)
def test_rule_21_a_4xx_of_a_location_is_a_failure_of_the_operation(status_code: int, end: type[State]) -> None:
    """It answers as the synchronous call would; all but those that a poll itself can meet."""
    story = play(plan("POST"), accepted(Location="/op"), reply(status_code, {"error": {"code": "Conflict"}}))
    assert story.outcome is end
    if isinstance(story.end, Failed):
        assert story.end.answer.status_code == status_code


def test_rule_21_a_failure_by_a_4xx_keeps_the_operation_and_its_progress() -> None:
    """It can be polled again, and its progress is that of the answer before."""
    story = play(plan("POST"), accepted(Location="/op"), shown("Updating"), reply(409))
    assert isinstance(story.end, Failed)
    assert (story.end.last.url, story.end.progress.status) == (url("/op"), "Updating")


@pytest.mark.parametrize(
    ("outcome", "end"), [(shown("Failed"), Failed), (shown("Updating"), Polling), (shown("Succeeded"), Succeeded)]
)
def test_rule_22_a_location_that_is_the_resource_is_polled_with_its_own_query(outcome: Reply, end: type[State]) -> None:
    """API Management hides failures from clients that drop `asyncId`."""
    named = f"{RESOURCE}&asyncId=7"
    story = play(plan(), reply(201, {"id": "/vm"}, Location=named), accepted(), outcome)
    assert story.asked == (named, named)
    assert story.outcome is end


def test_rule_23_the_resource_is_polled_to_its_end() -> None:
    """At the URL of the initial request, which no later header changes."""
    answers = (shown("Creating", Location="/x", Azure_AsyncOperation="/y"), accepted(), shown("Succeeded"))
    story = play(plan(), shown("Creating", 201), *answers)
    assert set(story.asked) == {RESOURCE}
    assert story.outcome is Succeeded
    assert play(plan("PATCH"), shown("Updating"), shown("Canceled")).outcome is Canceled


def test_rule_2_the_table_is_ordered_and_named() -> None:
    """The names stand in resume tokens, so they never change."""
    assert list(BY_HEADER.values()) == [AZURE_ASYNC_OPERATION, OPERATION_LOCATION, LOCATION]
    assert list(BY_HEADER) == ["azure-asyncoperation", "operation-location", "location"]
    assert list(BY_NAME) == ["Azure-AsyncOperation", "Operation-Location", "Location", "resource", "until-gone"]
    assert [BY_NAME[name] for name in ("resource", "until-gone")] == [AT_RESOURCE, UNTIL_GONE]
    assert chosen_pattern(Reading(reply(202, Retry_After="1").to(RESOURCE, 0.0))) is None
