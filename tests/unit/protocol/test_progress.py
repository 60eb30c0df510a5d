"""Rule 41: the progress that answers report, as sent."""

from __future__ import annotations

import json
import math
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.reading import Reading
from azpoll.protocol.states import Polling, Succeeded, Unknown
from azpoll.protocol.status_document import (
    NO_PROGRESS,
    Progress,
    StatusReport,
    Verdict,
    initial_progress,
    progress_after,
    status_word,
)
from tests.support.jobs import TRUST
from tests.support.json_documents import DOCUMENTS
from tests.support.protocol_rows import RESOURCE, Reply, plan, reply, run

if TYPE_CHECKING:
    from azpoll.protocol.states import State


def read(document: dict[str, object], before: Progress = NO_PROGRESS, **headers: str) -> Progress:
    """Return the progress that a document tells."""
    reading = Reading(reply(200, b"", **headers).to(RESOURCE, 0.0))
    report = StatusReport(Verdict.RUNNING, status_word(document), document)
    return progress_after(before, report, reading.request_ids)


def test_rule_41_progress_is_reported_unchanged() -> None:
    """Status, percentage, times that are not always RFC 3339 (CosmosDB for PostgreSQL), and request ids."""
    document: dict[str, object] = {
        "status": "InProgress",
        "percentComplete": 12.5,
        "startTime": "2023-08-11 01:58:30 +0000",
        "endTime": "soon",
    }
    progress = read(document, x_ms_request_id="r", x_ms_correlation_request_id="c")
    assert progress == Progress("InProgress", 12.5, 12.5, "2023-08-11 01:58:30 +0000", "soon", "r", "c")


@pytest.mark.parametrize(
    ("method", "initial", "end"),
    [
        ("POST", reply(200, x_ms_request_id="r"), Succeeded),
        ("PUT", reply(201, x_ms_request_id="r"), Polling),
        ("DELETE", reply(202, x_ms_request_id="r"), Unknown),
    ],
)
def test_rule_41_an_initial_answer_without_a_status_sets_the_request_id(
    method: str, initial: Reply, end: type[State]
) -> None:
    """Whether the operation ends by it, is polled at the resource, or has nowhere to poll."""
    state = run(plan(method), initial).end
    assert isinstance(state, end)
    assert state.progress.request_id == "r"


def test_rule_41_progress_that_an_answer_omits_is_kept() -> None:
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


@pytest.mark.parametrize("long", ["w" * 2**20, "é" * 2**20, "\u4e00" * 513])
def test_rule_45_a_waiting_operation_keeps_at_most_512_characters_of_each_text(long: str) -> None:
    """The verdict is that of the whole word."""
    document: dict[str, object] = {"status": long, "startTime": long, "endTime": long, "percentComplete": long}
    progress = progress_after(NO_PROGRESS, StatusReport(Verdict.RUNNING, long, document), (long, long))
    cut = long[:512]
    assert progress == Progress(cut, None, None, cut, cut, cut, cut)
    assert initial_progress((long, "c")) == Progress(request_id=cut, correlation_id="c")
    assert initial_progress(("r", long)) == Progress(request_id="r", correlation_id=cut)
    again = progress_after(progress, StatusReport(Verdict.RUNNING, "Running", {}), (None, long))
    assert again == Progress("Running", None, None, cut, cut, None, cut)


def test_rule_45_texts_of_512_characters_are_kept_whole() -> None:
    text = "x" * 512
    document: dict[str, object] = {"status": text, "startTime": text}
    progress = progress_after(NO_PROGRESS, StatusReport(Verdict.RUNNING, text, document), (text, text))
    assert progress.status == progress.start_time == progress.request_id == progress.correlation_id == text


def test_rule_45_operations_that_wait_keep_little_of_large_answers() -> None:
    """20 operations whose answers have 5 MiB of texts; each keeps less than 8 kB."""
    tracemalloc.start()
    try:
        states: list[State] = []
        text = body = ""
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20):
            text = f"{number:02}" * 2**19
            body = json.dumps({"status": text, "startTime": text, "endTime": text, "id": text, "name": text})
            headers = {"azure-asyncoperation": f"{RESOURCE}/status{number}"}
            polling = start(Plan("PUT", RESOURCE, TRUST), reply(202, b"", **headers).to(RESOURCE, 0.0))
            assert isinstance(polling, Polling)
            states.append(advance(polling, reply(200, body.encode()).to(f"{RESOURCE}/status{number}", 1.0)))
        del text, body
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert all(isinstance(state, Polling) for state in states)
    assert kept < 20 * 8000


def test_rule_45_the_reason_of_a_failed_poll_is_kept_up_to_512_characters() -> None:
    headers = {"azure-asyncoperation": f"{RESOURCE}/status"}
    polling = start(Plan("PUT", RESOURCE, TRUST), reply(202, b"", **headers).to(RESOURCE, 0.0))
    assert isinstance(polling, Polling)
    after = advance(polling, RequestFailure(FailureKind.CONNECTION, "r" * 2**20, 1.0))
    assert isinstance(after, Polling)
    assert after.failure_counts.in_a_row == 1
    assert len(after.failure_counts.reason) <= 512
