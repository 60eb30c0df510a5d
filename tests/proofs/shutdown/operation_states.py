"""The states that an operation may be in when its tracker ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpoll.testing import Delay, Ordinary, Reply, Script

if TYPE_CHECKING:
    from azpoll.options import Method

END_S = 5.0
"""The time at which the tracker ends."""

GRACE_S = 5.0


@dataclass(frozen=True)
class State:
    """One state.

    Attributes:
        script: the script that brings an operation into the state by `END_S`.
        stopped: the result of an awaiter if tracking stops at `END_S`.
        unread: the result of an awaiter if no poll can be sent after `END_S`.
        method: the method of the initial request.
        begun_s: the time of the initial request.
        whole: the result of an awaiter if tracking goes on to the end.
    """

    script: Script
    stopped: str = "TrackerClosed"
    unread: str = "PollingError"
    method: Method = "DELETE"
    begun_s: float = 0.0
    whole: str = "succeeded"


STATES: dict[str, State] = {
    "waiting": State(Script(duration_s=50, retry_after=60)),
    "polling": State(
        Script(duration_s=5, retry_after=3, polls=[Delay(4, Reply(200, {"status": "Succeeded"}))]),
        stopped="succeeded",
        unread="succeeded",
    ),
    "hanging": State(Script(duration_s=5, retry_after=3, polls=[Delay(math.inf), Ordinary()])),
    "fetching": State(
        Script(duration_s=1, retry_after=3, finals=[Delay(4)]), stopped="succeeded", unread="succeeded", method="PUT"
    ),
    "fetching in vain": State(Script(duration_s=1, retry_after=3, finals=[Delay(math.inf)]), method="PUT"),
    "beginning": State(
        Script(duration_s=5, retry_after=3, initial=Delay(4)), begun_s=3, unread="TrackerClosed", whole="TrackerClosed"
    ),
    "beginning late": State(
        Script(duration_s=5, retry_after=3, initial=Delay(4)),
        begun_s=END_S - 0.001,
        unread="TrackerClosed",
        whole="TrackerClosed",
    ),
    "throttled": State(Script(duration_s=5, retry_after=3, polls=[Reply(429, retry_after=60), Ordinary()])),
    "ended": State(Script(duration_s=1, retry_after=2), stopped="succeeded", unread="succeeded"),
    "failed": State(
        Script(duration_s=1, retry_after=2, outcome="Failed"), stopped="failed", unread="failed", whole="failed"
    ),
}
