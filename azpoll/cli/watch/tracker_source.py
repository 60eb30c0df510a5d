"""The view of a tracker of the same process, which `azpoll.watch` draws."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

from azpoll import OperationEnded, OperationState
from azpoll.cli.terminal import rich_console
from azpoll.cli.watch.drawing import INTERVAL_S, ROWS, Screen, draw_until_ended, text_of
from azpoll.cli.watch.view import (
    LATE_S,
    BudgetRow,
    GroupRow,
    OperationRow,
    View,
    first_rows,
    shown_group,
    shown_name,
    shown_reason,
    shown_scope,
    shown_status,
)

if TYPE_CHECKING:
    from typing import TextIO

    from azpoll import Event, GroupCounts, RunningOperation, ScopeStatistics, Statistics, Tracker
    from azpoll.cli.watch.view import Concern

_FAILURES = 100
"""The number of ended operations that are kept."""


class TrackerSource:
    """Reads a tracker, and keeps the operations that ended without success while it is entered."""

    def __init__(self, tracker: Tracker[Any]) -> None:
        self._tracker = tracker
        self._failures: deque[OperationRow] = deque(maxlen=_FAILURES)
        self.unsubscribe = tracker.subscribe(self._on_event)

    async def read(self, most: int) -> View:
        """Return the present view with at most `most` operations."""
        overview, counts = self._tracker.overview(most), self._tracker.statistics()
        operations = first_rows(tuple(self._failures), [_row(each) for each in overview.operations], most)
        listed = sum(row.concern != "failed" for row in operations)
        return View(
            {
                "running": overview.running,
                "failing": overview.failing,
                "late": overview.late,
                **_ended(counts),
            },
            (_facts(counts),),
            tuple(map(_group, overview.groups)),
            operations,
            overview.running - listed,
            tuple(map(_budget, counts.scopes)),
        )

    def ended(self) -> bool:
        """Whether no operation runs, and no initial request is queued."""
        counts = self._tracker.statistics()
        return not counts.running and not counts.starting

    def _on_event(self, event: Event) -> None:
        if isinstance(event, OperationEnded) and event.state is not OperationState.SUCCEEDED:
            self._failures.appendleft(
                OperationRow(
                    id=event.operation_id,
                    name=shown_name(event.label, event.operation_id),
                    group=None,
                    state=event.state.value,
                    status=None,
                    percent=None,
                    next_poll_s=None,
                    elapsed_s=event.tracked_s,
                    reason=shown_reason(event.code),
                    concern="failed",
                )
            )


async def watch_tracker(tracker: Tracker[Any], stream: TextIO | None) -> None:
    """Draw the operations of a tracker until none is left; without a terminal, print them at the end."""
    source = TrackerSource(tracker)
    console = None if stream is None else rich_console(stream)
    try:
        if stream is not None and console is not None:
            try:
                await draw_until_ended(source, Screen(console, stream, whole=False))
            except OSError:  # the terminal was closed
                stream = console = None
        while not source.ended():  # noqa: ASYNC110 - it has no event
            await anyio.sleep(INTERVAL_S)
        if stream is not None and console is None:
            with suppress(OSError):
                print(text_of(await source.read(ROWS), stream), file=stream, flush=True)
    finally:
        source.unsubscribe()


def _row(operation: RunningOperation) -> OperationRow:
    wait_s = None if operation.next_poll is None else (operation.next_poll - datetime.now(UTC)).total_seconds()
    return OperationRow(
        id=operation.id,
        name=shown_name(operation.label, operation.target),
        group=shown_group(operation.group),
        state=operation.state.value,
        status=shown_status(operation.status),
        percent=operation.percent,
        next_poll_s=wait_s,
        elapsed_s=operation.elapsed_s,
        reason=shown_reason(operation.last_error),
        concern=_concern(operation),
    )


def _concern(operation: RunningOperation) -> Concern:
    if operation.failures:
        return "failing"
    return "late" if operation.late_s > LATE_S else "none"


def _ended(counts: Statistics | GroupCounts) -> dict[str, int]:
    return {
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "canceled": counts.canceled,
        "unknown": counts.unknown,
    }


def _group(group: GroupCounts) -> GroupRow:
    return GroupRow(shown_group(group.label), group.running, group.failing, group.late, _ended(group), group.oldest_s)


def _budget(scope: ScopeStatistics) -> BudgetRow:
    return BudgetRow(
        shown_scope(scope.scope),
        scope.rate,
        scope.tokens,
        scope.waiting,
        scope.lateness_p50_s,
        scope.lateness_p99_s,
        scope.throttled,
    )


def _facts(counts: Statistics) -> str:
    starting = f", {counts.starting:,} initial requests queued" if counts.starting else ""
    return f"{counts.polls:,} polls answered, {counts.in_flight:,} under way{starting}"
