"""The report of the demo: the results of the fleet, compared with the record of the simulated service."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpoll import OperationState

if TYPE_CHECKING:
    from azpoll.cli.demo.view import View
    from azpoll.cli.fleet.demo.course import Course
    from azpoll.testing import FakeARM

_ENDS = (OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELED)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run.

    Attributes:
        stored: state to the number of results with it.
        actual: state to the number of operations with it on the server.
        lost: operations without a result.
        doubled: results beyond the first of an operation.
        false_verdicts: results with another outcome than on the server.
        polls: GETs that the server answered.
        taken_over_s: seconds from the kill until the other worker had all shards; None if that was not seen.
    """

    stored: Counter[str]
    actual: Counter[str]
    lost: int
    doubled: int
    false_verdicts: int
    polls: int
    taken_over_s: float | None

    @property
    def is_correct(self) -> bool:
        """Whether each operation has one result, which is right."""
        return not (self.lost or self.doubled or self.false_verdicts)


def evaluate(course: Course, arm: FakeARM) -> Report:
    """Compare the results with the record of the server."""
    times = Counter(result.operation_id for result in course.results)
    states = {result.operation_id: _state_of(result.state) for result in course.results}
    outcomes = {each: plan.fake.outcome.lower() for each, plan in zip(course.ids, course.plans, strict=True)}
    return Report(
        stored=Counter(states.values()),
        actual=Counter(outcomes.values()),
        lost=len(outcomes.keys() - states.keys()),
        doubled=times.total() - len(times),
        false_verdicts=sum(states.get(each, outcome) != outcome for each, outcome in outcomes.items()),
        polls=arm.statistics().reads,
        taken_over_s=course.taken_over_s,
    )


def show(report: Report, view: View) -> None:
    """Print the report."""
    view.heading("Results, as stored in the fleet and as recorded by the server")
    view.line(f"{'':<22}{'fleet':>12}{'server':>12}", "quiet")
    for end in _ENDS:
        view.line(f"  {end.value:<20}{report.stored[end.value]:>12,}{report.actual[end.value]:>12,}")
    view.heading("Guarantees: all three counts must be 0")
    rows = (
        (report.lost, "lost operations", "without a result"),
        (report.doubled, "double results", "more than one for an operation"),
        (report.false_verdicts, "false verdicts", "another outcome than on the server"),
    )
    for count, name, meaning in rows:
        view.line(f"  {name:<20}{count:>12,}   {meaning}", "bad" if count else "")
    view.line("")
    if report.taken_over_s is None:
        view.line("This machine was too busy: all operations ended before the second worker took over.", "bad")
    if report.is_correct:
        view.line(f"Each of {report.actual.total():,} operations has one result, after {report.polls:,} polls.", "good")
    else:
        view.line("azpoll made a mistake: please report it with the seed and these figures.", "bad")


def _state_of(state: OperationState | None) -> str:
    return "not started" if state is None else state.value
