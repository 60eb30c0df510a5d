"""Reports on the operations of a group, without a journal."""

from __future__ import annotations

import csv
import io
import json

import pytest

import azpoll
from azpoll import report
from azpoll.testing import FakeARM, Reply, Script
from tests.support.clients import client_of
from tests.support.operations import path_of

pytestmark = pytest.mark.anyio

QUOTA = {
    "code": "QuotaExceeded",
    "message": "no cores",
    "details": [{"code": "Inner", "message": "see https://store.example/b?sig=kept-secret"}],
}


def bare(number: int) -> str:
    return path_of(number).partition("?")[0]


async def test_a_report_on_a_group() -> None:
    arm = FakeARM(default=Script(duration_s=5, percent_complete=True))
    arm.operation("PUT", bare(2), duration_s=5, outcome="Failed", error=QUOTA)
    arm.operation("PUT", bare(3), duration_s=3600, polls=[Reply(200, {"status": "Moving", "percentComplete": 40})])
    arm.operation("PUT", bare(4), duration_s=3600, polls=[Reply(503)])
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        group = tracker.group("release 7")
        operations = [await group.begin("PUT", path_of(number), json={}, label=f"n{number}") for number in range(1, 5)]
        for operation in operations[:2]:
            await operation.wait()
        async for snapshot in operations[3].snapshots():
            if snapshot.last_error:
                break
        document = json.loads(report.json(group.operations))
        page, table = report.html(group.operations, title="Release 7"), report.csv(group.operations)
    assert document["summary"]["states"] == {"failed": 1, "running": 2, "succeeded": 1}
    succeeded, failed, moving, failing = document["operations"]
    assert (succeeded["group"], succeeded["method"], succeeded["state"]) == ("release 7", "PUT", "succeeded")
    assert succeeded["target"].endswith("?api-version=***")
    assert 5 <= succeeded["duration_s"] < 60
    assert (failed["code"], failed["http_status"], failed["details"][0]["code"]) == ("QuotaExceeded", 200, "Inner")
    assert failed["polls"] >= 1
    assert (moving["percent"], moving["last_error"], moving["ended_at"]) == (40, None, None)
    assert failing["last_error"] == "HTTP 503"
    assert "<title>Release 7</title>" in page
    assert "kept-secret" not in page + table
    assert [row["name"] for row in csv.DictReader(io.StringIO(table))] == ["n1", "n2", "n3", "n4"]


async def test_an_operation_whose_tracking_stopped_is_unknown() -> None:
    async with client_of(FakeARM(default=Script(duration_s=3600))) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            operation = await tracker.begin("PUT", path_of(1), json={})
        (found,) = json.loads(report.json([operation]))["operations"]
    assert (found["state"], found["code"], found["name"]) == ("unknown", None, "things/t1")
    assert found["reason"]


async def test_an_operation_names_its_request_and_progress() -> None:
    arm = FakeARM(
        default=Script(duration_s=3600, polls=[Reply(200, {"status": "Moving", "percentComplete": 40}), Reply(503)])
    )
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.group("g").begin("PUT", path_of(1), json={})
        assert (operation.method, operation.group, operation.percent, operation.last_error) == ("PUT", "g", None, None)
        assert operation.target.endswith(f"{bare(1)}?api-version=***")
        async for snapshot in operation.snapshots():
            if snapshot.last_error:
                break
        assert (operation.percent, operation.last_error) == (40, "HTTP 503")
        assert (await tracker.begin("PUT", path_of(2), json={})).group is None
