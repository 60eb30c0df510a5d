"""What a tracker has done so far, in numbers."""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

from typing import NamedTuple

from azpoll.schedule.scopes import ScopeStatistics


class Statistics(NamedTuple):
    """What a tracker has done so far.

    Attributes:
        starting: initial requests that wait for their turn.
        tracked: operations, ended ones included.
        running: operations that have not ended.
        waiting: operations that wait for their next request.
        in_flight: requests under way.
        polls: requests answered or failed, final GETs included.
        succeeded: operations that succeeded.
        failed: operations that the service said failed.
        canceled: operations that were canceled.
        unknown: operations whose status could not be read, or that were no longer tracked.
        scopes: the read limits they fell under, and what was read in each.
    """

    starting: int
    tracked: int
    running: int
    waiting: int
    in_flight: int
    polls: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    scopes: tuple[ScopeStatistics, ...]
