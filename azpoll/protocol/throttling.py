"""The read limits that an answer reports: the level of a 429, its wait, and the number of reads left.

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
PROVIDER_LIMIT = "x-ms-ratelimit-remaining-resource"
HEADERS = (PROVIDER_LIMIT, *(name for names in REMAINING.values() for name in names))
"""The headers that this module reads."""

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


def throttle_of(answer: Answer) -> Throttle | None:
    """Return the throttle of a 429; None for any other answer."""
    if answer.status_code != TOO_MANY_REQUESTS:
        return None
    if (read_error(answer).error.code or "").lower() == _LOCK:
        level = ThrottleLevel.OPERATION
    elif PROVIDER_LIMIT in answer.headers:
        level = ThrottleLevel.PROVIDER
    else:
        level = ThrottleLevel.SCOPE
    return Throttle(level, retry_after(answer))


def remaining(answer: Answer, kind: Counted) -> int | None:
    """Return the smallest number of requests left by any limit; None without a readable header.

    A hostile value gains nothing: the number can only slow the requests of one scope, never speed them up.
    """
    least: int | None = None
    for name in REMAINING[kind]:  # a loop: each answer is read, and generators take three times as long
        count = answer.headers.get(name)
        if count is not None and _COUNT.fullmatch(count) and (least is None or int(count) < least):
            least = int(count)
    return least
