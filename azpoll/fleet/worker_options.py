"""The options of a worker, checked."""

from __future__ import annotations

from typing import NamedTuple

from azpoll.tracking.settings import checked_count, checked_seconds

LONGEST_LEASE_S = 86_400.0
"""A day: after a longer time there is no use in another worker."""

STORED_BODY = 1024 * 1024
"""The default number of bytes of a result that are stored."""


class WorkerOptions(NamedTuple):
    """The options of `Fleet.work`."""

    shards: int
    lease_s: float
    stored_body: int
    drain: bool


def checked_options(shards: int, lease_s: float, stored_body: int, *, drain: bool) -> WorkerOptions:
    """Return the options; raises `ValueError` or `TypeError` for one that is out of its range."""
    lease_s = checked_seconds("lease_s", lease_s)
    if not 1.0 <= lease_s <= LONGEST_LEASE_S:
        raise ValueError("lease_s must be 1 second or more, and at most a day")
    return WorkerOptions(checked_count("shards", shards), lease_s, checked_count("stored_body", stored_body), drain)
