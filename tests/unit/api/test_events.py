"""Events and their contents; no listener can affect an operation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Drop, FakeARM, Reply, status_monitor
from tests.support.canary import CANARY
from tests.support.clients import client_of
from tests.support.operations import GROUP, THING, error_of, until

if TYPE_CHECKING:
    import httpx

    from azpoll.options import Method
    from azpoll.testing import Step

pytestmark = pytest.mark.anyio


async def test_the_events_of_an_operation_from_begin_to_end(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    polls: list[Step] = [status_monitor("Running", retry_after=20), Drop(), Reply(200, {"status": "Succeeded"})]
    fake_arm.operation("DELETE", retry_after=10, polls=polls)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        operation = await tracker.begin("DELETE", THING, label="mine")
        await operation
    begun, first, second, third, ended = events
    kind = "DELETE microsoft.fake/things"
    assert begun == azpoll.OperationTracked(begun.at_s, operation.id, "mine", "DELETE", resumed=False, kind=kind)
    assert isinstance(first, azpoll.PollAnswered)
    assert isinstance(second, azpoll.PollAnswered)
    assert isinstance(third, azpoll.PollAnswered)
    assert (first.status_code, first.status, first.wait_s) == (200, "Running", 20)
    assert (second.status_code, second.status, second.wait_s) == (None, "Running", 1)
    assert (third.status_code, third.status, third.wait_s) == (200, "Succeeded", None)
    assert first.at_s - begun.at_s == pytest.approx(10, abs=0.001)
    assert 0 <= first.lateness_s < 0.001
    assert isinstance(ended, azpoll.OperationEnded)
    assert (ended.state, ended.polls, ended.operation_id, ended.label) == ("succeeded", 3, operation.id, "mine")
    assert ended.tracked_s == pytest.approx(ended.at_s - begun.at_s)


async def test_events_are_frozen_and_hold_no_url_header_or_body() -> None:
    arm = FakeARM()
    secret = {"Azure-AsyncOperation": "{poll_url}&t=" + CANARY, "x-secret": CANARY}
    arm.operation(
        "DELETE", initial=Reply(202, {"x": CANARY}, secret), polls=[Reply(200, {"status": "Failed", "x": CANARY})]
    )
    events: list[azpoll.Event] = []
    async with client_of(arm, headers={"Authorization": CANARY}) as client, azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        operation = await tracker.begin("DELETE", f"{THING}&key={CANARY}")
        await operation.wait()
        assert operation.exception()
    assert len(events) == 3
    for event in events:
        assert CANARY not in repr(event)
        assert "://" not in repr(event)
        with pytest.raises(AttributeError):
            event.at_s = 5  # type: ignore[misc]  # - the assignment is tested


async def test_events_of_an_immediate_end_and_of_a_resumed_and_stopped_operation(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("DELETE", initial=Reply(204))
    fake_arm.operation("PUT", duration_s=100)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        await tracker.begin("DELETE", THING)
        assert [type(event) for event in events] == [azpoll.OperationTracked, azpoll.OperationEnded]
        operation = await tracker.begin("PUT", THING)
        again = tracker.resume(operation.resume_token())
        operation.stop_tracking()
        again.stop_tracking()
        again.stop_tracking()
    assert [event.resumed for event in events if isinstance(event, azpoll.OperationTracked)] == [False, False, True]
    assert [event.state for event in events if isinstance(event, azpoll.OperationEnded)] == [
        "succeeded", "unknown", "unknown",
    ]  # fmt: skip


async def test_an_error_in_a_listener_is_logged_and_affects_nothing_else(
    client: httpx.AsyncClient, fake_arm: FakeARM, caplog: pytest.LogCaptureFixture
) -> None:
    fake_arm.operation("DELETE", duration_s=5)
    events: list[azpoll.Event] = []

    def broken(_: azpoll.Event) -> None:
        raise ValueError("boom")

    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(broken)
        tracker.subscribe(events.append)
        assert (await (await tracker.begin("DELETE", THING))).status_code == 200
    assert len([record for record in caplog.records if record.name == "azpoll"]) == len(events)


async def test_unsubscribing_ends_one_subscription(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=5)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        first = tracker.subscribe(events.append)
        tracker.subscribe(events.append)
        first()
        first()
        await tracker.begin("DELETE", THING)
        assert len(events) == 1


async def test_a_listener_may_unsubscribe_itself(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=5)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:

        def once(event: azpoll.Event) -> None:
            events.append(event)
            leave()

        leave = tracker.subscribe(once)
        tracker.subscribe(events.append)
        await tracker.begin("DELETE", THING)
        assert len(events) == 2


async def test_a_listener_may_stop_the_operation_of_its_event(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """A policy such as "give up after three polls"."""
    fake_arm.operation("DELETE", duration_s=100, retry_after=10)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:

        def stop_after_two(event: azpoll.Event) -> None:
            events.append(event)
            if len(events) == 3:
                operation.stop_tracking()

        tracker.subscribe(stop_after_two)
        operation = await tracker.begin("DELETE", THING)
        await operation.wait()
        await until(200)
    assert len(fake_arm.requests) == 3
    assert [type(event) for event in events[3:]] == [azpoll.OperationEnded]
    assert tracker.statistics().unknown == 1
    assert tracker.statistics().running == 0


async def test_a_journal_kept_by_a_listener_resumes_without_polling_early(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """The token holds the Retry-After of the latest answer (rules 36, 42)."""
    fake_arm.operation("DELETE", duration_s=100, retry_after=17)
    tokens: list[str] = []
    async with azpoll.Tracker(client, on_exit="stop") as tracker:

        def keep(event: azpoll.Event) -> None:
            if isinstance(event, azpoll.PollAnswered):
                tokens.append(operation.resume_token())

        tracker.subscribe(keep)
        operation = await tracker.begin("DELETE", THING)
        await until(18)
    async with azpoll.Tracker(client) as tracker:
        assert (await tracker.resume(tokens[-1])).status_code == 200
    fake_arm.no_early_polls()
    assert [request.at_s for request in fake_arm.requests[2:4]] == pytest.approx([36, 53], abs=0.2)


async def test_without_listeners_no_event_is_made_and_late_ones_get_the_rest(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("DELETE", duration_s=15, retry_after=10)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        await tracker.begin("DELETE", THING)
        await anyio.sleep(15)
        tracker.subscribe(events.append)
    assert [type(event) for event in events] == [azpoll.PollAnswered, azpoll.OperationEnded]


async def test_the_last_events_have_the_code_the_ids_and_the_detection_delay(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    ended = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
    ids = {"x-ms-request-id": "r1", "x-ms-correlation-request-id": "c1", "Date": "Mon, 30 Nov 2026 12:00:07 GMT"}
    failed = {"status": "Failed", "endTime": ended.isoformat(), "error": {"code": "Con\nflict", "message": CANARY}}
    fake_arm.operation("PUT", polls=[status_monitor("Running"), Reply(200, failed, ids)])
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        operation = await tracker.begin("PUT", THING)
        assert await error_of(operation)
    _, running, seen, end = events
    assert isinstance(running, azpoll.PollAnswered)
    assert isinstance(seen, azpoll.PollAnswered)
    assert isinstance(end, azpoll.OperationEnded)
    assert (running.detection_s, seen.detection_s) == (None, 7)
    assert (end.code, end.request_id, end.correlation_id) == ("Con\\nflict", "r1", "c1")


@pytest.mark.parametrize(
    ("end_time", "delay_s"), [("soon", None), (None, None), ("2026-11-30T12:00:09", 0), ("2026-11-30T12:00:00Z", 7)]
)
async def test_a_final_get_has_no_detection_delay(
    client: httpx.AsyncClient, fake_arm: FakeARM, end_time: str | None, delay_s: float | None
) -> None:
    """An end in the future is a clock that differs: the delay is 0. An unreadable end is none."""
    date = {"Date": "Mon, 30 Nov 2026 12:00:07 GMT"}
    fake_arm.operation("PUT", polls=[Reply(200, {"status": "Succeeded", "endTime": end_time}, date)])
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        await (await tracker.begin("PUT", THING))
    assert [event.detection_s for event in events if isinstance(event, azpoll.PollAnswered)] == [delay_s, None]


@pytest.mark.parametrize(
    ("method", "url", "kind"),
    [
        ("PUT", THING, "PUT microsoft.fake/things"),
        ("PUT", f"{GROUP}?api-version=1", "PUT microsoft.resources/resourcegroups"),
        ("POST", THING.replace("?", "/start?"), "POST microsoft.fake/things start"),
        ("POST", f"/Jobs/{CANARY}/more?x={CANARY}", "POST management.azure.com"),
    ],
)
async def test_the_kind_of_an_operation_names_no_resource(
    client: httpx.AsyncClient, fake_arm: FakeARM, method: Method, url: str, kind: str
) -> None:
    fake_arm.operation(method, duration_s=5)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        await tracker.begin(method, url)
    assert isinstance(events[0], azpoll.OperationTracked)
    assert events[0].kind == kind
