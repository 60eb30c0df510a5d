"""`BulkReport`: what became of many requests, in counts and line by line, as JSON and CSV."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

import csv
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from azpoll.bulk.outcome import BulkOutcome
from azpoll.csv_cells import cell_of
from azpoll.errors import AzpollError
from azpoll.events import Event, ScopeThrottled
from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import escape_for_display, masked_label, masked_url
from azpoll.schedule.histogram import quantile_of


class BulkRow(NamedTuple):
    """One request and its end. All text is escaped and shows no secret.

    Attributes:
        label: of the operation; None for none.
        url: of the request, without the values of its query.
        state: "succeeded", "failed", "canceled" or "unknown"; "not started" if the request started no operation.
        is_new: whether the request was sent in this run; False if its operation was in the journal.
        duration_s: seconds from the initial answer to the answer that showed the end; None if unknown.
        polls: requests that this run sent for the operation after the initial request.
        status_code: HTTP status code of the answer that caused the error; None without one.
        code: the service's error code, such as "Conflict".
        message: the service's error message.
        details: the code and message of each error below it.
        error: why it did not succeed, as one line; None after success.
        operation_id: None if the request started no operation.
        request_id: `x-ms-request-id` of the answer that caused the error.
    """

    label: str | None
    method: str
    url: str
    state: str
    is_new: bool
    duration_s: float | None
    polls: int
    status_code: int | None
    code: str | None
    message: str | None
    details: tuple[str, ...]
    error: str | None
    operation_id: str | None
    request_id: str | None


class BulkSummary(NamedTuple):
    """The counts of a report.

    Attributes:
        total: outcomes so far.
        not_started: requests that started no operation.
        from_journal: operations of an earlier run, among the others.
        shortest_s: the shortest duration in seconds, of those that are known; None if none is.
        median_s: the median duration.
        p95_s: the 95th percentile.
        longest_s: the longest duration.
        polls: requests sent after the initial requests.
        throttled: answers with 429 to any request of the tracker while the loop ran.
    """

    total: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    not_started: int
    from_journal: int
    shortest_s: float | None
    median_s: float | None
    p95_s: float | None
    longest_s: float | None
    polls: int
    throttled: int

    def __str__(self) -> str:
        """Show the counts that are not 0, in one line."""
        names = ("succeeded", "failed", "canceled", "unknown", "not_started")
        counts: dict[str, int] = {name: getattr(self, name) for name in names}
        shown = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        if self.median_s is not None and self.longest_s is not None:
            shown.append(f"median {self.median_s:.0f} s, longest {self.longest_s:.0f} s")
        return f"{self.total} requests: {', '.join([*shown, f'{self.polls} polls', f'{self.throttled} x 429'])}"


class BulkReport:
    """Collects the outcomes of `Tracker.begin_all(..., report=report)`, about 1 kB for each.

    `print(report)` shows its summary. Give a report to several loops to collect all of them.
    """

    def __init__(self) -> None:
        self._rows: list[BulkRow] = []
        self._throttled = 0

    def __str__(self) -> str:
        return str(self.summary())

    @property
    def rows(self) -> tuple[BulkRow, ...]:
        """One row for each outcome, in the order of the ends."""
        return tuple(self._rows)

    @property
    def failures(self) -> tuple[BulkRow, ...]:
        """The rows of the requests that did not succeed."""
        return tuple(row for row in self._rows if row.state != OperationState.SUCCEEDED)

    def add(self, outcome: BulkOutcome[Any]) -> None:
        """Add an outcome; `begin_all` does it before it yields the outcome."""
        self._rows.append(_row_of(outcome))

    def on_event(self, event: Event) -> None:
        """Count a 429; `begin_all` subscribes it to the tracker while the loop runs."""
        if isinstance(event, ScopeThrottled):
            self._throttled += 1

    def summary(self) -> BulkSummary:
        """Return the counts so far."""
        rows = self._rows
        counts = Counter(row.state for row in rows)
        durations = sorted(row.duration_s for row in rows if row.duration_s is not None)
        return BulkSummary(
            total=len(rows),
            succeeded=counts["succeeded"],
            failed=counts["failed"],
            canceled=counts["canceled"],
            unknown=counts["unknown"],
            not_started=counts["not started"],
            from_journal=sum(not row.is_new for row in rows),
            shortest_s=durations[0] if durations else None,
            median_s=quantile_of(durations, 0.5),
            p95_s=quantile_of(durations, 0.95),
            longest_s=durations[-1] if durations else None,
            polls=sum(row.polls for row in rows),
            throttled=self._throttled,
        )

    def to_json(self) -> str:
        """Return `{"summary": {...}, "requests": [...]}`; the members are the attributes of the two classes."""
        document = {"summary": self.summary()._asdict(), "requests": [row._asdict() for row in self._rows]}
        return json.dumps(document, indent=2)

    def to_csv(self) -> str:
        """Return a header line and a line for each row; the columns are the attributes of `BulkRow`.

        A text that a spreadsheet would run as a formula has an apostrophe before it.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(BulkRow._fields)
        for row in self._rows:
            writer.writerow([_cell(value) for value in row])
        return text.getvalue()

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file: JSON if its name ends in ".json", CSV if it ends in ".csv".

        Raises:
            ValueError: the name ends in neither.
            OSError: the file cannot be written.
        """
        path = Path(path)
        formats = {".json": self.to_json, ".csv": self.to_csv}
        if (write := formats.get(path.suffix.lower())) is None:
            raise ValueError(f"a report is written to a .json or .csv file, not to {path.name!r}")
        path.write_text(write(), encoding="utf-8", newline="")


def _row_of(outcome: BulkOutcome[Any]) -> BulkRow:
    request, error, reported = outcome.request, outcome.error, None
    operation_id = None if outcome.operation is None else outcome.operation.id
    if outcome.stored is not None:
        operation_id = outcome.stored.operation_id
    if isinstance(error, AzpollError):
        reported = error.reported
    details = () if reported is None else reported.error.details
    return BulkRow(
        label=None if request.label is None else _shown(masked_label(request.label)),
        method=str(request.method),
        url=masked_url(str(request.url)),
        state="not started" if outcome.state is None else outcome.state.value,
        is_new=outcome.is_new,
        duration_s=None if outcome.duration_s is None else round(outcome.duration_s, 3),
        polls=outcome.polls,
        status_code=None if reported is None else reported.status_code,
        code=None if reported is None else _shown(reported.error.code),
        message=None if reported is None else _shown(reported.error.message),
        details=tuple(escape_for_display(f"{each.code}: {each.message}") for each in details),
        error=None if error is None else escape_for_display(str(error) or type(error).__name__, 1024),
        operation_id=operation_id,
        request_id=None if reported is None else _shown(reported.request_id),
    )


def _shown(text: object) -> str | None:
    return None if text is None else escape_for_display(str(text))


def _cell(value: str | float | tuple[str, ...] | None) -> str | float | None:
    return cell_of("; ".join(value) if isinstance(value, tuple) else value)
