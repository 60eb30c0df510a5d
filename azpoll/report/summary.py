"""The summary of a report: states, durations, polls, and the codes of failures."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from azpoll.report.operations import OPEN, STATES, ReportedOperation
from azpoll.schedule.histogram import quantile_of


class Durations(NamedTuple):
    """Durations of ended operations in seconds: half of them took at most `p50_s`, nine tenths at most `p90_s`."""

    p50_s: float
    p90_s: float
    max_s: float


class Count(NamedTuple):
    """A sum over the operations for which the journal knows it.

    Attributes:
        total: 0 if it is known for none.
        known: the number of operations for which it is known.
    """

    total: int
    known: int


class Summary(NamedTuple):
    """The summary of some operations.

    Attributes:
        states: operations by state, in the order of `STATES`; states without operations are left out.
        durations: of the operations that ended after they had begun; None if there are none.
        first_s: Unix time in seconds of the first beginning; None without operations.
        last_s: Unix time in seconds of the last end, or the present time while an operation runs.
        codes: failures and cancellations by the service's error code, the most frequent first.
    """

    total: int
    states: dict[str, int]
    durations: Durations | None
    polls: Count
    throttled: Count
    first_s: float | None
    last_s: float | None
    codes: dict[str, int]


def summary_of(operations: Sequence[ReportedOperation], now_s: float) -> Summary:
    """Return the summary of operations; `now_s` is the present Unix time in seconds."""
    counts = Counter(each.state for each in operations)
    codes = Counter(each.code or "without a code" for each in operations if each.state in {"failed", "canceled"})
    ends = [now_s if each.ended_s is None else each.ended_s for each in operations]
    return Summary(
        total=len(operations),
        states={state: counts[state] for state in STATES if counts[state]},
        durations=_durations(operations),
        polls=_count([each.polls for each in operations]),
        throttled=_count([each.throttled for each in operations]),
        first_s=min((each.begun_s for each in operations), default=None),
        last_s=max(ends, default=None),
        codes=dict(codes.most_common()),
    )


def _durations(operations: Sequence[ReportedOperation]) -> Durations | None:
    ended = [each for each in operations if each.state not in OPEN and each.state != "not_started"]
    took_s = sorted(each.duration_s(0.0) for each in ended)
    p50_s, p90_s = quantile_of(took_s, 0.5), quantile_of(took_s, 0.9)
    return None if p50_s is None or p90_s is None else Durations(p50_s, p90_s, took_s[-1])


def _count(values: Sequence[int | None]) -> Count:
    known = [value for value in values if value is not None]
    return Count(sum(known), len(known))
