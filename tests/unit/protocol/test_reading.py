"""Rules 14 to 16 and 41: the status word, the verdict and the progress in one body."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.reading import (
    MONITOR_MEMBERS,
    Reading,
    is_monitor,
    member,
    progress_of,
    provisioning_state,
    status_word,
    text,
    verdict_of,
)
from azpoll.protocol.states import NO_PROGRESS, Progress, Verdict
from tests.support.protocol_rows import RESOURCE, reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["status", "Status", "properties", "provisioningState", "percentComplete", "error"]) | st.text(),
    JSON | st.fixed_dictionaries({"provisioningState": JSON}),
    max_size=5,
)


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ({"status": "Running", "properties": {"provisioningState": "Failed"}}, "Running"),
        ({"properties": {"provisioningState": "Updating"}, "provisioningState": "Failed"}, "Updating"),
        ({"provisioningState": "Updating"}, "Updating"),
        ({"status": " Running\r\n"}, "Running"),
        ({"status": "Preparing System Configuration"}, "Preparing System Configuration"),
        ({"status": None, "properties": None}, None),
        ({"status": "", "provisioningState": "Updating"}, "Updating"),
        ({"status": " \t", "properties": {"provisioningState": "\n"}}, None),
        ({"status": 200, "properties": {"provisioningState": "Updating"}}, "Updating"),
        ({"status": {"value": "Succeeded"}}, None),
        ({"status": ["Succeeded"]}, None),
        ({"status": True}, None),
        ({"properties": [], "provisioningState": "Updating"}, "Updating"),
        ({"properties": "Succeeded"}, None),
        ({"properties": {"provisioningState": {"state": "Succeeded"}}}, None),
        ({"properties": {"status": "Succeeded"}}, None),
        ({}, None),
    ],
)
def test_rule_14_the_status_is_found_and_trimmed(document: dict[str, object], word: str | None) -> None:
    """`status`, else `properties.provisioningState`, else the top level's; what is no string is absent."""
    assert status_word(document) == word


def test_rule_23_of_a_resource_the_provisioning_state_counts() -> None:
    """Its `status` is its own affair."""
    assert provisioning_state({"status": "Failed"}) is None
    assert provisioning_state({"status": "Failed", "provisioningState": "Creating"}) == "Creating"


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (("Succeeded", "succeeded", "SUCCEEDED", "Completed", "completed"), Verdict.SUCCEEDED),
        (("Failed", "failed", "fAILED"), Verdict.FAILED),
        (("Canceled", "Cancelled", "canceled", "CANCELLED"), Verdict.CANCELED),
        (
            (
                *("Accepted", "Active", "AwaitingManualAction", "AuthorizeReplication", "BreakReplication", "Patching"),
                *("Building", "CancelInProgress", "ConfiguringNetworking", "CreatingVirtualMachines", "Created"),
                *("SettingUpStreamingRuntime", "Creating", "Dequeued", "validateInput", "newPrivateDnsEntries"),
                *("Pausing", "Provisioning", "Resuming", "Scaling", "Pending", "Preparing System Configuration"),
                *("ProvisioningResources", "Restarting", "Running", "Updating", "Working", "Requested", "InProgress"),
                *('InProgress:{"done": 3}', "ResolvingDns", "PreparingVMDisk", "NotStarted", "Deleting", "Deleted"),
            ),
            Verdict.RUNNING,
        ),
        (
            (
                *("PartiallySucceeded", "PartialFailed", "ValidationFailed", "NotFailed", "SucceededWithWarnings"),
                *("Succeeded.", "Failed!", "Cancel", "Success", "Fail", "Complete", "Canceling", "\u017fucceeded", ""),
            ),
            Verdict.RUNNING,
        ),
    ],
)
def test_rule_15_five_words_end_an_operation(words: tuple[str, ...], verdict: Verdict) -> None:
    """Compared whole and without case; every other word of every service means that it runs."""
    assert {word: verdict_of(word, {}) for word in words} == dict.fromkeys(words, verdict)


def test_rule_16_the_terminal_words_can_be_extended_and_overruled() -> None:
    """`ValidationFailed` is a failure in Document Translation."""
    words = {"validationfailed": Verdict.FAILED, "partialfailed": Verdict.SUCCEEDED, "completed": Verdict.RUNNING}
    assert verdict_of("ValidationFailed", words) is Verdict.FAILED
    assert verdict_of("PartialFailed", words) is Verdict.SUCCEEDED
    assert verdict_of("Completed", words) is Verdict.RUNNING
    assert verdict_of("Succeeded", words) is Verdict.SUCCEEDED


@given(st.text())
def test_rule_15_no_word_but_those_five_ends_an_operation(word: str) -> None:
    """Not by substring, not in another script."""
    known = {"succeeded", "completed", "failed", "canceled", "cancelled"}
    assert (verdict_of(word, {}) is Verdict.RUNNING) is (word.lower() not in known)


@pytest.mark.parametrize(
    ("document", "monitor"),
    [
        ({"status": "Running"}, True),
        ({"id": "/op", "Name": "1", "status": "Running", "startTime": "", "percentComplete": 3}, True),
        (dict.fromkeys(MONITOR_MEMBERS, "x"), True),
        ({"id": "/op"}, False),
        ({"Status": "Running"}, False),
        ({"status": 3}, False),
        ({"status": "Running", "properties": {}}, False),
        ({"status": "Running", "location": "westeurope"}, False),
    ],
)
def test_rule_4_a_monitor_has_a_status_and_the_members_of_a_monitor_alone(
    document: dict[str, object],
    monitor: bool,  # noqa: FBT001 - a row
) -> None:
    """A resource has others."""
    assert is_monitor(document) is monitor


def read(document: dict[str, object], before: Progress = NO_PROGRESS, **headers: str) -> Progress:
    """Return the progress that a document tells."""
    answer = reply(200, b"", **headers).to(RESOURCE, 0.0)
    return progress_of(answer, Reading(Verdict.RUNNING, status_word(document), document), before)


def test_rule_41_progress_is_told_as_it_was_sent() -> None:
    """Status, percentage, times that are not always RFC 3339 (CosmosDB for PostgreSQL), and request ids."""
    document: dict[str, object] = {
        "status": "InProgress",
        "percentComplete": 12.5,
        "startTime": "2023-08-11 01:58:30 +0000",
        "endTime": "soon",
    }
    progress = read(document, x_ms_request_id="r", x_ms_correlation_request_id="c")
    assert progress == Progress("InProgress", 12.5, 12.5, "2023-08-11 01:58:30 +0000", "soon", "r", "c")


def test_rule_41_what_an_answer_omits_stays_as_it_was() -> None:
    """But request ids are those of the last answer."""
    before = Progress("InProgress", 12.5, 12.5, "then", "soon", "r", "c")
    assert read({}, before) == Progress("InProgress", 12.5, 12.5, "then", "soon")
    assert progress_of(reply(200).to(RESOURCE, 0.0), Reading(Verdict.RUNNING), before).start_time == "then"


@pytest.mark.parametrize(
    ("sent", "raw", "percent"),
    [
        (0, 0, 0),
        (0.4, 0.4, None),
        (1, 1, None),
        (1.5, 1.5, 1.5),
        (100, 100, 100),
        (101, 101, None),
        (-1, -1, None),
        (True, None, None),
        ("50", None, None),
        (None, None, None),
        (math.nan, None, None),
        (1e15, None, None),
        (-1e15, None, None),
        (-9e14, -9e14, None),
        (math.inf, None, None),
        (10**400, None, None),
    ],
)
def test_rule_41_a_percentage_is_given_where_its_scale_is_certain(
    sent: object, raw: float | None, percent: float | None
) -> None:
    """Machine Learning counts from 0 to 1."""
    progress = read({"percentComplete": sent})
    assert (progress.percent_complete, progress.percent) == (raw, percent)


def test_rule_41_once_the_scale_is_known_a_small_number_is_a_small_percentage() -> None:
    """After 50, 0.5 is half of one per cent."""
    assert read({"percentComplete": 0.5}, read({"percentComplete": 50})).percent == 0.5
    assert read({"percentComplete": 0.5}, read({"percentComplete": 0.2})).percent is None
    assert read({"percentComplete": 0.5}, read({"percentComplete": 1})).percent is None
    assert read({"percentComplete": 0.5}, read({"percentComplete": 1.5})).percent == 0.5
    assert read({"percentComplete": 1}, read({"percentComplete": 50})).percent == 1
    assert read({"percentComplete": 101}, read({"percentComplete": 50})).percent is None


@given(DOCUMENTS)
def test_rule_14_any_document_is_read_without_raising(document: dict[str, object]) -> None:
    """A word is trimmed and not blank; a percentage is between 0 and 100."""
    for word in (status_word(document), provisioning_state(document), text(document, "status"), text(None, "status")):
        assert word is None or (word and word == word.strip())
    progress = read(document)
    assert progress.percent is None or 0 <= progress.percent <= 100
    assert progress.percent_complete is None or math.isfinite(progress.percent_complete)
    assert is_monitor(document) <= (status_word(document) is not None)
    assert member(document, "properties") is None or isinstance(document["properties"], dict)
