"""The truth about a run: what azpoll said of each operation against what the service knows."""

from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from azpoll.snapshot import OperationState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.cli.demo_run import Run
    from azpoll.testing import FakeARM

ENDS = (OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELED)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is reported.

    Attributes:
        said: how many operations azpoll said to have ended how, or to be `unknown`.
        truth: how many the service knows to have ended how.
        false: said to have ended otherwise than the service knows, or sooner.
        lost: never begun, given up, or not seen to end.
        early: reads before the time the service had told.
        after_end: reads when nothing was left to ask.
        requests: all.
        reads: all but the initial ones.
        throttled: answered 429.
        faulty: answered 5xx, or not in full.
        noticed_s: from each end to azpoll's knowing it, in ascending order.
        lateness_s: from each read's due time to its sending, in ascending order.
        cpu_s: of azpoll's thread.
        memory_mib: peak of the process; None where the system does not tell.
        wall_s: of the whole run.
    """

    said: Counter[str]
    truth: Counter[str]
    false: int
    lost: int
    early: int
    after_end: int
    requests: int
    reads: int
    throttled: int
    faulty: int
    noticed_s: Sequence[float]
    lateness_s: Sequence[float]
    cpu_s: float
    memory_mib: float | None
    wall_s: float

    @property
    def right(self) -> bool:
        """Whether azpoll did what it promises."""
        return not (self.false or self.lost or self.early or self.after_end)


def judge(run: Run, arm: FakeARM) -> Figures:
    """Return the figures of a run that is over."""
    said: Counter[str] = Counter()
    truth: Counter[str] = Counter()
    false, noticed_s = 0, list[float]()
    for fake, operation in run.followed:
        said[operation.state.value] += 1
        truth[fake.outcome.lower()] += 1
        if operation.state in ENDS:
            noticed = run.ended_at_s.get(operation.id, -math.inf) - fake.ends_at_s
            noticed_s.append(noticed)
            false += operation.state.value != fake.outcome.lower() or noticed < 0
    counts = arm.statistics()
    requests = arm.requests
    return Figures(
        said=said,
        truth=truth,
        false=false,
        lost=run.refused + sum(said.values()) - sum(said[end.value] for end in ENDS),
        early=counts.early_polls,
        after_end=sum(request.after_end for request in requests),
        requests=counts.requests,
        reads=counts.reads,
        throttled=counts.throttled,
        faulty=sum(r.status is None or r.status >= HTTPStatus.INTERNAL_SERVER_ERROR for r in requests),
        noticed_s=sorted(noticed_s),
        lateness_s=sorted(run.lateness_s),
        cpu_s=run.cpu_s,
        memory_mib=_peak_memory_mib(),
        wall_s=run.wall_s,
    )


def percentile(ascending: Sequence[float], share: float) -> float:
    """Return the value that `share` (0..1) of the values do not exceed; 0 of none."""
    return ascending[max(math.ceil(share * len(ascending)) - 1, 0)] if ascending else 0.0


def _peak_memory_mib() -> float | None:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
