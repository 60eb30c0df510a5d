"""`begin_all` yields each request with the end of its operation, and reads no request before its turn."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, FakeARM, Ordinary, Reply, Script
from tests.support.clients import client_of
from tests.support.operations import path_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio


def number_of(request: IncomingRequest) -> int:
    return int(request.path.rpartition("/t")[2])


def arm_of(**options: Any) -> FakeARM:
    """Return a service whose operation n takes 10 n seconds; those of 13 to 15 do not succeed."""

    def script(request: IncomingRequest) -> Script:
        number = number_of(request)
        outcome = {13: "Failed", 14: "Canceled"}.get(number, "Succeeded")
        initial = Reply(409, {"error": {"code": "Conflict", "message": "in use"}}) if number == 15 else None
        return Script(duration_s=10 * number, retry_after=1, outcome=outcome, initial=initial)

    return FakeARM(default=script, limits=None, **options)


def put(number: int, **options: Any) -> azpoll.Request:
    options.setdefault("json", {})
    return azpoll.Request("PUT", path_of(number), **options)


class Counted:
    """Yields requests and counts them."""

    def __init__(self, numbers: range, last_error: Exception | None = None) -> None:
        self.numbers = numbers
        self.last_error = last_error
        self.count = 0

    def __iter__(self) -> Iterator[azpoll.Request]:
        for number in self.numbers:
            self.count += 1
            yield put(number)
        if self.last_error is not None:
            raise self.last_error


def labels(outcomes: list[azpoll.BulkOutcome[httpx.Response]]) -> list[str | None]:
    return [outcome.request.label for outcome in outcomes]


async def test_outcomes_come_in_the_order_of_the_ends_with_their_requests() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        requests = [put(number, label=str(number)) for number in (5, 1, 3)]
        outcomes = [outcome async for outcome in tracker.begin_all(requests)]
    assert labels(outcomes) == ["1", "3", "5"]
    assert [outcome.request for outcome in outcomes] == [requests[1], requests[2], requests[0]]
    for outcome, seconds in zip(outcomes, (10, 30, 50), strict=True):
        assert (outcome.state, outcome.error, outcome.stored, outcome.is_new) == ("succeeded", None, None, True)
        assert outcome.duration_s == pytest.approx(seconds, abs=1.5)
        assert outcome.operation is not None
        assert outcome.operation.label == outcome.request.label
        assert outcome.polls == outcome.operation.snapshot().polls
        assert outcome.result().status_code == 200
    arm.no_early_polls()


async def test_an_operation_that_does_not_succeed_stops_no_other() -> None:
    """A refused request, an invalid one and a failed operation are outcomes; the tracker raises nothing more."""
    arm = arm_of()
    requests = [
        *(put(number, label=str(number)) for number in (13, 14, 15)),
        azpoll.Request("PUT", "https://user@[bad/", label="bad URL"),
        put(1, label="keyword", colour="red"),
        put(1, label="late", timeout=2),
        put(2, label="fine"),
    ]
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        outcomes = {outcome.request.label: outcome async for outcome in tracker.begin_all(requests)}
    assert {label: (outcome.state, type(outcome.error).__name__) for label, outcome in outcomes.items()} == {
        "13": ("failed", "OperationFailed"),
        "14": ("canceled", "OperationCanceled"),
        "15": (None, "InitialRequestFailed"),
        "bad URL": (None, type(outcomes["bad URL"].error).__name__),
        "keyword": (None, "TypeError"),
        "late": ("unknown", "OperationTimeout"),
        "fine": ("succeeded", "NoneType"),
    }
    refused = outcomes["15"]
    assert isinstance(refused.error, azpoll.InitialRequestFailed)
    assert (refused.error.code, refused.operation, refused.duration_s, refused.polls) == ("Conflict", None, None, 0)
    for outcome in outcomes.values():
        if outcome.error is not None:
            with pytest.raises(type(outcome.error)):
                outcome.result()


async def test_at_most_the_allowed_number_of_operations_run() -> None:
    arm = arm_of()
    counted = Counted(range(1, 11))
    running = 0
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        async for _ in tracker.begin_all(counted, concurrency=3):
            running = max(running, tracker.statistics().running + tracker.statistics().starting)
            assert arm.statistics().started <= counted.count
        assert tracker.statistics().succeeded == 10
    assert running == 2  # one of three has just ended


async def test_a_million_requests_are_not_read_ahead() -> None:
    arm = arm_of()
    counted = Counted(range(1_000_000))
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        run = tracker.begin_all(counted, concurrency=5)
        await anyio.sleep(60)
        assert counted.count == 0  # the first step of the loop reads the first request
        async for _ in run:
            assert counted.count <= 5
            await anyio.sleep(60)
            assert counted.count == 6  # a slow loop reads no more
            break
        await run.aclose()
        await anyio.sleep(60)
        assert counted.count == 6
        assert [outcome async for outcome in run] == []


async def test_an_async_iterable_delays_no_outcome_and_is_closed() -> None:
    arm = arm_of()
    closed_s: list[float] = []

    async def requests() -> AsyncIterator[azpoll.Request]:
        try:
            yield put(1)
            await anyio.sleep(100)
            yield put(2)
        finally:
            closed_s.append(anyio.current_time())

    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        start_s = anyio.current_time()
        ends = [anyio.current_time() - start_s async for _ in tracker.begin_all(requests())]
        assert ends == [pytest.approx(10, abs=1), pytest.approx(120, abs=1)]
        assert len(closed_s) == 1
        async for _ in tracker.begin_all(requests()):
            break
        await anyio.sleep(2)
        assert len(closed_s) == 2


async def test_an_error_of_the_iterable_is_raised_after_the_outcomes_before_it() -> None:
    arm = arm_of()
    seen: list[str | None] = []
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        run = tracker.begin_all(Counted(range(1, 4), last_error=KeyError("row 4")))
        with pytest.raises(KeyError, match="row 4"):  # noqa: PT012 - the loop raises after its last step
            async for outcome in run:
                seen.append(outcome.state)  # noqa: PERF401 - what came before the error is kept
        assert seen == ["succeeded"] * 3
        assert [outcome async for outcome in run] == []
        with pytest.raises(TypeError, match=r"takes azpoll\.Request objects, not str"):
            await anext(tracker.begin_all(["PUT"]))  # type: ignore[list-item]  # - what is tested


async def test_leaving_the_loop_reads_and_sends_nothing_more() -> None:
    """The tracker waits for the operations that have begun."""
    arm = arm_of()
    counted = Counted(range(1, 1000))
    budget = azpoll.Budget(write_burst=4, write_rate=0.01)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget) as tracker:
        async for outcome in tracker.begin_all(counted, concurrency=50):
            assert outcome.state == "succeeded"
            break
        begun = arm.statistics().started
        assert (counted.count, begun) == (50, 4)
        await anyio.sleep(500)
        assert (counted.count, tracker.statistics().starting) == (50, 0)
        assert tracker.statistics().succeeded == begun == arm.statistics().started


async def test_a_request_in_flight_is_completed_after_the_loop() -> None:
    def script(request: IncomingRequest) -> Script:
        slow = number_of(request) == 2
        return Script(duration_s=10, retry_after=1, initial=Delay(30, Ordinary()) if slow else None)

    arm = FakeARM(default=script, limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        async for _ in tracker.begin_all([put(1), put(2)]):
            break
    assert tracker.statistics().succeeded == 2
    assert anyio.current_time() >= 30
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        start_s = anyio.current_time()
        async for _ in tracker.begin_all([put(1), put(2)]):
            break
    assert anyio.current_time() - start_s == pytest.approx(10 + 5, abs=2), "a tracker that stops waits for 5 s"


async def test_an_error_in_the_loop_ends_it_and_goes_on() -> None:
    arm = arm_of()
    counted = Counted(range(1, 1000))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the body of the loop raises
            async for _ in tracker.begin_all(counted, concurrency=3):
                raise ZeroDivisionError
        await anyio.sleep(500)
        assert counted.count == 3
        assert tracker.statistics().succeeded == 3


async def test_cancelling_the_loop_ends_it() -> None:
    arm = arm_of()
    counted = Counted(range(1, 1000))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        with anyio.move_on_after(25) as scope:
            async for _ in tracker.begin_all(counted, concurrency=3):
                pass
        assert scope.cancelled_caught
        read = counted.count
        assert read == 5
        await anyio.sleep(500)
        assert counted.count == read == tracker.statistics().succeeded


async def test_an_abandoned_step_loses_no_outcome() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        run = tracker.begin_all([put(1), put(2)])
        with anyio.move_on_after(3):
            await anext(run)
        assert len([outcome async for outcome in run]) == 2


async def test_closing_the_tracker_ends_the_loop_of_another_task() -> None:
    arm = arm_of()
    counted = Counted(range(1, 1000))
    errors: list[Exception | None] = []

    async def loop(tracker: azpoll.Tracker[httpx.Response]) -> None:
        with pytest.raises(azpoll.TrackerClosed, match="before all requests were begun"):  # noqa: PT012 - the loop raises
            async for outcome in tracker.begin_all(counted, concurrency=3):
                errors.append(outcome.error)  # noqa: PERF401 - what came before the error is kept

    budget = azpoll.Budget(write_burst=2, write_rate=0.01)
    async with (
        client_of(arm) as client,
        anyio.create_task_group() as tasks,
        azpoll.Tracker(client, on_exit="stop", budget=budget) as tracker,
    ):
        tasks.start_soon(loop, tracker)
        await anyio.sleep(5)
    assert [type(error) for error in errors[:2]] == [azpoll.TrackerClosed] * 2
    assert counted.count == 3


async def test_a_group_begins_the_requests_as_its_own() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        async with tracker.group("deploy") as group:
            statuses = [
                outcome.result()
                async for outcome in group.begin_all(
                    [put(1), put(2, label="own")], decode=lambda final: final.status_code
                )
            ]
            assert statuses == [200, 200]
            assert {operation.label for operation in group.operations} == {"deploy", "own"}
            assert group.snapshot().succeeded == 2
        with pytest.raises(azpoll.TrackerClosed, match="group is closed"):
            group.begin_all([put(1)])


async def test_without_a_journal_a_request_that_is_given_twice_is_sent_twice() -> None:
    arm = arm_of()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        same = put(1)
        assert len([outcome async for outcome in tracker.begin_all([same, same])]) == 2
        assert [outcome async for outcome in tracker.begin_all([])] == []
    assert arm.statistics().started == 2


async def test_wrong_arguments_are_refused_at_the_call() -> None:
    async with client_of(arm_of()) as client:
        tracker = azpoll.Tracker(client)
        with pytest.raises(azpoll.WrongEventLoop):
            tracker.begin_all([])
        async with tracker:
            with pytest.raises(ValueError, match="concurrency must be 1 or more"):
                tracker.begin_all([], concurrency=0)
            with pytest.raises(TypeError, match=r"iterable of azpoll\.Request, not int"):
                tracker.begin_all(1)  # type: ignore[call-overload]  # - what is tested
            with pytest.raises(TypeError, match=r"iterable of azpoll\.Request, not Request"):
                tracker.begin_all(put(1))  # type: ignore[arg-type]  # - what is tested
            with pytest.raises(TypeError, match=r"report\.on_event must be callable"):
                tracker.begin_all([], report="deploy.csv")  # type: ignore[call-overload]  # - what is tested
            with pytest.raises(TypeError, match="decode must be callable"):
                tracker.begin_all([], decode=1)  # type: ignore[call-overload]  # - what is tested
            late = tracker.begin_all([put(1)])
        with pytest.raises(azpoll.TrackerClosed):
            await anext(late)
        with pytest.raises(azpoll.TrackerClosed):
            tracker.begin_all([])


def test_a_request_is_frozen_and_shows_no_secret() -> None:
    request = azpoll.Request("PUT", "https://arm/x?sig=SECRET", json={"password": "SECRET"}, label="one")
    assert repr(request) == "<Request PUT https://arm/x?sig=*** 'one'>"
    assert (request.label, put(1).label) == ("one", None)
    assert copy.copy(request) == copy.deepcopy(request) == request
    with pytest.raises(AttributeError):
        request.url = "https://arm/y"  # type: ignore[misc]  # - what is tested


async def test_what_comes_after_the_loop_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A request in flight that is refused, outcomes that were not received, an iterable that cannot be closed."""
    refused = Script(initial=Delay(30, Reply(409, {"error": {"code": "Conflict"}})))
    arm = FakeARM(default=lambda request: refused if number_of(request) == 3 else Script(duration_s=1), limits=None)

    async def requests() -> AsyncIterator[azpoll.Request]:
        try:
            for number in (1, 2, 3, 4):
                yield put(number)
        finally:
            raise ZeroDivisionError

    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        caplog.set_level("INFO", "azpoll")
        async for _ in tracker.begin_all(requests(), concurrency=3):
            await anyio.sleep(20)
            break
    logged = "\n".join(record.message for record in caplog.records)
    assert "an initial request was not accepted after its loop had ended: PUT" in logged
    assert re.search(r"ended before \d outcomes that were there", logged)
    assert "the requests of begin_all raised an error when they were closed" in logged
