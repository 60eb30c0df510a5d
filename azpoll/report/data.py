"""A report as JSON and as CSV: all operations, without secrets."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from azpoll.csv_cells import cell_of
from azpoll.report.texts import iso_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.report.operations import ReportedOperation
    from azpoll.report.summary import Summary

COLUMNS = (
    *(
        "id",
        "name",
        "group",
        "method",
        "target",
        "state",
        "status",
        "http_status",
        "request_id",
        "begun_at",
        "ended_at",
    ),
    *("duration_s", "polls", "throttled", "reason", "code", "message", "percent", "last_error"),
)
"""The members of an operation in JSON, where it also has `details`, and the columns of CSV."""


def json_text(operations: Iterable[ReportedOperation], summary: Summary, now_s: float) -> str:
    """Return a report as one JSON document; times are in ISO 8601, durations in seconds."""
    durations = summary.durations
    document = {
        "generated_at": iso_text(now_s),
        "summary": {
            "total": summary.total,
            "states": summary.states,
            "durations": None if durations is None else durations._asdict(),
            "polls": summary.polls._asdict(),
            "throttled": summary.throttled._asdict(),
            "first_begun_at": iso_text(summary.first_s),
            "last_ended_at": iso_text(summary.last_s),
            "codes": summary.codes,
        },
        "operations": [
            {**_members(each, now_s), "details": [detail._asdict() for detail in each.details]} for each in operations
        ],
    }
    return json.dumps(document, indent=1)


def csv_text(operations: Iterable[ReportedOperation], now_s: float) -> str:
    """Return a report as CSV (RFC 4180) with a header.

    A text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in operations:
        writer.writerow(map(cell_of, _members(each, now_s).values()))
    return text.getvalue()


def _members(operation: ReportedOperation, now_s: float) -> dict[str, object]:
    values = operation._asdict()
    values |= {"begun_at": iso_text(operation.begun_s), "ended_at": iso_text(operation.ended_s)}
    values["duration_s"] = round(operation.duration_s(now_s), 3)
    return {name: values[name] for name in COLUMNS}
