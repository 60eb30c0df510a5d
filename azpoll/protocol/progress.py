"""The progress of an operation: the latest values that its answers reported, as sent (rule 41)."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation at import.

import sys
from collections.abc import Mapping
from typing import NamedTuple

from azpoll.protocol.json_body import text_member
from azpoll.protocol.patterns import StatusReport
from azpoll.protocol.reading import Reading

_LARGEST_NUMBER = 1e15
"""A larger `percentComplete` is ignored. The comparison also excludes NaN."""


class Progress(NamedTuple):
    """The latest progress that the service reported, as sent (rule 41).

    Attributes:
        status: the status word in the service's spelling; None before the first readable one.
        percent_complete: `percentComplete` as sent, of unknown scale (Machine Learning sends 0..1).
        percent: 0..100, only if the scale is certain.
        start_time: `startTime` as sent; not always RFC 3339.
        end_time: `endTime` as sent.
        request_id: `x-ms-request-id` of the last answer.
        correlation_id: `x-ms-correlation-request-id` of the last answer.
    """

    status: str | None = None
    percent_complete: float | None = None
    percent: float | None = None
    start_time: str | None = None
    end_time: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None


NO_PROGRESS = Progress()


def progress_after(before: Progress, reading: Reading, report: StatusReport) -> Progress:
    """Return the progress after an answer; values that the answer omits stay, request ids do not."""
    status, complete, percent, start_time, end_time, _, _ = before
    if report.status is not None:
        status = sys.intern(report.status)
    document = report.document
    if document is not None:
        raw = _number(document, "percentComplete")
        if raw is not None:
            complete, percent = raw, _percent(raw, before)
        start_time = text_member(document, "startTime") or start_time
        end_time = text_member(document, "endTime") or end_time
    request_id, correlation_id = reading.request_ids
    return Progress(status, complete, percent, start_time, end_time, request_id, correlation_id)


def _percent(raw: float, before: Progress) -> float | None:
    """Return `raw` if its scale must be 0..100: a value up to 1 may be a fraction of one."""
    scale_known = before.percent_complete is not None and before.percent_complete > 1
    if raw == 0 or 1 < raw <= 100 or (scale_known and 0 < raw <= 1):  # noqa: PLR2004 - per cent
        return raw
    return None


def _number(document: Mapping[str, object], name: str) -> float | None:
    if name not in document:
        return None
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else None
