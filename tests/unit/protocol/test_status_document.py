"""Rules 4, 14 to 16 and 23: the status word, its verdict, and the documents of status monitors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.operation_document import MONITOR_MEMBERS, is_monitor
from azpoll.protocol.status_document import (
    Verdict,
    provisioning_state,
    status_word,
    verdict_of,
)
from tests.support.json_documents import DOCUMENTS


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
        ({"STATUS": "Succeeded", "Properties": {"provisioningState": "Succeeded"}}, None),
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
        (("Success", "PartiallySucceeded", "partiallyCompleted"), Verdict.SUCCEEDED),
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
                *("PartiallyFailed", "PartialFailed", "ValidationFailed", "NotFailed", "SucceededWithWarnings"),
                *(
                    "Succeeded.",
                    "Failed!",
                    "Cancel",
                    "Successful",
                    "Fail",
                    "Complete",
                    "Canceling",
                    "\u017fucceeded",
                    "",
                ),
            ),
            Verdict.RUNNING,
        ),
    ],
)
def test_rule_15_eight_words_end_an_operation(words: tuple[str, ...], verdict: Verdict) -> None:
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
def test_rule_15_no_word_but_those_eight_ends_an_operation(word: str) -> None:
    """Not by substring, not in another script."""
    known = {"succeeded", "completed", "failed", "canceled", "cancelled"}
    known |= {"success", "partiallysucceeded", "partiallycompleted"}
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
def test_rule_4_a_monitor_has_a_status_and_only_members_of_a_monitor(
    document: dict[str, object],
    monitor: bool,  # noqa: FBT001 - a row
) -> None:
    """A resource has others."""
    assert is_monitor(document) is monitor


@given(DOCUMENTS)
def test_rule_14_any_document_is_read_without_raising(document: dict[str, object]) -> None:
    """A word is trimmed and not blank."""
    for word in (status_word(document), provisioning_state(document)):
        assert word is None or (word and word == word.strip())
    assert is_monitor(document) <= (status_word(document) is not None)
