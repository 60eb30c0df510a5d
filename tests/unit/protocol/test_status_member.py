"""Rules 14, 16, 47 and 48: what the caller says about an API: its words, its status member, its pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.patterns import BY_CHOICE
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.states import Canceled, Failed, Fetching, Polling, State, Succeeded, UnknownReason
from azpoll.protocol.status_document import Verdict, operation_status, status_word
from tests.support.protocol_rows import RESOURCE, Drop, Reply, accepted, monitor, plan, reply, resource, run, url

if TYPE_CHECKING:
    from azpoll.protocol.plan import PatternName

OP = url("/op")
HEADERS = ("Azure_AsyncOperation", "Operation_Location", "Location")
KUDU = {"3": Verdict.FAILED, "4": Verdict.SUCCEEDED}


@pytest.mark.parametrize(
    ("document", "member", "word"),
    [
        ({"runtimeStatus": " Running "}, "runtimeStatus", "Running"),
        ({"state": {"id": "Running"}, "status": "Failed"}, "state.id", "Running"),
        ({"a": {"b": {"c": "x"}}}, "a.b.c", "x"),
        ({"state": "Running"}, "state.id", None),
        ({"state": None}, "state.id", None),
        ({"state": ["Running"]}, "state.id", None),
        ({"status": "Running"}, "runtimeStatus", None),
        ({"runtimeStatus": 3}, "runtimeStatus", None),
        ({"runtimeStatus": {}}, "runtimeStatus", None),
        ({"Status": "Running"}, None, None),
    ],
)
def test_rule_48_a_path_names_the_member_of_the_status(
    document: dict[str, object], member: str | None, word: str | None
) -> None:
    """It replaces `status`; its names are exact."""
    assert operation_status(document, member) == word


def test_rule_14_a_provisioning_state_counts_where_the_member_is_absent() -> None:
    """But `status` does not: the caller said where the word is."""
    document = {"status": "Failed", "properties": {"provisioningState": "Updating"}}
    assert status_word(document, "state.id") == "Updating"


@pytest.mark.parametrize(
    ("value", "words", "word"),
    [
        (4, KUDU, "4"),
        (4.0, KUDU, "4"),
        (1, KUDU, "1"),
        (-1, {"-1": Verdict.FAILED}, "-1"),
        (0.5, KUDU, "0.5"),
        (float("inf"), KUDU, "inf"),
        (True, KUDU, None),
        (4, {"X4": Verdict.FAILED, "-": Verdict.FAILED, "4X": Verdict.FAILED}, None),
        (4, {}, None),
        (4, {"done": Verdict.SUCCEEDED}, None),
    ],
)
def test_rule_16_a_number_counts_if_the_caller_names_one(
    value: object, words: dict[str, Verdict], word: str | None
) -> None:
    """As its decimal text; a status of `true` is none."""
    assert operation_status({"status": value}, None, words) == word


@pytest.mark.parametrize(("status", "end"), [(1, Polling), (3, Failed), (4, Succeeded)])
def test_rule_16_the_numbers_of_kudu_end_a_deployment(status: int, end: type[State]) -> None:
    """At a Location, with any members, and at a monitor."""
    document = {"id": "x", "status": status, "site_name": "x", "complete": status > 2}
    kudu = plan("POST", terminal_words=KUDU)
    assert run(kudu, accepted(Location="/op"), reply(202, document)).outcome is end
    assert run(kudu, accepted(Azure_AsyncOperation="/op"), reply(200, document)).outcome is end
    if end is not Polling:
        assert run(kudu, accepted(Location="/op"), reply(200, document)).outcome is end


@pytest.mark.parametrize("status_code", [200, 400, 404, 503])
@pytest.mark.parametrize(("status", "end"), [(1, Polling), (3, Failed), (4, Succeeded)])
def test_rule_16_a_number_in_a_named_member_decides_with_every_http_status(
    status: int, end: type[State], status_code: int
) -> None:
    """At a monitor, at a Location, and at a resource without a provisioning state."""
    named = plan("POST", terminal_words=KUDU, status_member="state.id")
    last = reply(status_code, {"state": {"id": status}})
    for initial in (accepted(Azure_AsyncOperation="/op"), accepted(Location="/op")):
        assert run(named, initial, last).outcome is end
    assert run(named._replace(method="PUT"), resource("Creating"), last).outcome is end


def test_rule_16_a_number_without_a_named_member_ends_a_resource() -> None:
    """The resource has no provisioning state."""
    kudu = plan("PUT", terminal_words=KUDU)
    assert run(kudu, resource("Creating"), reply(200, {"status": 3, "sku": 1})).outcome is Failed


@pytest.mark.parametrize(
    ("changes", "document", "status"),
    [
        ({"status_member": "state"}, {"state": "Queued", "status": "Failed"}, "Queued"),
        ({"terminal_words": KUDU}, {"status": 1}, "1"),
        ({"terminal_words": KUDU, "status_member": "state.id"}, {"state": {"id": 1}}, "1"),
    ],
)
def test_rule_41_the_status_that_the_caller_named_is_the_first_progress(
    changes: dict[str, object], document: dict[str, object], status: str
) -> None:
    """In the initial answer, as in later ones."""
    assert run(plan("POST", **changes), reply(202, document, Location="/op")).next.progress.status == status


@pytest.mark.parametrize("status_code", [200, 202])
@pytest.mark.parametrize(
    ("changes", "document"),
    [
        ({"status_member": "state"}, {"state": "Succeeded"}),
        ({"status_member": "state.id"}, {"state": {"id": "Succeeded"}}),
        ({"terminal_words": KUDU}, {"status": 4}),
    ],
)
def test_rule_49_an_operation_document_at_a_location_names_its_result(
    changes: dict[str, object], document: dict[str, object], status_code: int
) -> None:
    """The member that the caller named is one of an operation document, and so is a number."""
    last = reply(status_code, {**document, "resourceLocation": "/result"})
    end = run(plan("POST", **changes), accepted(Location="/op"), last).end
    assert isinstance(end, Fetching)
    assert end.url == url("/result")


def test_rule_3_the_named_member_says_whether_a_refused_location_matters() -> None:
    """An operation that runs has nowhere else to be polled; one that does not run has ended."""
    named = plan("POST", status_member="state")
    for body, outcome in (({"state": "Running"}, UnknownReason.UNTRUSTED), ({"state": "Ready"}, Succeeded)):
        assert run(named, reply(200, body, Location="file:///op")).outcome is outcome


@pytest.mark.parametrize("header", HEADERS)
def test_rule_16_a_word_of_the_caller_ends_a_document_with_any_members(header: str) -> None:
    """Also one that is no operation document, with 200 and 202, and a resource without a provisioning state."""
    words = plan("POST", terminal_words={"validationfailed": Verdict.FAILED})
    for status_code in (200, 202):
        last = reply(status_code, {"status": "ValidationFailed", "summary": {}})
        assert run(words, accepted(**{header: "/op"}), last).outcome is Failed
    put = words._replace(method="PUT")
    assert run(put, resource("Creating"), reply(200, {"status": "ValidationFailed", "sku": 1})).outcome is Failed
    assert run(put, resource("Creating"), reply(200, {"status": "Running", "sku": 1})).outcome is Succeeded
    both = reply(200, {"status": "ValidationFailed", "properties": {"provisioningState": "Succeeded"}})
    assert run(put, resource("Creating"), both).outcome is Succeeded


def test_rule_16_a_word_of_the_caller_ends_a_deletion_polled_at_its_resource() -> None:
    """No other word does: it may describe the creation."""
    deletion = plan("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI, terminal_words={"stuck": Verdict.FAILED})
    assert run(deletion, accepted(), resource("Failed"), resource("Stuck")).outcome is Failed
    named = deletion._replace(status_member="state")
    assert run(named, accepted(), resource("Stuck"), reply(200, {"state": "Stuck"})).outcome is Failed


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("status_code", [200, 202, 400, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize(("word", "end"), [("Running", Polling), ("Failed", Failed), ("Canceled", Canceled)])
def test_rule_48_the_member_decides_with_every_http_status(
    header: str, status_code: int, word: str, end: type[State]
) -> None:
    """Durable Functions answer 500 for a failed instance."""
    durable = plan("POST", status_member="runtimeStatus")
    answer = reply(status_code, {"name": "x", "instanceId": "x", "runtimeStatus": word, "output": "boom"})
    history = run(durable, accepted(**{header: "/op"}), reply(202, {"runtimeStatus": "Pending"}), answer)
    assert history.outcome is end
    assert history.delays == [1, 2]
    assert history.end.progress.status == word
    if end is Polling:
        assert history.next.next_request.delay.seconds == 4


def test_rule_48_the_member_decides_at_the_resource_too() -> None:
    """And in an initial answer; an unknown word runs."""
    named = plan("PUT", status_member="properties.state")
    ready = {"properties": {"state": "Ready", "provisioningState": "Succeeded"}}
    done = {"properties": {"state": "Succeeded", "provisioningState": "Updating"}}
    assert run(named, reply(200, ready), reply(202, done)).outcome is Succeeded
    assert run(named, resource("Creating"), resource("Succeeded")).outcome is Succeeded


@pytest.mark.parametrize("event", [reply(500, {"status": "Failed"}), reply(503), reply(307, Location="/2"), Drop()])
def test_rule_48_without_the_member_the_http_status_decides(event: Reply | Drop) -> None:
    """Also for a request without an answer, and for a redirect."""
    named = plan("POST", status_member="state")
    assert run(named, accepted(Location="/op"), event).outcome is Polling
    moved = reply(307, {"state": "Failed"}, Location="/2")
    assert run(named, accepted(Location="/op"), moved).next.next_request.url == url("/2")


CHOICES: dict[PatternName, str] = {
    "azure-async-operation": "Azure-AsyncOperation",
    "operation-location": "Operation-Location",
    "location": "Location",
    "resource": "resource",
}


def test_rule_47_a_pattern_has_a_name_for_callers() -> None:
    """That of its header."""
    assert {name: pattern.name for name, pattern in BY_CHOICE.items()} == CHOICES


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_rule_47_the_url_of_any_header_is_read_in_the_chosen_way(method: str, choice: PatternName, header: str) -> None:
    """Whichever header names it."""
    history = run(plan(method, pattern=choice), accepted(**{header: "/op"}))
    assert isinstance(history.end, Polling)
    assert (history.end.pattern.name, history.end.url) == (CHOICES[choice], OP)


def test_rule_47_the_header_of_the_chosen_pattern_comes_first() -> None:
    """Then the others in their order."""
    both = accepted(Azure_AsyncOperation="/1", Location="/2")
    assert run(plan("POST", pattern="location"), both).next.url == url("/2")
    assert run(plan("POST", pattern="operation-location"), both).next.url == url("/1")
    assert run(plan("POST"), both).next.url == url("/1")


@pytest.mark.parametrize("choice", ["azure-async-operation", "operation-location"])
def test_rule_47_a_status_behind_a_location_is_read_as_a_monitor(choice: PatternName) -> None:
    """An unknown word runs there, and the last document is the result unless it names another URL."""
    chosen = plan("POST", pattern=choice)
    running = reply(200, {"status": "Mystery", "size": 3}, Location="/op")
    history = run(chosen, accepted(Location="/op"), running, monitor("Succeeded", Location="/op"))
    assert history.urls == (OP, OP)
    assert isinstance(history.end, Succeeded)
    elsewhere = run(chosen, accepted(Location="/op"), monitor("Succeeded", Location="/result")).end
    assert isinstance(elsewhere, Fetching)
    assert elsewhere.url == url("/result")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("initial", [accepted(), resource("Succeeded", Location="/op"), resource("Creating", 201)])
def test_rule_47_the_chosen_resource_is_polled_at_its_own_url(method: str, initial: Reply) -> None:
    """A polling header says no more than that it runs."""
    history = run(plan(method, pattern="resource"), initial, resource("Updating"), resource("Succeeded"))
    assert history.urls == (RESOURCE, RESOURCE)
    assert history.outcome is Succeeded


def test_rule_47_a_chosen_resource_that_is_deleted_ends_by_404() -> None:
    """With and without a polling header."""
    deletion = plan("DELETE", pattern="resource")
    for initial in (accepted(), accepted(Location="/op"), reply(200, Location="/op")):
        history = run(deletion, initial, resource("Succeeded"), reply(404))
        assert (history.urls, history.outcome) == ((RESOURCE, RESOURCE), Succeeded)
    assert run(deletion, reply(204)).outcome is Succeeded


def test_rule_47_a_post_without_a_header_polls_the_chosen_resource() -> None:
    """Its own URL; with another pattern there is nowhere to poll."""
    assert run(plan("POST", pattern="resource"), accepted(), resource("Succeeded")).urls == (RESOURCE,)
    assert run(plan("GET", pattern="resource"), resource("Creating"), resource("Succeeded")).urls == (RESOURCE,)
    assert run(plan("POST", pattern="location"), accepted()).outcome is UnknownReason.MALFORMED


def test_rule_47_a_put_without_a_header_is_read_in_the_chosen_way() -> None:
    """At its own URL; its initial body is that of a resource."""
    chosen = plan("PUT", pattern="operation-location")
    assert run(chosen, accepted(), monitor("Running"), monitor("Failed")).outcome is Failed
    assert run(chosen, reply(201)).next.url == RESOURCE
    assert run(chosen, resource("Succeeded")).outcome is Succeeded
