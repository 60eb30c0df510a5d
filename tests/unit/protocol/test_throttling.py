"""A 429 and the headers of remaining reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.throttling import Throttle, ThrottleLevel, remaining, throttle_of
from tests.support.protocol_rows import RESOURCE, Reply, reply

LOCK = {"error": {"code": "RetryableErrorDueToAnotherOperation"}}
READS = "x-ms-ratelimit-remaining-subscription-reads"


@pytest.mark.parametrize(
    ("outcome", "throttle"),
    [
        (reply(200), None),
        (reply(503, Retry_After="5"), None),
        (reply(429), Throttle(ThrottleLevel.SCOPE, None)),
        (reply(429, Retry_After="5"), Throttle(ThrottleLevel.SCOPE, 5)),
        (reply(429, LOCK, Retry_After="5"), Throttle(ThrottleLevel.OPERATION, 5)),
        (reply(429, {"error": {"code": "TooManyRequests"}}), Throttle(ThrottleLevel.SCOPE, None)),
        (
            reply(429, x_ms_ratelimit_remaining_resource="Microsoft.Compute/Get;0"),
            Throttle(ThrottleLevel.PROVIDER, None),
        ),
        (reply(429, LOCK, x_ms_ratelimit_remaining_resource="x"), Throttle(ThrottleLevel.OPERATION, None)),
    ],
)
def test_a_429_concerns_the_scope_a_provider_or_one_operation(outcome: Reply, throttle: Throttle | None) -> None:
    """A lock concerns the operation alone, a provider's limit the provider; nothing else is a throttle."""
    assert throttle_of(outcome.to(RESOURCE, 0.0)) == throttle


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({}, None),
        ({READS: "199"}, 199),
        ({READS: "0"}, 0),
        ({READS: "9" * 9}, 999_999_999),
        ({READS: "199", "x-ms-ratelimit-remaining-tenant-reads": "17"}, 17),
        ({READS: "17", "x-ms-ratelimit-remaining-tenant-reads": "199"}, 17),
        ({READS: "199", "x-ms-ratelimit-remaining-subscription-global-reads": "many"}, 199),
        *(({READS: odd}, None) for odd in ("-1", "1e99", "1,2", "9" * 10, "\u0663", "\u00b2", "1.5", "+1", " 1")),
    ],
)
def test_the_lowest_number_of_remaining_reads_counts(headers: dict[str, str], left: int | None) -> None:
    """A value that is not a plain number of at most nine digits counts as absent."""
    assert remaining(Reply(200, headers=headers).to(RESOURCE, 0.0), "reads") == left


@given(st.dictionaries(st.sampled_from([READS, "x-ms-ratelimit-remaining-resource", "retry-after"]), st.text()))
def test_any_header_is_read_without_raising(headers: dict[str, str]) -> None:
    """The number of requests left is never negative."""
    outcome = Reply(429, b"{", headers).to(RESOURCE, 0.0)
    assert throttle_of(outcome) is not None
    assert (remaining(outcome, "reads") or 0) >= 0
