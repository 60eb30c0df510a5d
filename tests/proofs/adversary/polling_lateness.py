"""The lateness of status polls, from the log of the service."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.testing import FakeARM


def lateness_s(arm: FakeARM, wait_s: float, now_s: float, counts: Callable[[str], bool] = bool) -> list[float]:
    """Return the lateness of each poll of a status monitor, in seconds.

    An operation whose end was not read yet waits for one more poll, which is late by now.

    Args:
        arm: the service.
        wait_s: the `Retry-After` of all its answers, in seconds.
        now_s: on the clock of the service.
        counts: whether an operation counts, by the path of its resource.
    """
    polls: dict[str, list[float]] = defaultdict(list)
    for request in arm.requests:
        if request.operation is not None and (request.method != "GET" or "operationStatuses" in request.path):
            polls[request.operation].append(request.at_s)
    late: list[float] = []
    for identity, operation in arm.operations.items():
        if counts(operation.path):
            times = [*polls[identity], *([now_s] if operation.told_end_at_s is None else [])]
            late += [max(0.0, later - earlier - wait_s) for earlier, later in pairwise(times)]
    return late


def percentile(values: list[float], share: float) -> float:
    """Return a percentile; 0 of no values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0
