"""A report has the counts of a bulk run, a row for each request, and writes both as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.testing import FakeARM, Limits, Rate, Reply, Script
from tests.support.clients import client_of
from tests.support.operations import path_of

if TYPE_CHECKING:
    from pathlib import Path

    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio

NESTED = {
    "code": "DeploymentFailed",
    "message": "See the details.",
    "details": [{"code": "QuotaExceeded", "message": "No cores\nare left."}],
}


def script(request: IncomingRequest) -> Script:
    number = int(request.path.rpartition("/t")[2])
    if number == 3:
        return Script(duration_s=10, outcome="Failed", error=NESTED, retry_after=1)
    refused = Reply(400, {"error": {"code": "=HYPERLINK(1)", "message": "+1"}})
    return Script(duration_s=10 * number, retry_after=1, initial=refused if number == 4 else None)


async def filled(arm: FakeARM, **options: int) -> azpoll.BulkReport:
    report = azpoll.BulkReport()
    requests = [azpoll.Request("PUT", f"{path_of(n)}&sig=SECRET", json={}, label=f"n{n}") for n in (1, 2, 3, 4, 5)]
    async with client_of(arm) as client, azpoll.Tracker(client, budget=None, durations=None) as tracker:
        async for outcome in tracker.begin_all(requests, report=report, **options):
            assert len(report.rows) == report.summary().total > 0
            assert report.rows[-1].label == outcome.request.label
        await (await tracker.begin("PUT", path_of(1)))
    return report


async def test_a_report_counts_the_outcomes_and_the_429s() -> None:
    arm = FakeARM(default=script, limits=Limits(reads=Rate(4, 0.5)))
    report = await filled(arm)
    summary = report.summary()
    assert summary[:7] == (5, 3, 1, 0, 0, 1, 0)
    assert (summary.shortest_s, summary.median_s, summary.p95_s, summary.longest_s) == (
        *sorted(row.duration_s for row in report.rows if row.duration_s is not None)[:2],
        *([max(row.duration_s for row in report.rows if row.duration_s is not None)] * 2),
    )
    assert summary.longest_s is not None
    assert summary.longest_s >= 50
    assert 0 < summary.throttled <= arm.statistics().throttled
    assert summary.polls == sum(row.polls for row in report.rows)
    assert str(report) == (
        f"5 requests: 3 succeeded, 1 failed, 1 not started, median {summary.median_s:.0f} s,"
        f" longest {summary.longest_s:.0f} s, {summary.polls} polls, {summary.throttled} x 429"
    )


async def test_a_row_shows_no_query_value_of_its_label() -> None:
    report, request = azpoll.BulkReport(), azpoll.Request("PUT", path_of(1), json={}, label="https://h/t?sig=SECRET")
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        async for _ in tracker.begin_all([request], report=report):
            pass
    assert report.rows[0].label == "https://h/t?sig=***"
    assert "SECRET" not in report.to_json() + repr(request)


async def test_a_failure_has_the_error_of_the_service() -> None:
    report = await filled(FakeARM(default=script, limits=None))
    refused, failed = report.failures
    assert (failed.label, failed.state, failed.code, failed.status_code) == ("n3", "failed", "DeploymentFailed", 200)
    assert failed.message == "See the details."
    assert failed.details == ("QuotaExceeded: No cores\\nare left.",)
    assert failed.request_id is not None
    assert failed.error is not None
    assert "QuotaExceeded" in failed.error
    assert (refused.label, refused.state, refused.code) == ("n4", "not started", "=HYPERLINK(1)")
    assert (refused.duration_s, refused.operation_id, refused.polls) == (None, None, 0)
    assert all(row.operation_id for row in report.rows if row is not refused)


async def test_a_report_is_written_as_json_and_csv(tmp_path: Path) -> None:
    report = await filled(FakeARM(default=script, limits=None), concurrency=2)
    report.write(tmp_path / "report.json")
    report.write(str(tmp_path / "report.CSV"))
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert document["summary"] == report.summary()._asdict()
    assert [row["label"] for row in document["requests"]] == [row.label for row in report.rows]
    text = (tmp_path / "report.CSV").read_text("utf-8")
    assert "SECRET" not in text + json.dumps(document)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == azpoll.BulkRow._fields
    (refused,) = [row for row in rows if row["label"] == "n4"]
    assert (refused["code"], refused["message"], refused["duration_s"]) == ("'=HYPERLINK(1)", "'+1", "")
    with pytest.raises(ValueError, match=r"\.json or \.csv file, not to 'report\.html'"):
        report.write("report.html")


def test_an_empty_report_can_be_read() -> None:
    report = azpoll.BulkReport()
    assert str(report) == "0 requests: 0 polls, 0 x 429"
    assert report.summary().median_s is None
    assert (report.rows, report.failures) == ((), ())
    assert json.loads(report.to_json())["requests"] == []
    assert report.to_csv().count("\n") == 1
