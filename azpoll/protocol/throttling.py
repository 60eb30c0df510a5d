"""The limits that an answer reports: the level of a 429, its wait, and the number of requests left (rule 54).

ARM limits each subscription, principal and region, and each resource provider has limits of its own below them.
Source: learn.microsoft.com "request-limits-and-throttling".
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from azpoll.protocol.arm_error import read_error
from azpoll.protocol.retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import Answer

TOO_MANY_REQUESTS = 429

Counted: TypeAlias = Literal["reads", "writes", "deletes"]
"""The kinds of requests that ARM counts apart: GET, all other methods, and DELETE."""

REMAINING: Mapping[Counted, tuple[str, ...]] = {
    kind: (
        f"x-ms-ratelimit-remaining-subscription-{kind}",
        f"x-ms-ratelimit-remaining-subscription-global-{kind}",
        f"x-ms-ratelimit-remaining-tenant-{kind}",
    )
    for kind in get_args(Counted)
}
PROVIDER_REMAINING = frozenset(
    f"x-ms-ratelimit-remaining-{limit}-requests{window}"
    for limit in (
        "subscription-resource",
        "tenant-resource",
        "managementgroups",
        "policy-insights",
        "subscription-policy-insights",
    )
    for window in ("", "-pt5m", "-pt1h")
)
"""ARM's limits of single resource providers. Each counts requests of the kind that it is sent for, in its window."""

PROVIDER_LIMITS = "x-ms-ratelimit-remaining-resource"
"""The limits that a provider sets itself, as in `Microsoft.Compute/GetOperation3Min;14987,Microsoft.Compute/...;9`."""

HEADERS = (PROVIDER_LIMITS, *PROVIDER_REMAINING, *(name for names in REMAINING.values() for name in names))
"""The headers that this module reads."""

# The entries of `PROVIDER_LIMITS` that limit reads: Get, List, HighCostGet, LowCostGet and so on. All others limit
# changes, or are none: `VmssQueuedVMOperations;0` is normal. `re` compiles the pattern when the header first comes.
_READ_ENTRY = r"(?ai)(?:^|[,/])[ \t]*(?:(?:high|low)cost)?(?:get|list)[a-z0-9_]*;[ \t]*([0-9]{1,9})[ \t]*(?=,|$)"

_LOCK = "retryableerrorduetoanotheroperation"
_COUNT = re.compile("[0-9]{1,9}")


class ThrottleLevel(Enum):
    """The requests that a 429 throttles."""

    SCOPE = "the subscription"
    PROVIDER = "one resource provider in one location"
    OPERATION = "this operation alone: its resource is locked by another"


class Throttle(NamedTuple):
    """A 429: the requests that it throttles, and the seconds that the server asks to wait if it names any."""

    level: ThrottleLevel
    retry_after_s: float | None


def throttle_of(answer: Answer) -> Throttle:
    """Return the throttle of a 429."""
    if (read_error(answer).error.code or "").lower() == _LOCK:
        level = ThrottleLevel.OPERATION
    elif PROVIDER_LIMITS in answer.headers or not PROVIDER_REMAINING.isdisjoint(answer.headers):
        level = ThrottleLevel.PROVIDER
    else:
        level = ThrottleLevel.SCOPE
    return Throttle(level, retry_after(answer))


def remaining(answer: Answer, kind: Counted) -> int | None:
    """Return the smallest number of requests that any limit of the scope leaves; None without a readable header.

    A hostile value gains nothing: the number can only slow the requests of one scope, never speed them up.
    """
    least: int | None = None
    for name in REMAINING[kind]:  # a loop: each answer is read, and generators take three times as long
        count = answer.headers.get(name)
        if count is not None and _COUNT.fullmatch(count) and (least is None or int(count) < least):
            least = int(count)
    return least


def provider_remaining(answer: Answer, kind: Counted) -> int | None:
    """Return the smallest number of requests that any limit of the provider leaves; None without a readable one."""
    headers = answer.headers
    least: int | None = None
    for name in PROVIDER_REMAINING.intersection(headers):  # as above, each answer is read
        count = headers[name]
        if _COUNT.fullmatch(count) and (least is None or int(count) < least):
            least = int(count)
    if kind == "reads" and PROVIDER_LIMITS in headers:
        counts = re.findall(_READ_ENTRY, headers[PROVIDER_LIMITS])
        if least is not None:
            counts.append(least)
        least = min(map(int, counts), default=None)
    return least
