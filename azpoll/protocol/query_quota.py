"""The quota of queries that an answer of Azure Resource Graph reports.

Source: learn.microsoft.com "guidance for throttled requests in Azure Resource Graph".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.retry_after import retry_after
from azpoll.protocol.throttling import TOO_MANY_REQUESTS

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer

QUOTA_REMAINING = "x-ms-user-quota-remaining"
QUOTA_RESETS_AFTER = "x-ms-user-quota-resets-after"
HEADERS = (QUOTA_REMAINING, QUOTA_RESETS_AFTER)
"""The headers that this module reads."""

KEPT = 5
"""Queries of each window that are left to other users of the same principal; the quota is usually 15 in 5 s."""

WINDOW_S = 5.0
"""The window, for an answer that does not say when it ends."""

LONGEST_S = DelayLimits().cap
"""The longest pause in seconds, whatever the answer asks for (rule 35)."""

_COUNT = "[0-9]{1,9}"
_TIME = r"(?P<hours>[0-9]{1,2}):(?P<minutes>[0-9]{2}):(?P<seconds>[0-9]{2}(?:\.[0-9]{1,9})?)"


def query_pause(answer: Answer) -> float:
    """Return the seconds that the next query waits after this answer: 0 to an hour.

    A `Retry-After` counts, and so does a window in which no more than `KEPT` queries are left.
    """
    asked_s = retry_after(answer)
    if asked_s is not None:
        return min(asked_s, LONGEST_S)
    remaining = re.fullmatch(_COUNT, answer.headers.get(QUOTA_REMAINING, ""))
    few = remaining is not None and int(remaining.group()) < KEPT
    if not few and answer.status_code != TOO_MANY_REQUESTS:
        return 0.0
    resets = re.fullmatch(_TIME, answer.headers.get(QUOTA_RESETS_AFTER, ""))
    if resets is None:
        return WINDOW_S
    seconds = 3600 * int(resets["hours"]) + 60 * int(resets["minutes"]) + float(resets["seconds"])
    return min(seconds, LONGEST_S)
