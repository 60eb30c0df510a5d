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
    monitor,
    plan,
    polling,
    reply,
    resource,
    run,
    run_from,
    url,
)

NEWER = monitor("Running", Azure_AsyncOperation="/2")
EVIL = "https://evil.example/3"
OP, TWO, THREE = url("/op"), url("/2"), url("/3")


@pytest.mark.parametrize("header", ["Azure_AsyncOperation", "Operation_Location"])
@pytest.mark.parametrize("initial", ["Azure_AsyncOperation", "Operation_Location"])
def test_rule_18_a_newer_monitor_url_is_used_next(initial: str, header: str) -> None:
    """Under either name; and it is kept when later answers name none."""
    newer = monitor("Running", **{header: "/2"})
    history = run(plan("POST"), accepted(**{initial: "/op"}), newer, monitor("Running"), monitor("Running"))
    assert history.urls == (OP, TWO, TWO)
    assert history.delays == [1, 2, 4]


def test_rule_18_azure_async_operation_comes_before_operation_location() -> None:
    """As rule 2 has it."""
    newer = monitor("Running", Operation_Location="/3", Azure_AsyncOperation="/2")
    assert run_from(polling(), newer).next.url == TWO


def test_rule_18_a_location_does_not_lead_a_monitor_away() -> None:
    """It is for the final GET."""
    assert run_from(polling(), monitor("Running", Location="/2"), monitor("Running")).urls == (OP, OP)


@pytest.mark.parametrize("status_code", [404, 410])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_rule_18_a_refreshed_url_that_answers_404_at_first_use_is_left_again(method: str, status_code: int) -> None:
    """Resource Mover: back to the last one that worked, in the schedule, and with no miss counted."""
    history = run_from(polling(method), NEWER, reply(status_code, Retry_After="7"), NEWER, monitor("Running"))
    assert history.urls == (OP, TWO, OP, OP)
    assert history.delays[2] == 7
    assert isinstance(back := history.states[2], Polling)
    assert (back.failure_counts.misses, back.stale) == (0, TWO)


def test_rule_18_the_first_use_is_that_of_the_first_answer() -> None:
    """A lost connection or a 503 in between is none."""
    history = run_from(polling(), NEWER, reply(503), reply(401), reply(404), monitor("Running"))
    assert history.urls == (OP, TWO, TWO, TWO, OP)


def test_rule_18_a_url_that_worked_once_is_kept() -> None:
    """A 404 there is one of rule 27."""
    history = run_from(polling(), NEWER, monitor("Running"), reply(404), monitor("Running"))
    assert history.urls == (OP, TWO, TWO, TWO)
    assert history.outcome is Polling


def test_rule_18_another_new_url_is_tried_after_a_stale_one() -> None:
    """Only the one that failed is avoided; relative or absolute, it is the same."""
    named = [
        NEWER,
        reply(404),
        monitor("Running", Azure_AsyncOperation=f"{HOST}/2"),
        monitor("Running", Operation_Location="3"),
    ]
    history = run_from(polling(), *named, reply(404), monitor("Running"))
    assert history.urls == (OP, TWO, OP, OP, THREE, OP)
    again = monitor("Running", Azure_AsyncOperation=OP)
    assert run_from(polling(), again, again).urls == (OP, OP)


def test_rule_18_a_stale_url_is_not_tried_again_however_often_it_is_named() -> None:
    """Each answer of such a service names it."""
    assert run_from(polling(), NEWER, reply(404), NEWER, NEWER, NEWER, NEWER).urls == (OP, TWO, OP, OP, OP, OP)


def test_rule_8_an_invalid_later_url_keeps_the_polling_url() -> None:
    """There the operation can be taken up."""
    unknown = run_from(polling(), monitor("Running", Azure_AsyncOperation="//a b/")).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert unknown.last is not None
    assert (unknown.last.url, unknown.last.next_request.url) == (OP, OP)


def test_rule_8_a_malformed_later_url_gives_way_to_the_next_header() -> None:
    """As in the initial answer."""
    both = monitor("Running", Azure_AsyncOperation="//a b/", Operation_Location="/2")
    assert run_from(polling(), both, monitor("Running")).urls == (OP, TWO)


def test_rule_18_a_url_that_is_named_in_each_answer_is_no_newer_one() -> None:
    """Relative or absolute: the schedule goes on, and its first use is over."""
    history = run_from(polling(), NEWER, NEWER, NEWER, reply(404), NEWER)
    assert history.urls == (OP, TWO, TWO, TWO, TWO)
    assert history.delays == [1, 2, 4, 8, 1]
    assert isinstance(history.end, Polling)
    assert history.end.fallback is None


def test_rule_18_an_end_at_the_first_use_of_a_newer_url_keeps_the_old_one() -> None:
    """It is in the token by which what has failed can be asked again."""
    failed = run_from(polling(), NEWER, monitor("Failed")).end
    assert isinstance(failed, Failed)
    assert (failed.last.url, failed.last.fallback) == (TWO, OP)
    failed = run_from(polling(), NEWER, reply(404), monitor("Failed")).end
    assert isinstance(failed, Failed)
    assert (failed.last.url, failed.last.stale) == (OP, TWO)


def test_rule_18_two_urls_that_are_gone_end_by_rule_27() -> None:
    """Going back is done once."""
    history = run_from(polling(), NEWER, reply(404), *[reply(404, Retry_After="30")] * 5)
    assert history.urls[2:] == (OP,) * 5
    assert history.outcome is UnknownReason.NOT_FOUND


@pytest.mark.parametrize("status_code", [404, 410])
@pytest.mark.parametrize("confirmed", [404, 410])
@pytest.mark.parametrize("initial", [accepted(Azure_AsyncOperation="/op"), accepted(Location="/op")])
def test_rule_28_a_404_on_delete_is_confirmed_at_the_resource(initial: Reply, status_code: int, confirmed: int) -> None:
    """404 or 410 there is success, with the empty result of a DELETE. The GET waits for the floor."""
    history = run(plan("DELETE"), initial, reply(status_code), reply(confirmed, {"error": {"code": "NotFound"}}, a="b"))
    assert history.urls == (OP, RESOURCE)
    assert history.delays == [1, 1]
    assert isinstance(history.end, Succeeded)
    assert (history.end.answer.status_code, history.end.answer.body, history.end.answer.headers) == (204, b"", {})


def test_rule_28_the_result_of_a_delete_does_not_keep_the_404() -> None:
    """Neither in headers nor in raw headers, from which a response is rebuilt."""
    confirming = run_from(polling("DELETE"), reply(404)).next
    outcome = reply(404, b"x", a="b").to(RESOURCE, 5.0)._replace(raw_headers=((b"A", b"b"),))
    end = advance(confirming, outcome)
    assert isinstance(end, Succeeded)
    assert (end.answer.raw_headers, end.answer.headers, end.answer.at_s) == ((), {}, 5.0)


def test_rule_41_a_delete_that_ends_by_a_404_keeps_the_progress() -> None:
    """The 404 does not replace it."""
    history = run_from(polling("DELETE"), monitor("Deleting"), reply(404), reply(404))
    assert isinstance(history.end, Succeeded)
    assert history.end.progress.status == "Deleting"


def test_rule_28_a_404_of_the_resource_itself_needs_no_confirmation() -> None:
    """A Location may be the resource URL."""
    history = run(plan("DELETE"), accepted(Location=RESOURCE), accepted(), reply(404))
    assert history.outcome is Succeeded
    assert history.urls == (RESOURCE, RESOURCE)


@pytest.mark.parametrize("there", [reply(200), resource("Updating"), reply(204), accepted(), reply(403), reply(400)])
def test_rule_28_a_resource_that_still_exists_is_polled_by_rule_27(there: Reply) -> None:
    """At the status URL again, for 60 s and 5 tries; a DELETE never succeeds by losing its status alone."""
    history = run_from(polling("DELETE"), *[reply(404), there] * 3, monitor("Running"))
    assert history.urls == (OP, RESOURCE) * 3 + (OP,)
    assert history.delays == [1, 1, 1, 1, 2, 1, 4]
    unknown = run_from(
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
    history = run_from(polling("DELETE"), reply(404), trouble, reply(404))
    assert history.urls == (OP, RESOURCE, RESOURCE)
    assert history.outcome is Succeeded


@pytest.mark.parametrize(("value", "wait"), [("5", 5), ("0", 1), ("99999", 3600)])
def test_rule_36_a_confirmation_is_not_sent_before_the_404_allows(value: str, wait: float) -> None:
    """Else the poll after it would come before the Retry-After."""
    state = run_from(polling("DELETE"), reply(404, Retry_After=value)).end
    assert isinstance(state, Confirming)
    assert state.next_request.delay == Delay(wait, by_server=True)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "GET"])
def test_rule_28_no_other_method_succeeds_by_a_404(method: str) -> None:
    """Nor at the resource itself."""
    for initial in (accepted(Azure_AsyncOperation="/op"), accepted(Location=RESOURCE)):
        history = run(plan(method), initial, *[reply(404, Retry_After="30")] * 5)
        assert RESOURCE not in history.urls or initial.headers == {"location": RESOURCE}
        assert history.outcome is UnknownReason.NOT_FOUND


@pytest.mark.parametrize("end", [monitor("Succeeded"), monitor("Failed"), monitor("Canceled"), reply(400)])
def test_rule_29_a_terminal_state_is_of_the_answer_that_made_it(end: Reply) -> None:
    """It names no next request, and keeps the progress of earlier answers."""
    first = reply(200, {"status": "Running", "percentComplete": 40, "startTime": "then"})
    history = run_from(polling("POST"), first, end)
    assert not hasattr(history.end, "ask")
    progress = history.unknown.progress if end.status_code == 400 else history.end.progress
    assert (progress.percent_complete, progress.start_time) == (40, "then")


@pytest.mark.parametrize("word", ["Failed", "Canceled"])
def test_rule_29_a_failure_or_cancellation_keeps_its_polling_url_and_its_answer(word: str) -> None:
    """So that it can be looked at again."""
    end = run_from(polling("POST"), monitor("Running"), monitor(word)).end
    assert isinstance(end, Failed | Canceled)
    assert (end.last.url, end.last.progress, end.progress.status) == (OP, end.progress, word)
    assert json.loads(end.answer.body) == {"status": word}


def test_rule_32_a_final_get_that_answers_202_is_polled_on() -> None:
    """At its newest Location, in the schedule; Application Gateway."""
    answers = (
        monitor("Succeeded"),
        accepted(Retry_After="9"),
        accepted(Location="/3"),
        accepted(),
        reply(200, {"a": 1}),
    )
    history = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location="/2"), *answers)
    assert history.urls == (OP, TWO, TWO, THREE, THREE)
    assert history.delays == [1, 0, 9, 1, 2]
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.body == b'{"a": 1}'
    assert history.end.progress.status == "Succeeded"


@pytest.mark.parametrize(
    "outcome", [reply(200), reply(204), reply(201, ["x"]), reply(200, b"text"), resource("Failed")]
)
def test_rule_32_any_other_readable_answer_is_the_result(outcome: Reply) -> None:
    """The service has said that the operation succeeded."""
    end = run_from(polling(), monitor("Succeeded"), outcome).end
    assert isinstance(end, Succeeded)
    assert end.answer.body == outcome.body


def test_rule_32_a_result_that_is_not_json_is_requested_again() -> None:
    """HTML, or cut JSON."""
    history = run_from(
        polling(), monitor("Succeeded"), reply(200, b"<html>"), reply(200, b'{"a": '), reply(200, {"a": 1})
    )
    assert history.urls == (OP, RESOURCE, RESOURCE, RESOURCE)
    assert history.delays == [1, 0, 1, 2]
    assert history.outcome is Succeeded


def test_rule_9_a_later_location_of_a_result_is_checked() -> None:
    """As every URL is; who trusts it after all can resume there."""
    unknown = run_from(polling(), monitor("Succeeded"), accepted(Location=EVIL)).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert isinstance(unknown.last, Fetching)
    assert (unknown.last.url, unknown.last.next_request) == (EVIL, NextRequest(EVIL, Delay(0, by_server=True)))


def test_rule_9_a_rejected_polling_url_can_be_resumed_after_the_retry_after() -> None:
    """Else the first poll after the resumption would come early."""
    unknown = run_from(polling(), monitor("Running", Azure_AsyncOperation=EVIL, Retry_After="17")).unknown
    assert isinstance(unknown.last, Polling)
    assert (unknown.last.url, unknown.last.next_request) == (EVIL, NextRequest(EVIL, Delay(17, by_server=True)))


def test_rule_32_a_result_that_is_not_available_yet_is_not_a_failure() -> None:
    """The count of rule 25 starts anew."""
    history = run_from(polling(), monitor("Succeeded"), *[reply(503, Retry_After="600")] * 9, accepted(), reply(503))
    assert isinstance(history.end, Fetching)
    assert history.end.failure_counts.failures == 1


def test_rule_32_a_result_that_is_not_found_has_the_grace_of_rule_27() -> None:
    """Then the error says that the operation itself succeeded; a resource may be invisible at first."""
    history = run_from(polling(), monitor("Succeeded"), *[reply(404)] * 3, reply(200))
    assert history.outcome is Succeeded
    unknown = run_from(polling(), monitor("Succeeded"), *[reply(404, Retry_After="30")] * 5).unknown
    assert unknown.reason is UnknownReason.NOT_FOUND
    assert "the operation succeeded" in unknown.detail
    assert isinstance(unknown.last, Fetching)


@pytest.mark.parametrize("via", [FinalStateVia.LOCATION, FinalStateVia.ORIGINAL_URI])
def test_rule_28_a_deleted_result_of_a_delete_is_an_empty_success(via: FinalStateVia) -> None:
    """Its operation has succeeded before."""
    initial = accepted(Azure_AsyncOperation="/op", Location="/2")
    end = run(plan("DELETE", final_state_via=via), initial, monitor("Succeeded"), reply(404)).end
    assert isinstance(end, Succeeded)
    assert end.answer.status_code == 204


@pytest.mark.parametrize("event", [monitor("Succeeded"), reply(200), reply(204)])
def test_rule_29_no_request_follows_the_final_get(event: Event) -> None:
    """There is one."""
    history = run_from(polling(), monitor("Succeeded"), event)
    assert history.outcome is Succeeded
    assert history.urls == (OP, RESOURCE)


def test_conclude_rejects_an_unreadable_answer() -> None:
    """Callers have to look before."""
    outcome = reply(200).to(OP, 0.0)
    state = start(plan(), accepted(Location="/op").to(RESOURCE, 0.0, "PUT"))
    assert isinstance(state, Polling)
    with pytest.raises(AssertionError, match="concludes nothing"):
        conclude(state, Reading(outcome), StatusReport(Verdict.UNREADABLE, problem="it is not"))
