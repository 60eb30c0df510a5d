"""Rules 17, 21, 25 and 28: answers that are no answer of the operation: cut bodies, parts, pages of gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.states import (
    NO_FAILURES,
    Confirming,
    Failed,
    Fetching,
    Pending,
    Polling,
    State,
    Succeeded,
    Unknown,
    UnknownReason,
)
from tests.support.protocol_rows import (
    RESOURCE,
    Drop,
    Event,
    Reply,
    accepted,
    monitor,
    outcome,
    plan,
    polling,
    reply,
    resource,
    run,
    run_from,
    url,
)

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer

HTML = b"<html><body>Request blocked</body></html>"
OP = url("/op")
LOC = accepted(Location="/op")
AAO = accepted(Azure_AsyncOperation="/op")
GONE = reply(404, {"error": {"code": "ResourceNotFound"}})


def cut(status_code: int = 200, url: str = OP, method: str = "GET", **headers: str) -> Answer:
    """Return an answer whose empty body may have been cut."""
    return reply(status_code, **headers).to(url, 1.0, method).without_end()


PENDING = [
    run(plan("POST"), AAO).next,
    run(plan("POST"), LOC).next,
    run(plan(), resource("Creating")).next,
    run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location="/2"), monitor("Succeeded")).next,
]


@pytest.mark.parametrize("state", PENDING)
def test_rule_17_an_empty_body_that_may_be_cut_is_a_transient_failure(state: State) -> None:
    """A cut body fails in each pattern and at a result; a complete one is success."""
    assert isinstance(state, Polling | Fetching)
    after = advance(state, cut())
    assert isinstance(after, type(state))
    assert after.failure_counts.failures == 1
    assert outcome(advance(state, cut()._replace(is_complete=True))) is Succeeded
    last: State = state._replace(failure_counts=after.failure_counts._replace(failures=9, failing_since_s=-900.0))
    assert isinstance(last, Polling | Fetching)
    assert outcome(advance(last, cut())) is UnknownReason.EXHAUSTED


@pytest.mark.parametrize("state", PENDING)
def test_rule_17_a_202_runs_and_a_body_counts_whether_it_may_be_cut_or_not(state: State) -> None:
    """The code says it all."""
    assert isinstance(state, Polling | Fetching)
    assert isinstance(advance(state, cut(202)), type(state))


def test_rule_17_an_initial_answer_that_may_be_cut_is_believed_for_its_head() -> None:
    """Its headers are followed; without them the resource of a PUT is polled, and a POST has ended."""
    with_header = start(plan(), cut(200, RESOURCE, "PUT", Azure_AsyncOperation="/op"))
    assert isinstance(with_header, Polling)
    assert with_header.url == OP
    polled = start(plan(), cut(200, RESOURCE, "PUT"))
    assert isinstance(polled, Polling)
    assert polled.url == RESOURCE
    assert isinstance(start(plan("POST"), cut(200, RESOURCE, "POST")), Succeeded)


@pytest.mark.parametrize("status_code", [205, 206])
@pytest.mark.parametrize("state", PENDING)
def test_rule_17_a_205_or_206_is_a_transient_failure(state: State, status_code: int) -> None:
    """A part of a document says nothing, whatever word is in it."""
    for body in (b"", b'{"status": "Succeeded"}', b'{"status": "Failed"}'):
        history = run_from(state, *[Reply(status_code, body)] * 9)
        assert type(history.end) is type(state)
    assert run(plan(), reply(206, b"{")).next.url == RESOURCE
    assert run(plan(), reply(206, b"{", Location="/op")).next.url == OP


@pytest.mark.parametrize("status_code", [407, 421, 425, 426, 431])
@pytest.mark.parametrize("state", PENDING)
def test_rule_21_a_4xx_about_the_connection_is_a_transient_failure(state: State, status_code: int) -> None:
    """A proxy sends it, or the HTTP stack of the server."""
    for body in (b"", HTML, b'{"error": {"code": "x"}}'):
        assert type(run_from(state, Reply(status_code, body)).end) is type(state)


REFUSALS: list[list[Event]] = [
    [reply(409, {"error": {"code": "OperationInProgress"}}, Retry_After="15")],
    [reply(400, Retry_After="0")],
    [reply(400, HTML)],
    [reply(400, b"Bad Request", Content_Type="text/html")],
    [reply(307, Location="/elsewhere"), reply(400, {"error": {"code": "x"}})],
]


@pytest.mark.parametrize("events", REFUSALS)
@pytest.mark.parametrize("state", PENDING)
def test_rule_21_a_4xx_that_is_no_answer_of_the_operation_is_polled_again(state: State, events: list[Event]) -> None:
    """With `Retry-After`, with HTML, after a redirect: at the polling URL, in its own time."""
    history = run_from(state, *events, *[reply(503)])
    assert type(history.end) is type(state)
    assert isinstance(history.end, Polling | Fetching)
    assert history.end.next_request.url == history.urls[0]
    assert history.end.failure_counts.failures == 2


def test_rule_21_a_4xx_with_retry_after_is_not_polled_early() -> None:
    """As in a public report: 409, then 204 after 15 s."""
    history = run(plan("POST"), LOC, REFUSALS[0][0], reply(204))
    assert (history.delays, history.outcome) == ([1, 15], Succeeded)


@pytest.mark.parametrize("state", PENDING)
def test_rule_21_a_gateway_that_never_lets_a_poll_through_is_given_up(state: State) -> None:
    """Within the bound of rule 25."""
    unknown = run_from(state, *[reply(400, HTML, Retry_After="60")] * 11).unknown
    assert unknown.reason is UnknownReason.EXHAUSTED
    assert unknown.last is not None


def test_rule_21_a_4xx_with_json_and_no_wait_is_the_answer_of_the_operation() -> None:
    """The content type changes nothing."""
    refused = reply(400, b'{"error": {"code": "x"}}', Content_Type="text/html")
    assert run(plan("POST"), LOC, refused).outcome is Failed
    assert run(plan("POST"), LOC, reply(400)).outcome is Failed
    assert run(plan("POST"), AAO, refused).outcome is UnknownReason.REFUSED


def test_rule_28_a_page_of_a_gateway_confirms_no_deletion() -> None:
    """Neither in a confirmation, nor at the resource itself, nor in the place of a result."""
    page = reply(404, HTML)
    history = run(plan("DELETE"), LOC, GONE, page, GONE, GONE)
    assert history.urls == (OP, RESOURCE, OP, RESOURCE)
    assert history.outcome is Succeeded
    assert run(plan("DELETE"), LOC, *[GONE, Reply(404, HTML, {"retry-after": "60"})] * 5).unknown.reason is (
        UnknownReason.NOT_FOUND
    )
    here = run(plan("DELETE"), accepted(Location=RESOURCE), page, GONE)
    assert (here.urls, here.outcome) == ((RESOURCE, RESOURCE), Succeeded)
    via = plan("DELETE", final_state_via=FinalStateVia.LOCATION)
    fetched = run(via, accepted(Azure_AsyncOperation="/op", Location="/2"), monitor("Succeeded"), page)
    assert isinstance(fetched.end, Fetching)


def test_rule_28_the_confirmation_waits_for_the_floor() -> None:
    """Or longer, if the 404 asks for it."""
    assert run_from(polling("DELETE"), GONE).next.next_request.delay.seconds == 1
    assert run_from(polling("DELETE"), reply(404, Retry_After="7")).next.next_request.delay.seconds == 7


ENABLED = reply(200, {"status": "Enabled", "properties": {"provisioningState": "DELETING"}})


@pytest.mark.parametrize("there", [resource("Deleting"), monitor("deleting"), ENABLED])
def test_rule_28_a_resource_that_is_deleting_is_a_sign_of_life(there: Reply) -> None:
    """As in a public report: 5 minutes of it, then 404."""
    history = run(plan("DELETE"), LOC, *[GONE, there] * 14, GONE, GONE)
    assert history.outcome is Succeeded
    assert history.at_s > 300
    assert history.delays[:8] == [1, 1, 2, 1, 4, 1, 8, 1]
    named = run(plan("DELETE"), LOC, GONE, Reply(200, there.body, {"retry-after": "17"}), GONE)
    assert named.delays == [1, 1, 17]
    assert run(plan("DELETE"), LOC, reply(503), GONE, there).next.failure_counts == NO_FAILURES


FOLLOWED = plan("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI)


@pytest.mark.parametrize("initial", [AAO, accepted(Operation_Location="/op"), LOC])
def test_rule_6_a_deletion_is_polled_at_its_status_and_its_resource_in_turns(initial: Reply) -> None:
    """The resource's 404 completes it; while it answers, it runs."""
    running = accepted()
    there = resource("Succeeded")
    history = run(FOLLOWED, initial, running, there, running, reply(200), running, GONE)
    assert history.urls == (OP, RESOURCE) * 3
    assert history.delays == [1, 2, 4, 8, 16, 30]
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.status_code == 204


def test_rule_6_a_failure_of_the_status_ends_the_deletion() -> None:
    """Without a look at the resource."""
    history = run(FOLLOWED, AAO, monitor("Running", Retry_After="7"), resource("Succeeded"), monitor("Failed"))
    assert (history.urls, history.outcome) == ((OP, RESOURCE, OP), Failed)
    assert history.delays == [1, 7, 2]


def test_rule_6_a_status_that_is_missing_leaves_the_resource_to_decide() -> None:
    """It answers, so it runs."""
    history = run(FOLLOWED, AAO, *[GONE, reply(200)] * 9, GONE, GONE)
    assert history.outcome is Succeeded
    confirming = run(FOLLOWED, AAO, monitor("Running")).end
    assert isinstance(confirming, Confirming)
    assert outcome(advance(confirming, reply(403).to(RESOURCE, 3.0))) is Polling


@pytest.mark.parametrize(
    "unread", [reply(503), reply(403), reply(401), reply(200, []), reply(205), reply(304), reply(407), Drop()]
)
def test_rule_6_a_poll_that_fails_leaves_the_turn_to_the_other_url(unread: Event) -> None:
    """An unreadable status does not hide that the resource is gone, nor an unreadable resource a failure."""
    gone = run(FOLLOWED, AAO, unread, GONE)
    assert (gone.urls, gone.delays, gone.outcome) == ((OP, RESOURCE), [1, 1], Succeeded)
    later = run(FOLLOWED, AAO, unread, reply(200), monitor("Running"), reply(200), unread, GONE)
    assert (later.urls, later.outcome) == ((OP, RESOURCE) * 3, Succeeded)
    if unread != reply(200, []):  # the resource may be a list
        failed = run(FOLLOWED, AAO, monitor("Running"), unread, monitor("Running"), unread, monitor("Failed"))
        assert (failed.urls, failed.outcome) == ((OP, RESOURCE, OP, RESOURCE, OP), Failed)


def test_rule_6_the_failures_of_status_and_resource_count_together() -> None:
    """So that the bounds of rules 25 to 27 end them."""
    pair: list[Event] = [reply(503, Retry_After="200"), Drop()]
    both = run(FOLLOWED, AAO, *pair * 5)
    assert (both.urls, both.outcome) == ((OP, RESOURCE) * 5, UnknownReason.EXHAUSTED)
    assert run(FOLLOWED, AAO, reply(401), reply(401)).outcome is UnknownReason.UNAUTHENTICATED


def test_rule_6_only_a_status_that_is_read_resets_the_count() -> None:
    """A resource that exists says nothing of a deletion that has failed."""
    pair: list[Event] = [reply(503, Retry_After="70"), reply(200)]
    unread = run(FOLLOWED, AAO, *pair * 9, reply(503))
    assert unread.outcome is UnknownReason.EXHAUSTED
    assert run(FOLLOWED, AAO, *pair * 9, monitor("Running")).next.failure_counts == NO_FAILURES


UNREAD = [reply(503), reply(403), reply(401), reply(205), reply(304), reply(302), reply(302, Location="/x"), Drop()]


@pytest.mark.parametrize("of_resource", [*UNREAD, reply(400), reply(404, b"<html>")])
@pytest.mark.parametrize("of_status", [*UNREAD, GONE, reply(200, {})])
def test_rule_6_turns_in_which_nothing_can_be_read_come_to_an_end(of_status: Event, of_resource: Event) -> None:
    """Within the bounds of rules 25 to 27, whatever fails."""
    state, at_s, polls = run(FOLLOWED, AAO).end, 0.0, 0
    while isinstance(state, Pending):
        at_s += state.next_request.delay.seconds
        polls += 1
        asked = state.next_request.url
        state = advance(state, (of_status if asked == OP else of_resource).to(asked, at_s))
        assert polls < 200
    assert isinstance(state, Unknown)
    assert at_s < 1500


@pytest.mark.parametrize("via", [None, FinalStateVia.LOCATION])
def test_rule_6_only_a_deletion_until_gone_has_turns(via: FinalStateVia | None) -> None:
    history = run(plan("DELETE", final_state_via=via), AAO, reply(503), reply(503), monitor("Succeeded"))
    assert set(history.urls[:3]) == {OP}


def test_rule_6_a_deleted_resource_may_be_visible_a_little_longer() -> None:
    """The service has said that it is deleted; after the time of rule 27 its last answer is the result."""
    history = run(FOLLOWED, AAO, monitor("Succeeded"), reply(200), reply(200), GONE)
    assert history.urls == (OP, *[RESOURCE] * 3)
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.status_code == 204
    kept = run(FOLLOWED, AAO, monitor("Succeeded"), *[reply(200, {"a": 1})] * 7)
    assert isinstance(kept.end, Succeeded)
    assert kept.end.answer.body == b'{"a": 1}'
    assert kept.end.progress.status == "Succeeded"
    assert kept.at_s > 60


def test_rule_6_a_location_that_is_the_resource_is_polled_until_404() -> None:
    """One URL needs no turns."""
    history = run(FOLLOWED, accepted(Location=RESOURCE), resource("Succeeded"), reply(200), GONE)
    assert (set(history.urls), history.outcome) == ({RESOURCE}, Succeeded)


ADDRESSES = ["https://att1.wus.attest.example/", "file:///subscriptions/s", "fabric:/Service/1", "https://https//x"]


@pytest.mark.parametrize("named", ADDRESSES)
@pytest.mark.parametrize("status_code", [200, 201])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
def test_rule_3_a_refused_location_of_a_finished_answer_is_ignored(method: str, status_code: int, named: str) -> None:
    """It is the address of what was created, and one request was enough."""
    for body in ({"properties": {"provisioningState": "Succeeded"}}, {"id": "x"}, {"status": "Ready"}, [1]):
        assert run(plan(method), reply(status_code, body, Location=named)).outcome is Succeeded


@pytest.mark.parametrize("named", ADDRESSES)
def test_rule_3_a_refused_location_beside_a_body_that_runs_is_not_ignored(named: str) -> None:
    """The resource of a PUT is polled; other methods have nowhere else to poll."""
    creating = resource("Creating", 201, Location=named)
    assert run(plan("PUT"), creating, resource("Succeeded")).urls == (RESOURCE,)
    assert run(plan("PUT"), reply(201, Location=named)).next.url == RESOURCE
    running = reply(201, {"status": "InProgress", "startTime": "now"}, Location=named, Retry_After="9")
    history = run(plan("PUT"), running, resource("Creating"), resource("Succeeded"))
    assert (history.urls, history.delays[0]) == ((RESOURCE, RESOURCE), 9)
    assert run(plan("POST"), creating).outcome is UnknownReason.UNTRUSTED
    assert run(plan("POST"), reply(200, {"status": "Running"}, Location=named)).outcome is UnknownReason.UNTRUSTED


@pytest.mark.parametrize("named", ADDRESSES)
def test_rule_3_any_other_refused_url_is_an_error(named: str) -> None:
    """On a 202, and in a header of a status monitor."""
    assert run(plan(), accepted(Location=named)).outcome is UnknownReason.UNTRUSTED
    assert run(plan(), reply(201, Azure_AsyncOperation=named)).outcome is UnknownReason.UNTRUSTED
    both = reply(201, Azure_AsyncOperation=named, Location=named)
    assert run(plan(pattern="location"), both).outcome is UnknownReason.UNTRUSTED
