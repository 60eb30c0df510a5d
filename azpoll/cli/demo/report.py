"""The report of a demo run: the outcomes in azpoll compared with the record of the server, and the cost."""

from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from azpoll import OperationState
from azpoll.duration_text import duration_text
from azpoll.schedule.histogram import quantile_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.cli.demo.runner import Run
    from azpoll.cli.demo.view import View
    from azpoll.testing import FakeARM

_ENDS = (OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELED)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run.

    Attributes:
        reported: state to the number of operations that have it in azpoll.
        actual: state to the number of operations that have it on the server.
        false_verdicts: operations whose end azpoll reported wrongly or too early.
        lost: operations that were not started, or whose end azpoll did not learn.
        early_reads: reads before the time that the server asked for.
        reads_after_end: reads after the last answer that the operation needed.
        requests: all requests.
        reads: all requests but the initial ones.
        throttled: requests answered with 429.
        faulty: requests answered with 5xx, or without a complete answer.
        detection_s: time from each end to its detection by azpoll, in ascending order.
        lateness_s: time from each read's due time until it was sent, in ascending order.
        cpu_s: CPU time of azpoll's thread.
        memory_mib: peak memory of the process; None if the system does not report it.
        wall_s: time of the whole run.
    """

    reported: Counter[str]
    actual: Counter[str]
    false_verdicts: int
    lost: int
    early_reads: int
    reads_after_end: int
    requests: int
    reads: int
    throttled: int
    faulty: int
    detection_s: Sequence[float]
    lateness_s: Sequence[float]
    cpu_s: float
    memory_mib: float | None
    wall_s: float

    @property
    def total(self) -> int:
        """The number of operations that were started."""
        return self.actual.total()

    @property
    def unknown(self) -> int:
        """The number of started operations whose end azpoll did not learn."""
        return self.reported.total() - sum(self.reported[end.value] for end in _ENDS)

    @property
    def is_correct(self) -> bool:
        """Whether azpoll kept its guarantees."""
        return not (self.false_verdicts or self.lost or self.early_reads or self.reads_after_end)


def evaluate(run: Run, arm: FakeARM) -> Report:
    """Compare a finished run with the record of the server."""
    reported = Counter(operation.state.value for _, operation in run.operations)
    ended = [(fake, operation) for fake, operation in run.operations if operation.state in _ENDS]
    detection_s = [run.ended_at_s.get(operation.id, -math.inf) - fake.ends_at_s for fake, operation in ended]
    false_verdicts = sum(
        operation.state.value != fake.outcome.lower() or detected_s < 0
        for (fake, operation), detected_s in zip(ended, detection_s, strict=True)
    )
    counts, requests = arm.statistics(), arm.requests
    return Report(
        reported=reported,
        actual=Counter(fake.outcome.lower() for fake, _ in run.operations),
        false_verdicts=false_verdicts,
        lost=run.not_started + len(run.operations) - len(ended),
        early_reads=counts.early_polls,
        reads_after_end=sum(request.after_end for request in requests),
        requests=counts.requests,
        reads=counts.reads,
        throttled=counts.throttled,
        faulty=sum(r.status is None or r.status >= HTTPStatus.INTERNAL_SERVER_ERROR for r in requests),
        detection_s=sorted(detection_s),
        lateness_s=sorted(run.lateness_s),
        cpu_s=run.cpu_s,
        memory_mib=_peak_memory_mib(),
        wall_s=run.wall_s,
    )


def show(report: Report, view: View) -> None:
    """Print the report."""
    _show_outcomes(report, view)
    _show_guarantees(report, view)
    _show_cost(report, view)
    view.line("")
    if report.is_correct:
        view.line(f"All {report.total:,} operations ended as the server says, and no read was sent early.", "good")
    else:
        view.line("azpoll made a mistake: please report it with the seed and these figures.", "bad")


def _show_outcomes(report: Report, view: View) -> None:
    view.heading("Outcomes, as reported by azpoll and as recorded by the server")
    view.line(f"{'':<22}{'azpoll':>12}{'server':>12}", "quiet")
    for end in _ENDS:
        view.line(f"  {end.value:<20}{report.reported[end.value]:>12,}{report.actual[end.value]:>12,}")
    view.line(f"  {'unknown':<20}{report.unknown:>12,}{'-':>12}")


def _show_guarantees(report: Report, view: View) -> None:
    view.heading("Guarantees: all four counts must be 0")
    rows = (
        (report.false_verdicts, "false verdicts", "another outcome, or reported before the end"),
        (report.lost, "lost operations", "not started, or the end was never learned"),
        (report.early_reads, "early reads", "sent before the Retry-After had passed"),
        (report.reads_after_end, "reads after the end", "sent after the last answer that was needed"),
    )
    for count, name, meaning in rows:
        view.line(f"  {name:<20}{count:>12,}   {meaning}", "bad" if count else "")


def _show_cost(report: Report, view: View) -> None:
    view.heading("Cost")
    total, cpu_ms = report.total, report.cpu_s / max(report.requests, 1) * 1000
    detection = f"{_quantile(report.detection_s, 0.5):.1f} / {_quantile(report.detection_s, 0.99):.1f} s"
    median_ms, late_ms = (_quantile(report.lateness_s, share) * 1000 for share in (0.5, 0.99))
    lateness = f"{median_ms:.0f} / {late_ms:.0f} ms"
    memory = "unknown" if report.memory_mib is None else f"{report.memory_mib:.0f} MiB"
    rows = (
        (f"{report.reads:,}", "reads", f"for {total:,} operations: {report.reads / max(total, 1):.1f} per operation"),
        (f"{report.throttled:,}", "answered 429", "azpoll waited as long as the server asked"),
        (f"{report.faulty:,}", "faulty answers", "5xx, or lost connections; read again later"),
        (detection, "detection delay", "after the end, median / 99 %"),
        (lateness, "lateness", "after the due time, median / 99 %"),
        (f"{cpu_ms:.2f} ms", "CPU per request", "azpoll and the HTTP client, not the server"),
        (memory, "peak memory", "of the whole process, including the server"),
        (duration_text(report.wall_s), "wall time", "from the first request to the last result"),
    )
    for value, name, meaning in rows:
        view.line(f"  {name:<20}{value:>12}   {meaning}")


def _quantile(ascending: Sequence[float], share: float) -> float:
    return quantile_of(ascending, share) or 0.0


def _peak_memory_mib() -> float | None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
