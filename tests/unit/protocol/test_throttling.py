"""A 429 and the headers of remaining reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.throttling import (
    PROVIDER_LIMITS,
    Counted,
    Throttle,
    ThrottleLevel,
    provider_remaining,
    remaining,
    throttle_of,
)
from tests.support.protocol_rows import RESOURCE, Reply, reply

LOCK = {"error": {"code": "RetryableErrorDueToAnotherOperation"}}
READS = "x-ms-ratelimit-remaining-subscription-reads"
RESOURCE_REQUESTS = "x-ms-ratelimit-remaining-subscription-resource-requests"


@pytest.mark.parametrize(
    ("outcome", "throttle"),
    [
        (reply(429), Throttle(ThrottleLevel.SCOPE, None)),
        (reply(429, Retry_After="5"), Throttle(ThrottleLevel.SCOPE, 5)),
        (reply(429, LOCK, Retry_After="5"), Throttle(ThrottleLevel.OPERATION, 5)),
        (reply(429, {"error": {"code": "TooManyRequests"}}), Throttle(ThrottleLevel.SCOPE, None)),
        (
            reply(429, x_ms_ratelimit_remaining_resource="Microsoft.Compute/Get;0"),
            Throttle(ThrottleLevel.PROVIDER, None),
        ),
        (
            reply(429, x_ms_ratelimit_remaining_subscription_resource_requests="0"),
            Throttle(ThrottleLevel.PROVIDER, None),
        ),
        (reply(429, x_ms_ratelimit_remaining_subscription_reads="0"), Throttle(ThrottleLevel.SCOPE, None)),
        (reply(429, LOCK, x_ms_ratelimit_remaining_resource="x"), Throttle(ThrottleLevel.OPERATION, None)),
    ],
)
def test_a_429_concerns_the_scope_a_provider_or_one_operation(outcome: Reply, throttle: Throttle) -> None:
    """A lock concerns the operation alone, a provider's limit the provider."""
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


@pytest.mark.parametrize(
    "name",
    [
        RESOURCE_REQUESTS,
        f"{RESOURCE_REQUESTS}-pt5m",
        f"{RESOURCE_REQUESTS}-pt1h",
        "x-ms-ratelimit-remaining-tenant-resource-requests",
        "x-ms-ratelimit-remaining-managementgroups-requests",
        "x-ms-ratelimit-remaining-policy-insights-requests",
        "x-ms-ratelimit-remaining-subscription-policy-insights-requests",
    ],
)
@pytest.mark.parametrize("kind", ["reads", "writes", "deletes"])
def test_rule_54_arm_counts_the_requests_of_each_provider(name: str, kind: Counted) -> None:
    """The count is of the kind of requests that the answer is of. It says nothing about the subscription."""
    outcome = Reply(200, headers={name: "7"}).to(RESOURCE, 0.0)
    assert provider_remaining(outcome, kind) == 7
    assert remaining(outcome, kind) is None


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        ("Microsoft.Compute/GetOperationResource;59", 59),
        ("Microsoft.Compute/GetOperationResource;43,Microsoft.Compute/GetOperationSubscriptionMaximum;14994", 43),
        ("Microsoft.Compute/GetOperationSubscriptionMaximum;14994,Microsoft.Compute/GetOperationResource;43", 43),
        ("Microsoft.Compute/GetOperationStatus1Min;203", 203),
        ("Microsoft.Compute/HighCostGetVMScaleSet3Min;46", 46),
        ("Microsoft.Compute/LowCostGet30Min;31997, Microsoft.Compute/LowCostGet3Min; 3999", 3999),
        ("microsoft.compute/listvms3min;0", 0),
        ("GetOperation3Min;12", 12),
        ("Microsoft.Compute/VmssQueuedVMOperations;0", None),
        ("Microsoft.Compute/PutVM3Min;0,Microsoft.Compute/DeleteVM3Min;0,Microsoft.Compute/UpdateVMResource;0", None),
        ("Microsoft.Compute/HighCostDiskHydrate3Min;0,Microsoft.Compute/VMGuestPatchOperation3Min;0", None),
        ("Microsoft.Compute/PutDeleteCapacityReservationSubscriptionMaximum;0", None),
        ("Microsoft.Compute/VmssQueuedVMOperations;0,Microsoft.Compute/GetOperation3Min;14987", 14987),
        ("Microsoft.Compute/GetOperation3Min", None),
        ("Microsoft.Compute/GetOperation3Min;", None),
        ("Microsoft.Compute/GetOperation3Min;-1", None),
        ("Microsoft.Compute/GetOperation3Min;1.5", None),
        ("Microsoft.Compute/GetOperation3Min;\u0663", None),
        (f"Microsoft.Compute/GetOperation3Min;{'9' * 10}", None),
        ("Microsoft.Compute/Get Operation;5", None),
        (";,/;;,,", None),
    ],
)
def test_rule_54_only_entries_that_limit_reads_count(entries: str, left: int | None) -> None:
    """Numbers of queued operations and limits of changes do not slow polls; the normal value of some is 0."""
    outcome = Reply(200, headers={PROVIDER_LIMITS: entries}).to(RESOURCE, 0.0)
    assert provider_remaining(outcome, "reads") == left
    assert provider_remaining(outcome, "writes") is None


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({}, None),
        ({READS: "3"}, None),
        ({RESOURCE_REQUESTS: "0"}, 0),
        ({RESOURCE_REQUESTS: "273", f"{RESOURCE_REQUESTS}-pt5m": "99", f"{RESOURCE_REQUESTS}-pt1h": "299"}, 99),
        ({RESOURCE_REQUESTS: "many", f"{RESOURCE_REQUESTS}-pt5m": "99"}, 99),
        ({RESOURCE_REQUESTS: "273", PROVIDER_LIMITS: "Microsoft.Compute/GetOperationResource;43"}, 43),
        *(({RESOURCE_REQUESTS: odd}, None) for odd in ("-1", "1e99", "1,2", "9" * 10, "\u0663", "1.5", "+1", " 1")),
    ],
)
def test_rule_54_the_lowest_number_of_any_limit_of_a_provider_counts(headers: dict[str, str], left: int | None) -> None:
    """A value that is not a plain number of at most nine digits counts as absent."""
    assert provider_remaining(Reply(200, headers=headers).to(RESOURCE, 0.0), "reads") == left


@given(st.dictionaries(st.sampled_from([READS, RESOURCE_REQUESTS, PROVIDER_LIMITS, "retry-after"]), st.text()))
def test_any_header_is_read_without_raising(headers: dict[str, str]) -> None:
    """The number of requests left is never negative."""
    outcome = Reply(429, b"{", headers).to(RESOURCE, 0.0)
    assert throttle_of(outcome).level is not ThrottleLevel.OPERATION
    assert (remaining(outcome, "reads") or 0) >= 0
    assert (provider_remaining(outcome, "reads") or 0) >= 0


@pytest.mark.parametrize("part", [",", "/get", ",get", ", ", "Get;", "Get;1 ", "/lowcost"])
def test_rule_54_a_long_hostile_header_is_read_in_linear_time(part: str) -> None:
    """No pattern looks twice at a character: a value of a megabyte is read at once."""
    outcome = Reply(200, headers={PROVIDER_LIMITS: part * (1_000_000 // len(part))}).to(RESOURCE, 0.0)
    assert provider_remaining(outcome, "reads") in {None, 1}
