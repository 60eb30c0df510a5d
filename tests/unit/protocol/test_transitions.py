"""Rules 18, 28, 29 and 32: stale URLs, what a DELETE deleted, the end, and the result."""

from __future__ import annotations

import json

import pytest

from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.reading import Reading
from azpoll.protocol.states import (
    Canceled,
    Confirming,
    Failed,
    Fetching,
    NextRequest,
    Polling,
    Succeeded,
    UnknownReason,
)
from azpoll.protocol.status_document import StatusReport, Verdict
from azpoll.protocol.transitions import conclude
from tests.support.protocol_rows import (
    HOST,
    RESOURCE,
    Event,
    Reply,
    accepted,
    plan,
    play,
    play_on,
    polling,
    reply,
    shown,
    told,
    url,
)

NEWER = told("Running", Azure_AsyncOperation="/2")
EVIL = "https://evil.example/3"
OP, TWO, THREE = url("/op"), url("/2"), url("/3")


@pytest.mark.parametrize("header", ["Azure_AsyncOperation", "Operation_Location"])
@pytest.mark.parametrize("initial", ["Azure_AsyncOperation", "Operation_Location"])
def test_rule_18_a_newer_monitor_url_is_used_next(initial: str, header: str) -> None:
    """Under either name; and it is kept when later answers name none."""
    newer = told("Running", **{header: "/2"})
    story = play(plan("POST"), accepted(**{initial: "/op"}), newer, told("Running"), told("Running"))
    assert story.asked == (OP, TWO, TWO)
    assert story.waits == [1, 2, 4]


def test_rule_18_azure_async_operation_comes_before_operation_location() -> None:
    """As rule 2 has it."""
    newer = told("Running", Operation_Location="/3", Azure_AsyncOperation="/2")
    assert play_on(polling(), newer).next.url == TWO


def test_rule_18_a_location_does_not_lead_a_monitor_away() -> None:
    """It is for the final GET."""
    assert play_on(polling(), told("Running", Location="/2"), told("Running")).asked == (OP, OP)


@pytest.mark.parametrize("status_code", [404, 410])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_rule_18_a_refreshed_url_that_answers_404_at_first_use_is_left_again(method: str, status_code: int) -> None:
    """Resource Mover: back to the last one that worked, in the schedule, and with no miss counted."""
    story = play_on(polling(method), NEWER, reply(status_code, Retry_After="7"), NEWER, told("Running"))
    assert story.asked == (OP, TWO, OP, OP)
    assert story.waits[2] == 7
    assert isinstance(back := story.states[2], Polling)
    assert (back.failure_counts.misses, back.stale) == (0, TWO)


def test_rule_18_the_first_use_is_that_of_the_first_answer() -> None:
    """A lost connection or a 503 in between is none."""
    story = play_on(polling(), NEWER, reply(503), reply(401), reply(404), told("Running"))
    assert story.asked == (OP, TWO, TWO, TWO, OP)


def test_rule_18_a_url_that_worked_once_is_kept() -> None:
    """A 404 there is one of rule 27."""
    story = play_on(polling(), NEWER, told("Running"), reply(404), told("Running"))
    assert story.asked == (OP, TWO, TWO, TWO)
    assert story.outcome is Polling


def test_rule_18_another_new_url_is_tried_after_a_stale_one() -> None:
    """Only the one that failed is avoided; relative or absolute, it is the same."""
    named = [
        NEWER,
        reply(404),
        told("Running", Azure_AsyncOperation=f"{HOST}/2"),
        told("Running", Operation_Location="3"),
    ]
    story = play_on(polling(), *named, reply(404), told("Running"))
    assert story.asked == (OP, TWO, OP, OP, THREE, OP)
    again = told("Running", Azure_AsyncOperation=OP)
    assert play_on(polling(), again, again).asked == (OP, OP)


def test_rule_18_a_stale_url_is_not_tried_again_however_often_it_is_named() -> None:
    """Each answer of such a service names it."""
    assert play_on(polling(), NEWER, reply(404), NEWER, NEWER, NEWER, NEWER).asked == (OP, TWO, OP, OP, OP, OP)


def test_rule_8_a_later_url_that_is_none_leaves_the_polling_url() -> None:
    """There the operation can be taken up."""
    unknown = play_on(polling(), told("Running", Azure_AsyncOperation="/a b")).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert unknown.last is not None
    assert (unknown.last.url, unknown.last.next_request.url) == (OP, OP)


def test_rule_18_a_url_that_is_named_in_each_answer_is_no_newer_one() -> None:
    """Relative or absolute: the schedule goes on, and its first use is over."""
    story = play_on(polling(), NEWER, NEWER, NEWER, reply(404), NEWER)
    assert story.asked == (OP, TWO, TWO, TWO, TWO)
    assert story.waits == [1, 2, 4, 8, 1]
    assert isinstance(story.end, Polling)
    assert story.end.fallback is None


def test_rule_18_an_end_that_a_newer_url_tells_at_its_first_use_keeps_the_way_back() -> None:
    """It is in the token by which what has failed can be asked again."""
    failed = play_on(polling(), NEWER, told("Failed")).end
    assert isinstance(failed, Failed)
    assert (failed.last.url, failed.last.fallback) == (TWO, OP)


def test_rule_18_two_urls_that_are_gone_end_by_rule_27() -> None:
    """Going back is done once."""
    story = play_on(polling(), NEWER, reply(404), *[reply(404, Retry_After="30")] * 5)
    assert story.asked[2:] == (OP,) * 5
    assert story.outcome is UnknownReason.NOT_FOUND


@pytest.mark.parametrize("status_code", [404, 410])
@pytest.mark.parametrize("confirmed", [404, 410])
@pytest.mark.parametrize("initial", [accepted(Azure_AsyncOperation="/op"), accepted(Location="/op")])
def test_rule_28_a_404_on_delete_is_confirmed_at_the_resource(initial: Reply, status_code: int, confirmed: int) -> None:
    """404 or 410 there is success, with the empty result of a DELETE."""
    story = play(plan("DELETE"), initial, reply(status_code), reply(confirmed, {"error": {"code": "NotFound"}}, a="b"))
    assert story.asked == (OP, RESOURCE)
    assert story.waits == [1, 0]
    assert isinstance(story.end, Succeeded)
    assert (story.end.answer.status_code, story.end.answer.body, story.end.answer.headers) == (204, b"", {})


def test_rule_28_the_result_of_a_delete_keeps_nothing_of_the_404() -> None:
    """Neither in headers nor in raw headers, from which a response is rebuilt."""
    confirming = play_on(polling("DELETE"), reply(404)).next
    outcome = reply(404, b"x", a="b").to(RESOURCE, 5.0)._replace(raw_headers=((b"A", b"b"),))
    end = advance(confirming, outcome)
    assert isinstance(end, Succeeded)
    assert (end.answer.raw_headers, end.answer.headers, end.answer.at_s) == ((), {}, 5.0)


def test_rule_41_a_delete_that_ends_by_a_404_keeps_what_was_told_before() -> None:
    """The 404 does not replace it."""
    story = play_on(polling("DELETE"), told("Deleting"), reply(404), reply(404))
    assert isinstance(story.end, Succeeded)
    assert story.end.progress.status == "Deleting"


def test_rule_28_a_404_of_the_resource_itself_needs_no_confirmation() -> None:
    """A Location may be the resource URL."""
    story = play(plan("DELETE"), accepted(Location=RESOURCE), accepted(), reply(404))
    assert story.outcome is Succeeded
    assert story.asked == (RESOURCE, RESOURCE)


@pytest.mark.parametrize("there", [reply(200), shown("Deleting"), reply(204), accepted(), reply(403), reply(400)])
def test_rule_28_a_resource_that_is_still_there_is_polled_by_rule_27(there: Reply) -> None:
    """At the status URL again, for 60 s and 5 tries; a DELETE never succeeds by losing its status alone."""
    story = play_on(polling("DELETE"), *[reply(404), there] * 3, told("Running"))
    assert story.asked == (OP, RESOURCE) * 3 + (OP,)
    assert story.waits == [1, 0, 1, 0, 2, 0, 4]
    unknown = play_on(
        polling("DELETE"), *[reply(404), Reply(there.status_code, headers={"retry-after": "60"})] * 5
    ).unknown
    assert unknown.reason is (UnknownReason.FORBIDDEN if there.status_code == 403 else UnknownReason.NOT_FOUND)
    assert isinstance(unknown.last, Polling)
    if unknown.reason is UnknownReason.NOT_FOUND:
        assert "the resource" in unknown.detail
        assert "nothing is found there" not in unknown.detail


@pytest.mark.parametrize("trouble", [reply(503), reply(401), reply(307, Location=RESOURCE), reply(304)])
def test_rule_28_a_confirmation_that_fails_is_repeated(trouble: Reply) -> None:
    """Its failure says nothing of the DELETE."""
    story = play_on(polling("DELETE"), reply(404), trouble, reply(404))
    assert story.asked == (OP, RESOURCE, RESOURCE)
    assert story.outcome is Succeeded


@pytest.mark.parametrize(("value", "wait"), [("5", 5), ("0", 0), ("99999", 3600)])
def test_rule_36_a_confirmation_is_not_sent_before_the_404_allows(value: str, wait: float) -> None:
    """Else the poll after it would come before the Retry-After."""
    state = play_on(polling("DELETE"), reply(404, Retry_After=value)).end
    assert isinstance(state, Confirming)
    assert state.next_request.delay.seconds == wait


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "GET"])
def test_rule_28_no_other_method_succeeds_by_a_404(method: str) -> None:
    """Nor at the resource itself."""
    for initial in (accepted(Azure_AsyncOperation="/op"), accepted(Location=RESOURCE)):
        story = play(plan(method), initial, *[reply(404, Retry_After="30")] * 5)
        assert RESOURCE not in story.asked or initial.headers == {"location": RESOURCE}
        assert story.outcome is UnknownReason.NOT_FOUND


@pytest.mark.parametrize("end", [told("Succeeded"), told("Failed"), told("Canceled"), reply(400)])
def test_rule_29_a_terminal_state_is_of_the_answer_that_made_it(end: Reply) -> None:
    """It names no next request, and keeps the progress of earlier answers."""
    first = reply(200, {"status": "Running", "percentComplete": 40, "startTime": "then"})
    story = play_on(polling("POST"), first, end)
    assert not hasattr(story.end, "ask")
    progress = story.unknown.progress if end.status_code == 400 else story.end.progress
    assert (progress.percent_complete, progress.start_time) == (40, "then")


@pytest.mark.parametrize("word", ["Failed", "Canceled"])
def test_rule_29_a_failure_or_cancellation_keeps_its_polling_url_and_its_answer(word: str) -> None:
    """So that it can be looked at again."""
    end = play_on(polling("POST"), told("Running"), told(word)).end
    assert isinstance(end, Failed | Canceled)
    assert (end.last.url, end.last.progress, end.progress.status) == (OP, end.progress, word)
    assert json.loads(end.answer.body) == {"status": word}


def test_rule_32_a_final_get_that_answers_202_is_polled_on() -> None:
    """At its newest Location, in the schedule; Application Gateway."""
    answers = (told("Succeeded"), accepted(Retry_After="9"), accepted(Location="/3"), accepted(), reply(200, {"a": 1}))
    story = play(plan("POST"), accepted(Azure_AsyncOperation="/op", Location="/2"), *answers)
    assert story.asked == (OP, TWO, TWO, THREE, THREE)
    assert story.waits == [1, 0, 9, 1, 2]
    assert isinstance(story.end, Succeeded)
    assert story.end.answer.body == b'{"a": 1}'
    assert story.end.progress.status == "Succeeded"


@pytest.mark.parametrize("outcome", [reply(200), reply(204), reply(201, ["x"]), reply(200, b"text"), shown("Failed")])
def test_rule_32_whatever_else_is_readable_is_the_result(outcome: Reply) -> None:
    """The service has said that the operation succeeded."""
    end = play_on(polling(), told("Succeeded"), outcome).end
    assert isinstance(end, Succeeded)
    assert end.answer.body == outcome.body


def test_rule_32_a_result_that_is_no_json_is_asked_for_again() -> None:
    """HTML, or cut JSON."""
    story = play_on(polling(), told("Succeeded"), reply(200, b"<html>"), reply(200, b'{"a": '), reply(200, {"a": 1}))
    assert story.asked == (OP, RESOURCE, RESOURCE, RESOURCE)
    assert story.waits == [1, 0, 1, 2]
    assert story.outcome is Succeeded


def test_rule_9_a_later_location_of_a_result_is_checked() -> None:
    """As every URL is; who trusts it after all can resume there."""
    unknown = play_on(polling(), told("Succeeded"), accepted(Location=EVIL)).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert isinstance(unknown.last, Fetching)
    assert (unknown.last.url, unknown.last.next_request) == (EVIL, NextRequest(EVIL, Delay(0, by_server=True)))


def test_rule_9_a_rejected_polling_url_can_be_resumed_after_the_retry_after() -> None:
    """Else the first poll after the resumption would come early."""
    unknown = play_on(polling(), told("Running", Azure_AsyncOperation=EVIL, Retry_After="17")).unknown
    assert isinstance(unknown.last, Polling)
    assert (unknown.last.url, unknown.last.next_request) == (EVIL, NextRequest(EVIL, Delay(17, by_server=True)))


def test_rule_32_a_result_that_is_not_there_yet_is_no_failure() -> None:
    """The count of rule 25 starts anew."""
    story = play_on(polling(), told("Succeeded"), *[reply(503, Retry_After="600")] * 9, accepted(), reply(503))
    assert isinstance(story.end, Fetching)
    assert story.end.failure_counts.failures == 1


def test_rule_32_a_result_that_is_not_found_has_the_grace_of_rule_27() -> None:
    """Then the error says that the operation itself succeeded; a resource may be invisible at first."""
    story = play_on(polling(), told("Succeeded"), *[reply(404)] * 3, reply(200))
    assert story.outcome is Succeeded
    unknown = play_on(polling(), told("Succeeded"), *[reply(404, Retry_After="30")] * 5).unknown
    assert unknown.reason is UnknownReason.NOT_FOUND
    assert "the operation succeeded" in unknown.detail
    assert isinstance(unknown.last, Fetching)


@pytest.mark.parametrize("via", [FinalStateVia.LOCATION, FinalStateVia.ORIGINAL_URI])
def test_rule_28_the_result_of_a_delete_that_is_gone_is_none(via: FinalStateVia) -> None:
    """Its operation has succeeded before."""
    initial = accepted(Azure_AsyncOperation="/op", Location="/2")
    end = play(plan("DELETE", final_state_via=via), initial, told("Succeeded"), reply(404)).end
    assert isinstance(end, Succeeded)
    assert end.answer.status_code == 204


@pytest.mark.parametrize("event", [told("Succeeded"), reply(200), reply(204)])
def test_rule_29_no_request_follows_the_final_get(event: Event) -> None:
    """There is one."""
    story = play_on(polling(), told("Succeeded"), event)
    assert story.outcome is Succeeded
    assert story.asked == (OP, RESOURCE)


def test_an_unreadable_answer_settles_nothing() -> None:
    """Callers have to look before."""
    outcome = reply(200).to(OP, 0.0)
    state = start(plan(), accepted(Location="/op").to(RESOURCE, 0.0, "PUT"))
    assert isinstance(state, Polling)
    with pytest.raises(AssertionError, match="concludes nothing"):
        conclude(state, Reading(outcome), StatusReport(Verdict.UNREADABLE, problem="it is not"))
