"""Rules 11 and 24 to 27: polls that fail, and when they are given up."""

from __future__ import annotations

import itertools

import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits
from azpoll.protocol.machine import advance
from azpoll.protocol.patience import Patience
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.states import (
    NO_FAILURES,
    Confirming,
    Failed,
    Fetching,
    Pending,
    Polling,
    State,
    Unknown,
    UnknownReason,
)
from tests.support.protocol_rows import (
    HOST,
    RESOURCE,
    Drop,
    Event,
    History,
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

OP = url("/op")


def pending(kind: type[Pending]) -> Pending:
    """Return an operation in this state, which asks `/op`, or for a Fetching or Confirming the resource."""
    state = {
        Polling: run_from(polling("DELETE"), monitor("Running")),
        Confirming: run_from(polling("DELETE"), reply(404)),
        Fetching: run_from(polling("PUT"), monitor("Succeeded")),
    }[kind].next
    assert type(state) is kind
    return state


def until_unknown(state: State, *events: Event) -> History:
    """Repeat these events until the operation is lost, for a month at most."""
    played, at_s, cycle = [state], 0.0, itertools.cycle(events)
    delays = list[float]()
    while isinstance(state, Pending) and at_s < 30 * 86400:
        history = run_from(state, next(cycle), at_s=at_s)
        state, at_s = history.end, history.at_s
        played.append(state)
        delays += history.delays
    return History(tuple(played), (), delays, at_s)


@pytest.mark.parametrize("kind", [Polling, Confirming, Fetching])
@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
def test_rule_11_a_redirect_is_one_more_request_of_the_same_state(kind: type[Pending], status_code: int) -> None:
    """Resolved against the URL that answered; the next poll starts at the polling URL again."""
    state = pending(kind)
    history = run_from(state, reply(status_code, Location="/a/b"), reply(status_code, Location="c"), reply(503))
    assert history.urls == (state.next_request.url, url("/a/b"), url("/a/c"))
    assert history.delays[1:] == [0, 0]
    assert {type(each) for each in history.states} == {kind}
    assert history.next.next_request.url == history.next.url == state.url


def test_rule_11_at_most_3_redirects_are_followed() -> None:
    """The fourth is a failure like any other, so a loop ends by rule 25."""
    hop = reply(307, Location="/op")
    history = run_from(polling(), hop, hop, hop, hop, hop)
    assert [each.next_request.redirects for each in history.states if isinstance(each, Polling)] == [0, 1, 2, 3, 0, 1]
    assert history.delays == [1, 0, 0, 0, 1]
    assert until_unknown(polling(), hop).unknown.reason is UnknownReason.MALFORMED


@pytest.mark.parametrize(
    ("value", "wait"), [("5", 5), ("0", 0), ("-1", 0), ("x", 0), ("3600", 3600), ("86400", 3600), ("9" * 100, 3600)]
)
def test_rule_11_a_redirect_waits_as_long_as_it_says(value: str, wait: float) -> None:
    """Up to the cap of rule 35; else it is followed at once (RFC 9110 10.2.3)."""
    asked = run_from(polling(), reply(307, Location="/b", Retry_After=value)).next.next_request.delay
    assert asked == Delay(wait, by_server=True)


@pytest.mark.parametrize("status_code", [301, 307])
def test_rule_11_a_redirect_without_a_location_is_a_failure(status_code: int) -> None:
    """Back into the schedule."""
    history = run_from(polling(), reply(status_code))
    assert isinstance(history.end, Polling)
    assert history.end.failure_counts.failures == 1


def test_rule_19_a_redirect_of_a_location_does_not_replace_the_polling_url() -> None:
    """Its `Location` is where this one request goes."""
    history = run(plan("POST"), accepted(Location="/op"), reply(307, Location="/b"), accepted(), reply(200))
    assert history.urls == (OP, url("/b"), OP)


@pytest.mark.parametrize("status_code", [400, 402, 405, 409, 412, 418, 422, 451])
def test_rule_24_a_4xx_of_a_status_monitor_is_a_failed_poll(status_code: int) -> None:
    """With any error in its body: the operation may still run, and can be resumed."""
    outcome = reply(status_code, {"status": "Failed", "error": {"code": "Conflict"}})
    unknown = run_from(polling(), outcome).unknown
    assert unknown.reason is UnknownReason.REFUSED
    assert isinstance(unknown.last, Polling)
    assert unknown.outcome is not None


@pytest.mark.parametrize("status_code", [500, 503])
def test_rule_24_a_5xx_with_the_status_failed_is_a_failed_poll(status_code: int) -> None:
    """Only a 2xx is read as a status."""
    assert run_from(polling(), monitor("Failed", status_code)).outcome is Polling
    assert run(plan(), accepted(Location="/op"), monitor("Failed", status_code)).outcome is Polling


TRANSIENT: list[Event] = [
    *(Reply(status_code) for status_code in (408, 429, 500, 501, 502, 503, 504, 507, 511, 599)),
    *(Drop(fault) for fault in FailureKind if not fault.fatal and fault is not FailureKind.AUTH),
]


@pytest.mark.parametrize("kind", [Polling, Confirming, Fetching])
@pytest.mark.parametrize("event", TRANSIENT)
def test_rule_25_transient_failures_are_polled_again(kind: type[Pending], event: Event) -> None:
    """With a longer wait each time, and the same URL; given up after 10 in a row and 10 minutes."""
    state = pending(kind)
    history = until_unknown(state, event)
    assert history.delays[1:11] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert {type(each) for each in history.states[:-1]} == {kind}
    assert history.unknown.reason is UnknownReason.EXHAUSTED
    assert history.at_s - history.delays[0] >= 600
    assert len(history.delays) > 10
    assert isinstance(history.unknown.last, Polling | Fetching)
    assert history.unknown.outcome is not None


def test_rule_25_both_bounds_must_be_passed() -> None:
    """10 in a row within 10 minutes are not enough, nor are few over a long time."""
    slow = reply(503, Retry_After="3600")
    assert len(until_unknown(polling(), slow).delays) == 10
    swift = polling(delay_limits=DelayLimits(cap=1.0))
    assert until_unknown(swift, reply(503)).at_s == 601


def test_rule_25_a_readable_answer_resets_the_count() -> None:
    """In a row means in a row."""
    history = run_from(polling(), *[reply(503, Retry_After="600")] * 9, monitor("Running"), reply(503), reply(503))
    assert isinstance(history.end, Polling)
    assert history.end.failure_counts.failures == 2
    assert history.states[10].failure_counts == NO_FAILURES if isinstance(history.states[10], Polling) else False
    failed = run_from(polling(), reply(503), reply(401), monitor("Failed")).end
    assert isinstance(failed, Failed)
    assert failed.last.failure_counts == NO_FAILURES


@pytest.mark.parametrize(("value", "wait"), [("17", 17), ("0", 1), ("86400", 3600), ("soon", 1)])
def test_rule_25_the_longer_of_retry_after_and_backoff_is_the_delay(value: str, wait: float) -> None:
    """The server's word is capped by rule 35."""
    assert run_from(polling(), reply(429, Retry_After=value)).next.next_request.delay.seconds == wait


@pytest.mark.parametrize("kind", [Polling, Confirming, Fetching])
@pytest.mark.parametrize("fault", [FailureKind.CERTIFICATE, FailureKind.UNSENDABLE, FailureKind.HOOK])
def test_rule_25_a_certificate_error_is_final(kind: type[Pending], fault: FailureKind) -> None:
    """As is a request that cannot be sent, and an error of the caller's event hook; the operation is kept."""
    unknown = run_from(pending(kind), Drop(fault, "self-signed")).unknown
    assert unknown.reason is UnknownReason.UNREACHABLE
    assert "self-signed" in unknown.detail
    assert unknown.last is not None


@pytest.mark.parametrize("kind", [Polling, Confirming, Fetching])
def test_rule_26_after_a_401_the_credential_is_renewed_once(kind: type[Pending]) -> None:
    """A second 401 is an error that can be resumed, with other failures between them or without."""
    state = pending(kind)
    once = run_from(state, reply(401, Retry_After="7"))
    assert type(once.end) is kind
    assert (
        once.next.next_request.url,
        once.next.next_request.delay.seconds,
        once.next.failure_counts.unauthorized,
    ) == (state.url, 7, 1)
    assert run_from(state, reply(401)).next.next_request.delay.seconds == 1
    for between in ((), (reply(503),), (reply(307, Location="/b"),)):
        unknown = run_from(once.end, *between, reply(401)).unknown
        assert unknown.reason is UnknownReason.UNAUTHENTICATED
        assert unknown.last is not None


def test_rule_26_a_readable_answer_allows_the_next_renewal() -> None:
    """SQL MI and AKS outlive more than one token."""
    history = run_from(polling(), reply(401), monitor("Running"), reply(401), monitor("Running"), reply(401))
    assert history.outcome is Polling


@pytest.mark.parametrize("kind", [Polling, Confirming, Fetching])
def test_rule_26_an_error_of_the_clients_auth_is_repeated_twice(kind: type[Pending]) -> None:
    """A token endpoint may be away for a moment; the error of the third attempt is kept."""
    history = until_unknown(pending(kind), Drop(FailureKind.AUTH, "CredentialError"))
    assert history.delays[1:] == [1, 2]
    assert history.unknown.reason is UnknownReason.UNAUTHENTICATED
    assert "CredentialError, 3 times in a row" in history.unknown.detail
    assert isinstance(history.unknown.outcome, RequestFailure)
    assert history.unknown.last is not None


def test_rule_26_an_error_of_the_clients_auth_is_repeated_for_60_s() -> None:
    """One bound is enough: a slow schedule does not hide for minutes that the credential is bad."""
    slow = polling(delay_limits=DelayLimits(floor=60.0, cap=3600.0))
    assert len(until_unknown(slow, Drop(FailureKind.AUTH)).delays) == 2
    late = run_from(polling(), Drop(FailureKind.AUTH), Drop(FailureKind.AUTH), at_s=86400.0)
    assert late.outcome is Polling, "the time counts from the first of these errors"


def test_rule_26_a_readable_answer_resets_the_count_of_auth_errors() -> None:
    """In a row means in a row, other failures between them or not."""
    failed = Drop(FailureKind.AUTH)
    assert run_from(polling(), failed, failed, monitor("Running"), failed, failed).outcome is Polling
    unknown = run_from(polling(), failed, failed, reply(503), failed).unknown
    assert unknown.reason is UnknownReason.UNAUTHENTICATED


def test_rules_25_to_27_the_bounds_are_those_of_the_patience() -> None:
    """Each bound is the caller's."""
    impatient = Patience(attempts=2, seconds=0, grace_attempts=1, grace_seconds=0, auth_attempts=1)
    state = polling("POST", patience=impatient)
    assert len(until_unknown(state, reply(503)).delays) == 2
    assert len(until_unknown(state, reply(404)).delays) == 1
    assert len(until_unknown(state, Drop(FailureKind.AUTH)).delays) == 1
    patient = polling(patience=Patience(seconds=3600.0))
    assert until_unknown(patient, reply(503)).at_s >= 3600


@pytest.mark.parametrize("kind", [Polling, Confirming, Fetching])
def test_rule_38_a_body_beyond_the_limit_ends_the_tracking(kind: type[Pending]) -> None:
    """The next answer would be as long; but the page of a failing gateway may be of any length."""
    state = pending(kind)
    too_large = RequestFailure(FailureKind.TOO_LARGE, "9 MiB", 10.0, head=reply(200).to(state.url, 10.0))
    assert isinstance(unknown := advance(state, too_large), Unknown)
    assert unknown.reason is UnknownReason.TOO_LARGE
    assert unknown.detail.removeprefix(NO_RESULT) == "9 MiB"
    assert (unknown.last is not None, unknown.outcome) == (True, too_large)
    page = RequestFailure(FailureKind.TOO_LARGE, "9 MiB", 10.0, head=reply(503).to(state.url, 10.0))
    assert isinstance(advance(state, page), kind)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "GET"])
@pytest.mark.parametrize(
    ("status_code", "reason"),
    [(404, UnknownReason.NOT_FOUND), (410, UnknownReason.NOT_FOUND), (403, UnknownReason.FORBIDDEN)],
)
def test_rule_27_404_410_and_403_are_tolerated_for_60_s_and_5_tries(
    method: str, status_code: int, reason: UnknownReason
) -> None:
    """Services lose sight of new operations, and roles take time to propagate; then a PollingError."""
    history = until_unknown(polling(method), reply(status_code))
    assert history.delays[1:] == [1, 2, 4, 8, 16, 32]
    assert history.unknown.reason is reason
    assert ("read permission" in history.unknown.detail) is (status_code == 403)
    assert history.unknown.last is not None


def test_rule_27_both_bounds_must_be_passed() -> None:
    """5 tries in a row, and 60 s."""
    assert len(until_unknown(polling(), reply(404, Retry_After="300")).delays) == 5
    assert until_unknown(polling(delay_limits=DelayLimits(cap=1.0)), reply(404)).at_s == 61


@pytest.mark.parametrize("status_code", [404, 410, 403])
def test_rule_27_a_status_that_becomes_visible_continues(status_code: int) -> None:
    """Recovery Services, deployments."""
    status_missing = [reply(status_code)] * 4
    history = run_from(polling("POST"), *status_missing, monitor("Running"), *status_missing, monitor("Succeeded"))
    assert history.outcome is not UnknownReason.NOT_FOUND
    assert not isinstance(history.end, Unknown)


MALFORMED = [
    reply(200, {}),
    reply(200, {"error": {"code": "x"}}),
    reply(200, ["Succeeded"]),
    reply(200, b'"Succeeded"'),
    reply(200, b"null"),
    reply(200, b"<html>Sign in</html>"),
    reply(200, b'{"status": "Succ'),
    reply(200, b"[" * 100_000),
    reply(200, b'{"status": "Succeeded", "x": ' + b"[" * 100_000),
    reply(200, b"\xff\xfe\x00"),
    reply(200, b"OK"),
    Reply(304),
    Reply(300),
    Reply(101),
    Reply(600),
]


@pytest.mark.parametrize("outcome", MALFORMED)
def test_rule_27_malformed_answers_are_transient(outcome: Reply) -> None:
    """With the bound of rule 25; core-lro calls some of them a success."""
    assert run_from(polling(), outcome, monitor("Running")).outcome is Polling
    history = until_unknown(polling(), outcome)
    assert history.unknown.reason is UnknownReason.MALFORMED
    assert history.delays[1:8] == [1, 2, 4, 8, 16, 32, 60]
    assert history.at_s >= 600


def test_rule_27_failures_of_different_kinds_are_counted_separately() -> None:
    """Nothing but a readable answer starts any count anew, so every mixture of failures ends."""
    mixtures: list[tuple[Event, ...]] = [
        (reply(503), reply(404)),
        (reply(403), Drop(), reply(307, Location="/b")),
        (reply(200, {}), reply(410), reply(401)),
    ]
    for mixture in mixtures:
        for kind in (Polling, Confirming, Fetching):
            assert until_unknown(pending(kind), *mixture).at_s < 3600


@pytest.mark.parametrize(
    "event", [reply(400), reply(401), reply(403), reply(404), reply(503), Drop(), reply(200, b"<html")]
)
def test_rule_32_a_result_given_up_says_that_the_operation_succeeded(event: Event) -> None:
    """The service's verdict stands; `last` reads the result alone."""
    history = until_unknown(pending(Fetching), event)
    assert history.unknown.detail.startswith("the operation succeeded, but its result could not be read: ")
    assert isinstance(history.unknown.last, Fetching)


def test_rule_21_a_refusal_at_the_resource_is_not_a_failure_of_the_operation() -> None:
    """Only a `Location` answers as the operation."""
    assert run(plan(), resource("Creating"), reply(409)).outcome is UnknownReason.REFUSED
    assert run(plan(), accepted(Location="/op"), reply(409)).outcome is Failed
    until_gone = plan("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI)
    assert run(until_gone, accepted(), reply(409)).outcome is UnknownReason.REFUSED
    assert run_from(pending(Confirming), reply(409)).urls == (RESOURCE,)


EVIL = "https://evil.example/x"
NEITHER = "its origin https://evil.example is neither that of the initial request,"
FOREIGN = f"is refused: {NEITHER} {HOST}, nor listed"
FAILED = "; 16 polls in a row over 603 s failed"
NO_RESULT = "the operation succeeded, but its result could not be read: "


@pytest.mark.parametrize(
    ("state", "event", "reason", "detail"),
    [
        (polling(), reply(503), UnknownReason.EXHAUSTED, f"HTTP 503{FAILED}"),
        (polling(), reply(304), UnknownReason.MALFORMED, f"HTTP 304 is no answer to a poll{FAILED}"),
        (polling(), reply(307), UnknownReason.MALFORMED, f"HTTP 307 without a Location{FAILED}"),
        (polling(), reply(307, Location="/op"), UnknownReason.MALFORMED, f"more than 3 redirects{FAILED}"),
        (polling(), reply(200, {}), UnknownReason.MALFORMED, f"its JSON object holds no status{FAILED}"),
        (polling(), reply(200, b"<html>"), UnknownReason.MALFORMED, f"it is not a status document{FAILED}"),
        (polling(), Drop(), UnknownReason.EXHAUSTED, f"the connection failed{FAILED}"),
        (
            polling(),
            Drop(FailureKind.TIMEOUT, "30 s"),
            UnknownReason.EXHAUSTED,
            f"no complete answer came in time: 30 s{FAILED}",
        ),
        (
            polling(),
            Drop(FailureKind.CERTIFICATE, "expired"),
            UnknownReason.UNREACHABLE,
            "the server's certificate was not accepted: expired",
        ),
        (polling(), reply(400), UnknownReason.REFUSED, "HTTP 400"),
        (
            polling(),
            reply(401),
            UnknownReason.UNAUTHENTICATED,
            "HTTP 401 twice, with no readable answer between",
        ),
        (
            polling(),
            reply(403),
            UnknownReason.FORBIDDEN,
            "HTTP 403 for 63 s: the read permission on the status URL is missing",
        ),
        (polling(), reply(404), UnknownReason.NOT_FOUND, "HTTP 404 for 63 s: nothing is found there"),
        (polling(), reply(307, Location=EVIL), UnknownReason.UNTRUSTED, f"the URL that a redirect names {FOREIGN}"),
        (
            polling(),
            monitor("Running", Azure_AsyncOperation=EVIL),
            UnknownReason.UNTRUSTED,
            f"the URL that a later answer names {FOREIGN}",
        ),
        (
            pending(Fetching),
            reply(200, b"<html>"),
            UnknownReason.MALFORMED,
            f"{NO_RESULT}the body is an HTML page{FAILED}",
        ),
        (
            pending(Fetching),
            accepted(Location=EVIL),
            UnknownReason.UNTRUSTED,
            f"{NO_RESULT}the URL that a later answer names {FOREIGN}",
        ),
        (
            pending(Confirming),
            reply(403, Retry_After="60"),
            UnknownReason.FORBIDDEN,
            "HTTP 403 for 240 s: the read permission on the status URL is missing",
        ),
    ],
)
def test_rule_24_an_unknown_state_has_its_reason_and_the_last_answer(
    state: Pending, event: Event, reason: UnknownReason, detail: str
) -> None:
    """In one sentence, for people."""
    history = until_unknown(state, event)
    assert (history.unknown.reason, history.unknown.detail) == (reason, detail)
    assert history.unknown.outcome is not None
    assert history.unknown.outcome.at_s == history.at_s


@pytest.mark.parametrize(
    ("state", "events"),
    [
        (polling(), [reply(401), reply(401, Retry_After="17")]),
        (polling(), [*[reply(404)] * 6, reply(404, Retry_After="17")]),
        (polling(), [*[reply(503, Retry_After="300")] * 9, reply(503, Retry_After="17")]),
        (polling(), [reply(307, Location=EVIL, Retry_After="17")]),
        (polling(), [monitor("Running", Azure_AsyncOperation=EVIL, Retry_After="17")]),
        (pending(Confirming), [*[reply(403), reply(404)] * 6, reply(403, Retry_After="17")]),
        (pending(Fetching), [accepted(Location=EVIL, Retry_After="17")]),
    ],
)
def test_rule_36_a_resumed_operation_waits_for_the_last_retry_after(state: Pending, events: list[Event]) -> None:
    """The wait stands in the resume token."""
    last = run_from(state, *events).unknown.last
    assert last is not None
    assert last.next_request.delay.seconds >= 17


def test_rule_36_a_resumed_operation_waits_for_that_of_an_incomplete_answer() -> None:
    """Its head says so."""
    head = reply(503, Retry_After="17").to(OP, 0.0)
    unknown = advance(polling(), RequestFailure(FailureKind.CERTIFICATE, "", 0.0, head=head))
    assert isinstance(unknown, Unknown)
    assert unknown.last is not None
    assert unknown.last.next_request.delay == Delay(17, by_server=True)


@pytest.mark.parametrize(
    ("method", "initial", "detail"),
    [
        ("PUT", reply(409), "HTTP 409"),
        ("PUT", reply(200, b"<html>"), "of the initial answer, the body is an HTML page"),
        ("POST", accepted(Location=EVIL), f"the URL that the initial answer names {FOREIGN}"),
        (
            "POST",
            accepted(),
            "HTTP 202 without an Azure-AsyncOperation, Operation-Location or Location header: nowhere to poll",
        ),
        (
            "POST",
            monitor("Succeeded", 202, Azure_AsyncOperation="/op", Location=EVIL),
            f"{NO_RESULT}the URL that the succeeded operation names {FOREIGN}",
        ),
    ],
)
def test_rule_24_an_initial_answer_without_a_way_to_poll_is_kept(method: str, initial: Reply, detail: str) -> None:
    """In one sentence, for people."""
    unknown = run(plan(method), initial).unknown
    assert unknown.detail == detail
    assert isinstance(unknown.outcome, Answer)
    assert (unknown.outcome.status_code, unknown.outcome.body) == (initial.status_code, initial.body)


def test_rule_45_the_text_of_a_failure_contains_no_url() -> None:
    """Their queries may be secret."""
    events: list[Event] = [reply(code) for code in (300, 307, 400, 401, 403, 404, 503)]
    events += [reply(200, {}), Drop(detail="reset")]
    for event in events:
        assert HOST not in until_unknown(polling(), event).unknown.detail
