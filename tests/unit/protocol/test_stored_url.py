"""A signed URL beside a status monitor is stored in less memory, and used as it was sent."""

from __future__ import annotations

import sys

import pytest

from azpoll.protocol.resume_token import token_of
from azpoll.protocol.states import Fetching, Polling
from azpoll.protocol.stored_url import LEAST_SHARED, StoredURL, before_certificate, stored
from tests.support.protocol_rows import HOST, accepted, monitor, plan, polling, reply, run, run_from

CERTIFICATE = "MIIH1jCCBr6gAwIBAgI0" * 130
BEFORE, AFTER = f"{HOST}/subscriptions/s/results/1?api-version=1&t=639", "&s=kT0vZ8mWqL1x&h=QQ"
SIGNED = f"{BEFORE}&c={CERTIFICATE}{AFTER}"


def signed(number: int) -> str:
    """Return a signed URL of another operation; no part of it is an object that another URL has."""
    return f"{HOST}/subscriptions/s/results/{number}?api-version=1&t=639&c={CERTIFICATE}&s={number}&h=1&c=2"


@pytest.mark.parametrize(
    "url",
    [
        SIGNED,
        f"{BEFORE}&c={CERTIFICATE}",
        f"{BEFORE}&c={CERTIFICATE}&",
        f"{SIGNED}&c={CERTIFICATE}&c=",
        f"{BEFORE}{AFTER}",
        f"{BEFORE}&c=short{AFTER}",
        f"{BEFORE}&c=",
        "&c=&",
        "",
    ],
)
def test_a_stored_url_is_the_text_that_was_sent(url: str) -> None:
    assert str(stored(url)) == url


def test_a_url_without_a_certificate_is_stored_as_it_is() -> None:
    short = f"{BEFORE}&c={'x' * (LEAST_SHARED - 1)}{AFTER}"
    assert stored(short) is short
    assert isinstance(stored(f"{BEFORE}&c={'x' * LEAST_SHARED}{AFTER}"), StoredURL)


def test_urls_of_one_certificate_share_its_text() -> None:
    first, second = stored(signed(1)), stored(signed(2))
    assert isinstance(first, StoredURL)
    assert isinstance(second, StoredURL)
    assert first.certificate is second.certificate
    own = sys.getsizeof(second) + sys.getsizeof(second.before) + sys.getsizeof(second.after)
    assert own < sys.getsizeof(signed(2)) / 5


@pytest.mark.parametrize("url", [SIGNED, f"{BEFORE}{AFTER}"])
def test_the_part_before_the_certificate_has_the_path(url: str) -> None:
    """By which the scheduler finds the read limit of a URL."""
    assert before_certificate(stored(url)).partition("?")[0] == url.partition("?")[0]


def test_the_text_of_a_stored_url_does_not_show_it() -> None:
    assert repr(stored(SIGNED)) == "<StoredURL>"


def test_rule_30_a_signed_location_is_the_url_of_the_result() -> None:
    """It is sent again with each answer, and it is in the resume token."""
    history = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location=SIGNED), monitor("Running"))
    again = run_from(history.end, monitor("Running", Location=SIGNED), at_s=history.at_s)
    assert isinstance(again.end, Polling)
    assert isinstance(again.end.location, StoredURL)
    assert token_of(again.end, 0.0).location == SIGNED
    ended = run_from(again.end, monitor("Succeeded"), reply(200, {"id": 1}))
    assert ended.urls[-1] == SIGNED


def test_rule_30_a_location_that_is_signed_anew_replaces_the_one_before() -> None:
    state = run_from(polling("POST"), monitor("Running", Location=signed(1)), monitor("Running", Location=signed(2)))
    end = run_from(state.end, monitor("Succeeded")).end
    assert isinstance(end, Fetching)
    assert end.url == signed(2)
