"""What an answer tells of read limits: who is throttled, for how long, and how many reads are left.

Source: learn.microsoft.com "request-limits-and-throttling"; ARM's limits are token buckets per subscription,
principal and region, and each resource provider has limits of its own beneath them.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from azpoll.protocol.arm_error import read_error
from azpoll.protocol.delay import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import Answer

TOO_MANY_REQUESTS = 429

Counted: TypeAlias = Literal["reads", "writes", "deletes"]
"""What ARM counts apart: GET, DELETE, and all other methods."""

_REMAINING: Mapping[Counted, tuple[str, ...]] = {
    what: (
        f"x-ms-ratelimit-remaining-subscription-{what}",
        f"x-ms-ratelimit-remaining-subscription-global-{what}",
        f"x-ms-ratelimit-remaining-tenant-{what}",
    )
    for what in get_args(Counted)
}
_OF_A_PROVIDER = "x-ms-ratelimit-remaining-resource"
_LOCK = "retryableerrorduetoanotheroperation"
_COUNT = re.compile("[0-9]{1,9}")


class ThrottleLevel(Enum):
    """Whom a 429 concerns."""

    SCOPE = "the subscription"
    PROVIDER = "one resource provider in one location"
    OPERATION = "this operation alone: its resource is locked by another"


class Throttle(NamedTuple):
    """A 429.

    Attributes:
        reach: whom it concerns.
        retry_after_s: as the server said; None when it did not.
    """

    reach: ThrottleLevel
    retry_after_s: float | None


def throttle_of(answer: Answer) -> Throttle | None:
    """Return whom a 429 concerns; None for any other answer."""
    if answer.status_code != TOO_MANY_REQUESTS:
        return None
    if (read_error(answer).error.code or "").lower() == _LOCK:
        reach = ThrottleLevel.OPERATION
    elif _OF_A_PROVIDER in answer.headers:
        reach = ThrottleLevel.PROVIDER
    else:
        reach = ThrottleLevel.SCOPE
    return Throttle(reach, retry_after(answer))


def remaining(answer: Answer, what: Counted) -> int | None:
    """Return the least number of requests the service says are left; None when it says nothing readable.

    Hostile values are of no use: a number may only slow the requests of one scope, never hasten them.
    """
    least: int | None = None
    for name in _REMAINING[what]:
        if name in answer.headers and _COUNT.fullmatch(answer.headers[name]):
            told = int(answer.headers[name])
            least = told if least is None or told < least else least
    return least
