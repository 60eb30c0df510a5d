"""An outcome is read once, and the body only if a state needs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.json_body import BodyProblem
from azpoll.protocol.reading import (
    MONITOR_HEADERS,
    FailureReading,
    Reading,
    StatusClass,
    is_believed,
    read,
    status_class,
)
from tests.support.protocol_rows import RESOURCE, Reply, reply


def reading_of(response: Reply) -> Reading:
    """Return the reading of an answer at 7 s."""
    return Reading(response.to(RESOURCE, 7.0))


def test_the_reading_of_an_answer_has_all_that_the_machine_looks_at() -> None:
    answer = reply(
        202,
        {"status": "Running"},
        Azure_AsyncOperation="/a",
        Operation_Location="/o",
        Location="/l",
        Retry_After="5",
        x_ms_request_id="r",
        x_ms_correlation_request_id="c",
    ).to(RESOURCE, 7.0)
    reading = read(answer)
    assert isinstance(reading, Reading)
    assert reading.outcome is answer
    assert (reading.status_code, reading.status_class) == (202, StatusClass.READABLE)
    assert (reading.at_s, reading.url, reading.retry_after_s) == (7.0, RESOURCE, 5.0)
    assert (reading.named_urls(MONITOR_HEADERS), reading.named_urls(MONITOR_HEADERS[1:])) == (["/a", "/o"], ["/o"])
    assert (reading.location, reading.request_ids) == ("/l", ("r", "c"))
    assert reading.json == reading.document == {"status": "Running"}
    assert (reading.names_urls, reading.sets_cookies) == (True, False)


def test_the_reading_of_an_answer_without_headers_has_no_url() -> None:
    reading = reading_of(reply(500))
    assert (reading.retry_after_s, reading.location, reading.named_urls(MONITOR_HEADERS)) == (None, None, [])
    assert reading.request_ids == (None, None)
    assert (reading.names_urls, reading.sets_cookies) == (False, False)
    assert reading.json is BodyProblem.EMPTY
    assert reading_of(reply(500, Set_Cookie="a=1")).sets_cookies


def test_the_body_is_parsed_once() -> None:
    reading = reading_of(reply(200, {"a": 1}))
    assert reading.json is reading.document is reading.json
    assert reading.document == {"a": 1}


@pytest.mark.parametrize(
    ("head", "status_code", "retry_after_s"),
    [(None, None, None), (reply(200), 200, None), (reply(429, Retry_After="40"), 429, 40.0)],
)
def test_rule_25_the_head_of_an_incomplete_answer_counts(
    head: Reply | None, status_code: int | None, retry_after_s: float | None
) -> None:
    """Its status code, and its `Retry-After`."""
    answer = None if head is None else head.to(RESOURCE, 6.0)
    failure = RequestFailure(FailureKind.TIMEOUT, "", 7.0, None, answer)
    assert read(failure) == FailureReading(failure, 7.0, status_code, retry_after_s)


@pytest.mark.parametrize("status_code", [200, 202, 206, 299])
@pytest.mark.parametrize(
    ("method", "headers", "believed"),
    [
        *((method, {}, True) for method in ("PUT", "PATCH", "DELETE")),
        *((method, {}, False) for method in ("POST", "GET")),
        *(("POST", {name: "/op"}, True) for name in ("azure-asyncoperation", "operation-location", "location")),
        ("PUT", {"location": "/op"}, True),
        ("POST", {"resource-location": "/op", "retry-after": "7"}, False),
    ],
)
def test_rule_53_a_head_that_shows_where_to_poll_is_believed(
    method: str, headers: dict[str, str], status_code: int, *, believed: bool
) -> None:
    """A polling header does, and so does the resource of a PUT, PATCH or DELETE; only a success counts."""
    assert is_believed(Reply(status_code, headers=headers).to(RESOURCE, 0.0, method)) is believed
    for refused in (199, 300, 409, 503):
        assert not is_believed(Reply(refused, headers=headers).to(RESOURCE, 0.0, method))


@pytest.mark.parametrize("body", [b"", b"{", b"\x89PNG", b"null", b"[" * 100_000])
def test_rule_17_no_body_raises(body: bytes) -> None:
    """Broken, of another type, or too deep."""
    reading = reading_of(Reply(200, body))
    assert reading.json in {None, *BodyProblem}
    assert reading.document is None


CODES = {
    StatusClass.READABLE: sorted(set(range(200, 300)) - {205, 206}),
    StatusClass.REDIRECT: (301, 302, 303, 307, 308),
    StatusClass.UNAUTHORIZED: (401,),
    StatusClass.FORBIDDEN: (403,),
    StatusClass.MISSING: (404, 410),
    StatusClass.TRANSIENT: (408, 429, *range(500, 600)),
    StatusClass.UNREAD: (205, 206, 407, 421, 425, 426, 431),
    StatusClass.UNEXPECTED: (100, 101, 103, 300, 304, 305, 306, 309, 399, 600, 999, 0, -1),
}


@pytest.mark.parametrize("kind", CODES)
def test_each_status_code_is_of_one_kind(kind: StatusClass) -> None:
    """As the rules list them; other 5xx are as transient as those of rule 25."""
    assert {status_class(code) for code in CODES[kind]} == {kind}
    assert {reading_of(Reply(code)).status_class for code in CODES[kind]} == {kind}


def test_rule_21_other_4xx_are_refusals() -> None:
    """All but those by which a poll itself may fail."""
    refused = {code for code in range(400, 500) if status_class(code) is StatusClass.REFUSED}
    assert refused == set(range(400, 500)) - {401, 403, 404, 407, 408, 410, 421, 425, 426, 429, 431}


@given(st.integers())
def test_any_number_is_of_a_kind(status_code: int) -> None:
    """Nothing raises."""
    assert isinstance(status_class(status_code), StatusClass)
