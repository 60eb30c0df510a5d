"""Rule 53: initial requests that no 2xx answered, and what their resource says about them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.machine import start
from azpoll.protocol.not_accepted import resource_polling
from azpoll.protocol.patterns import UNANSWERED
from azpoll.protocol.states import Canceled, Failed, Polling, Succeeded, Unknown, UnknownReason
from azpoll.protocol.status_document import Verdict
from tests.support.protocol_rows import (
    NOON,
    RESOURCE,
    History,
    Reply,
    accepted,
    plan,
    reply,
    resource,
    run_from,
)

if TYPE_CHECKING:
    from azpoll.protocol.states import State

CHANGES = pytest.mark.parametrize("method", ["PUT", "PATCH"])
PAGE = b"<!DOCTYPE html><html></html>"
IN_DOUBT = "the service may have executed the initial request or not, and the resource does not tell"
LOOK = "Look at the resource, which is the response of this error"
LATER, EARLIER = (NOON + timedelta(days=1)).isoformat(), (NOON - timedelta(days=1)).isoformat()


def polling(method: str = "PUT", **changes: object) -> Polling:
    state = resource_polling(plan(method, sent_s=0.0, **changes))
    assert state is not None
    return state


def polled(state: Polling, *replies: Reply) -> History:
    return run_from(state, *replies)


def at(modified: str, word: str | None = None) -> Reply:
    """Return a resource with the time of its last change, and a provisioning state if a word is given."""
    properties = {} if word is None else {"provisioningState": word}
    return reply(200, {"properties": properties, "systemData": {"lastModifiedAt": modified}})


def repeated(method: str, answer: Reply, *, sent_s: float | None = 0.0) -> State:
    """Return the state after the answer to a repetition."""
    operation = plan(method, sent_s=sent_s)
    return start(operation, answer.to(RESOURCE, 5.0, method), repeated=True)


# The answer to a repetition


@pytest.mark.parametrize("status_code", [404, 410])
def test_rule_53_a_repeated_delete_that_finds_nothing_succeeded(status_code: int) -> None:
    """Its result is that of an immediate DELETE."""
    state = repeated("DELETE", reply(status_code, {"error": {"code": "ResourceNotFound"}}))
    assert isinstance(state, Succeeded)
    assert (state.answer.status_code, state.answer.body, state.answer.headers) == (204, b"", {})


@CHANGES
@pytest.mark.parametrize("status_code", [409, 412])
def test_rule_53_a_repeated_put_that_finds_a_change_polls_the_resource(method: str, status_code: int) -> None:
    """The first one may have been accepted; after it, a condition on the ETag no longer holds."""
    state = repeated(method, reply(status_code, {"error": {"code": "Conflict"}}, Retry_After="7"))
    assert isinstance(state, Polling)
    assert (state.pattern, state.url, state.next_request.delay.seconds) == (UNANSWERED, RESOURCE, 7)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("DELETE", reply(404, PAGE)),
        ("DELETE", reply(409, {"error": {"code": "ScopeLocked"}})),
        ("DELETE", reply(412)),
        ("PUT", reply(409, PAGE)),
        ("PUT", reply(404)),
        ("PUT", reply(400)),
        ("PATCH", reply(403)),
        ("PUT", reply(503)),
    ],
)
def test_any_other_refusal_of_a_repetition_leaves_the_resource_to_poll(method: str, answer: Reply) -> None:
    """A gateway's page says nothing of the resource. A 409 to a DELETE may be a lock, so its reason is raised."""
    state = repeated(method, answer)
    assert isinstance(state, Unknown)
    assert state.reason is UnknownReason.NOT_STARTED
    assert isinstance(state.last, Polling)
    assert state.last.pattern is UNANSWERED


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("status_code", [404, 409, 412, 503])
def test_without_a_resource_there_is_nothing_to_poll(method: str, status_code: int) -> None:
    state = repeated(method, reply(status_code))
    assert isinstance(state, Unknown)
    assert state.last is None
    assert resource_polling(plan(method, sent_s=0.0)) is None


@pytest.mark.parametrize(("method", "status_code"), [("DELETE", 404), ("PUT", 409), ("PATCH", 412)])
def test_the_first_attempt_means_what_it_says(method: str, status_code: int) -> None:
    """Also after a 429, which was not executed."""
    state = start(plan(method), reply(status_code).to(RESOURCE, 0.0, method))
    assert isinstance(state, Unknown)
    assert (state.reason, state.last) == (UnknownReason.NOT_STARTED, None)


def test_an_accepted_repetition_is_tracked_as_any_request() -> None:
    state = repeated("PUT", resource("Succeeded"), sent_s=None)
    assert isinstance(state, Succeeded)


# The resource of a PUT or PATCH


@CHANGES
@pytest.mark.parametrize("word", ["Succeeded", "Failed", "Canceled"])
@pytest.mark.parametrize("modified", [None, EARLIER])
def test_rule_53_a_state_that_may_be_old_ends_no_put_or_patch(method: str, word: str, modified: str | None) -> None:
    """It is unknown immediately, with the resource attached; it can be resumed."""
    answer = resource(word) if modified is None else at(modified, word)
    unknown = polled(polling(method), answer).unknown
    assert unknown.reason is UnknownReason.UNATTRIBUTED
    assert unknown.answer is not None
    assert unknown.answer.body == answer.body
    assert unknown.progress.status == word
    assert unknown.detail == f"{IN_DOUBT}: systemData.lastModifiedAt names no time after the request"
    assert unknown.advice == LOOK
    assert isinstance(unknown.last, Polling)
    assert unknown.last.pattern is UNANSWERED


@CHANGES
@pytest.mark.parametrize(
    ("word", "end"), [("Succeeded", Succeeded), ("Failed", Failed), ("Canceled", Canceled), (None, Succeeded)]
)
def test_rule_53_a_resource_modified_after_the_request_decides(method: str, word: str | None, end: type[State]) -> None:
    assert polled(polling(method), at(LATER, word)).outcome is end


@CHANGES
def test_a_resource_without_a_provisioning_state_may_be_old(method: str) -> None:
    for answer in (reply(200, {"id": "/vm"}), at(EARLIER), reply(200), reply(204)):
        assert polled(polling(method), answer).outcome is UnknownReason.UNATTRIBUTED


@CHANGES
def test_a_running_resource_is_polled_until_it_has_ended(method: str) -> None:
    """A change that runs may be another client's, so its end is in doubt too."""
    running = (resource("Updating"), accepted(), at(EARLIER, "Updating"))
    assert polled(polling(method), *running).outcome is Polling
    assert polled(polling(method), *running, at(LATER, "Succeeded")).outcome is Succeeded
    assert polled(polling(method), *running, resource("Succeeded")).outcome is UnknownReason.UNATTRIBUTED


def test_rule_36_a_resource_without_an_answer_is_polled_in_the_usual_schedule() -> None:
    history = polled(polling(), *[resource("Updating")] * 4)
    assert (history.urls, history.delays) == ((RESOURCE,) * 4, [1, 2, 4, 8])


def test_a_resource_that_is_not_found_has_the_time_of_rule_27() -> None:
    """A PUT that was accepted may not be visible yet."""
    assert polled(polling(), *[reply(404)] * 3, at(LATER, "Succeeded")).outcome is Succeeded
    assert polled(polling(), *[reply(404)] * 7).outcome is UnknownReason.NOT_FOUND


def test_broken_answers_are_polled_again() -> None:
    assert polled(polling(), reply(200, PAGE), reply(200, b"{"), reply(503)).outcome is Polling


def test_the_words_of_the_caller_count_only_for_a_resource_that_was_modified() -> None:
    state = polling(status_member="state", terminal_words={"ready": Verdict.SUCCEEDED})
    assert polled(state, reply(200, {"state": "Ready"})).outcome is UnknownReason.UNATTRIBUTED
    changed = reply(200, {"state": "Ready", "systemData": {"lastModifiedAt": LATER}})
    assert polled(state, changed).outcome is Succeeded


@pytest.mark.parametrize("via", ["original-uri", "azure-async-operation", "location"])
def test_the_resource_is_the_result(via: str) -> None:
    """`final_state_via` may name a place that is not known here."""
    history = polled(polling(final_state_via=via), at(LATER, "Succeeded"))
    assert history.outcome is Succeeded


# The resource of a DELETE


@pytest.mark.parametrize("status_code", [404, 410])
def test_rule_53_a_deletion_without_an_answer_ends_when_the_resource_is_gone(status_code: int) -> None:
    history = polled(polling("DELETE"), resource("Deleting"), resource("Succeeded"), reply(status_code))
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.status_code == 204


def test_a_resource_that_says_deleting_is_polled_on() -> None:
    assert polled(polling("DELETE"), *[resource("Deleting")] * 50).outcome is Polling


@pytest.mark.parametrize("answer", [resource("Succeeded"), resource("Failed"), at(LATER, "Succeeded"), reply(200)])
def test_a_resource_that_stays_has_the_time_of_rule_27_to_disappear(answer: Reply) -> None:
    """The DELETE may not be visible yet. After five such answers and 60 s it is not known whether it was executed."""
    assert polled(polling("DELETE"), *[answer] * 6).outcome is Polling
    ended = polled(polling("DELETE"), *[answer] * 7)
    assert ended.outcome is UnknownReason.UNATTRIBUTED
    assert ended.unknown.answer is not None
    assert ended.unknown.answer.body == answer.body
    assert ended.unknown.detail == f"{IN_DOUBT}: it exists, and does not say that it is being deleted"
    assert ended.unknown.advice == LOOK


def test_the_resource_is_polled_alone_with_original_uri() -> None:
    """Rule 6 polls status and resource in turns; here they are the same."""
    history = polled(polling("DELETE", final_state_via="original-uri"), resource("Deleting"), reply(404))
    assert isinstance(history.end, Succeeded)


def test_a_page_of_a_gateway_is_no_deletion() -> None:
    assert polled(polling("DELETE"), reply(404, PAGE), reply(200, PAGE)).outcome is Polling


def test_rule_7_a_page_of_a_gateway_is_named() -> None:
    """As in every other text about a status."""
    refused = start(plan("PUT"), reply(403, PAGE).to(RESOURCE, 0.0))
    assert isinstance(refused, Unknown)
    assert refused.detail == "HTTP 403 from a proxy (HTML)"
