"""Rule 41: the progress that answers report, as sent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from azpoll.protocol.reading import Reading
from azpoll.protocol.status_document import (
    NO_PROGRESS,
    Progress,
    StatusReport,
    Verdict,
    progress_after,
    status_word,
)
from tests.support.json_documents import DOCUMENTS
from tests.support.protocol_rows import RESOURCE, reply


def read(document: dict[str, object], before: Progress = NO_PROGRESS, **headers: str) -> Progress:
    """Return the progress that a document tells."""
    reading = Reading(reply(200, b"", **headers).to(RESOURCE, 0.0))
    report = StatusReport(Verdict.RUNNING, status_word(document), document)
    return progress_after(before, report, reading.request_ids)


def test_rule_41_progress_is_told_as_it_was_sent() -> None:
    """Status, percentage, times that are not always RFC 3339 (CosmosDB for PostgreSQL), and request ids."""
    document: dict[str, object] = {
        "status": "InProgress",
        "percentComplete": 12.5,
        "startTime": "2023-08-11 01:58:30 +0000",
        "endTime": "soon",
    }
    progress = read(document, x_ms_request_id="r", x_ms_correlation_request_id="c")
    assert progress == Progress("InProgress", 12.5, 12.5, "2023-08-11 01:58:30 +0000", "soon", "r", "c")


def test_rule_41_what_an_answer_omits_stays_as_it_was() -> None:
    """But request ids are those of the last answer."""
    before = Progress("InProgress", 12.5, 12.5, "then", "soon", "r", "c")
    assert read({}, before) == Progress("InProgress", 12.5, 12.5, "then", "soon")
    without_document = progress_after(before, StatusReport(Verdict.RUNNING), (None, None))
    assert without_document.start_time == "then"


@pytest.mark.parametrize(
    ("sent", "raw", "percent"),
    [
        (0, 0, 0),
        (0.4, 0.4, None),
        (1, 1, None),
        (1.5, 1.5, 1.5),
        (100, 100, 100),
        (101, 101, None),
        (-1, -1, None),
        (True, None, None),
        ("50", None, None),
        (None, None, None),
        (math.nan, None, None),
        (1e15, None, None),
        (-1e15, None, None),
        (-9e14, -9e14, None),
        (math.inf, None, None),
        (10**400, None, None),
    ],
)
def test_rule_41_a_percentage_is_given_where_its_scale_is_certain(
    sent: object, raw: float | None, percent: float | None
) -> None:
    """Machine Learning counts from 0 to 1."""
    progress = read({"percentComplete": sent})
    assert (progress.percent_complete, progress.percent) == (raw, percent)


def test_rule_41_once_the_scale_is_known_a_small_number_is_a_small_percentage() -> None:
    """After 50, 0.5 is half of one per cent."""
    assert read({"percentComplete": 0.5}, read({"percentComplete": 50})).percent == 0.5
    assert read({"percentComplete": 0.5}, read({"percentComplete": 0.2})).percent is None
    assert read({"percentComplete": 0.5}, read({"percentComplete": 1})).percent is None
    assert read({"percentComplete": 0.5}, read({"percentComplete": 1.5})).percent == 0.5
    assert read({"percentComplete": 1}, read({"percentComplete": 50})).percent == 1
    assert read({"percentComplete": 101}, read({"percentComplete": 50})).percent is None


@given(DOCUMENTS)
def test_rule_41_any_document_has_a_progress(document: dict[str, object]) -> None:
    """A percentage is between 0 and 100, and every number is finite."""
    progress = read(document)
    assert progress.percent is None or 0 <= progress.percent <= 100
    assert progress.percent_complete is None or math.isfinite(progress.percent_complete)
