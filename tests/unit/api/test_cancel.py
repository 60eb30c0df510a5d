"""Cancel requests to the service (rule 43)."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Cut, Delay, Drop, FakeARM, Ordinary, Reply
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING, error_of, until

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import Pattern, Step

pytestmark = pytest.mark.anyio


def posts_of(arm: FakeARM) -> list[str]:
    """Return the URLs of all cancel requests."""
    return [request.url for request in arm.requests if request.method == "POST" and "cancel" in request.url]


@EACH_LIBRARY
async def test_arm_gets_a_request_at_the_cancel_url_and_is_polled_to_the_end(library: Library) -> None:
    arm = FakeARM()
    fake = arm.operation("PUT", duration_s=600, retry_after=10, cancel_takes_s=25)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{THING.partition('?')[0]}/cancel")
        await until(15)
        assert await operation.cancel() is True
        assert fake.canceled
        assert operation.state == "running"
        error = await error_of(operation)
        assert isinstance(error, azpoll.OperationCanceled)
        assert error.code == "OperationCanceled"
        assert str(operation.state) == "canceled"
    assert posts_of(arm) == [f"{ORIGIN}{THING.partition('?')[0]}/cancel?api-version=2024-01-01"]
    assert [request.at_s for request in arm.requests if request.method == "GET"] == pytest.approx([10, 20, 30, 40])
    arm.no_early_polls()
    arm.no_requests_after_end()


async def test_a_monitor_of_the_guidelines_gets_a_request_with_cancel(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake = fake_arm.operation("POST", pattern="operation-location", duration_s=600, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("POST", THING)
        assert await operation.cancel()
        assert isinstance(await error_of(operation), azpoll.OperationCanceled)
    monitor, _, query = fake.monitor_url.partition("?")
    assert posts_of(fake_arm) == [f"{monitor}:cancel?{query}"]
    fake_arm.no_early_polls()


@pytest.mark.parametrize("pattern", ["azure-async-operation", "location", "body"])
async def test_without_a_cancel_url_nothing_is_sent_and_the_error_names_the_fix(
    client: httpx.AsyncClient,
    fake_arm: FakeARM,
    pattern: Pattern,
) -> None:
    fake_arm.operation("PUT", pattern=pattern, duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, label="mine")
        with pytest.raises(azpoll.CancelFailed, match=r"'mine'.*give `cancel_url`") as caught:
            await operation.cancel()
        assert caught.value.operation == f"operation 'mine' ({operation.id})"
        assert (await operation).status_code == 200
    assert posts_of(fake_arm) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Reply(409, {"error": {"code": "NotCancelable", "message": "Too late."}}),
            "HTTP 409, NotCancelable: Too late.",
        ),
        (Reply(404), "HTTP 404"),
        (Reply(503), "HTTP 503"),
        (Reply(307, headers={"Location": "https://elsewhere.example/cancel"}), "HTTP 307"),
    ],
)
async def test_a_refused_cancel_is_an_error_and_tracking_continues(
    client: httpx.AsyncClient, fake_arm: FakeARM, answer: Step, said: str
) -> None:
    fake_arm.operation("PUT", duration_s=50, retry_after=10)
    fake_arm.operation("POST", f"{GROUP}/cancel", initial=answer)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{GROUP}/cancel")
        with pytest.raises(azpoll.CancelFailed, match=said) as caught:
            await operation.cancel()
        assert operation.id in str(caught.value)
        assert "Tracking goes on" in str(caught.value)
        assert isinstance(answer, Reply)
        assert caught.value.status_code == answer.status
        assert caught.value.response is not None
        assert caught.value.response.status_code == answer.status
        assert (await operation).status_code == 200
    fake_arm.no_requests_elsewhere(ORIGIN)


async def failed_cancel(client: httpx.AsyncClient, fake_arm: FakeARM, answer: Step) -> azpoll.CancelFailed:
    """Return the error of a cancel request that gets this answer; the polling goes on for 30 s."""
    fake_arm.operation("PUT", duration_s=50, retry_after=10)
    fake_arm.operation("POST", f"{GROUP}/cancel", initial=answer)
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{GROUP}/cancel")
        with pytest.raises(azpoll.CancelFailed) as caught:
            await operation.cancel()
        await anyio.sleep(30)
    return caught.value


@pytest.mark.parametrize(
    ("code", "asked", "wait_s"), [(429, "17", 17), (503, "17.5", 17.5), (409, "0", 1), (429, "99999", 3600)]
)
async def test_rule_43_the_error_says_how_long_the_service_asks_to_wait(
    client: httpx.AsyncClient, fake_arm: FakeARM, code: int, asked: str, wait_s: float
) -> None:
    """Only the caller knows whether the cancellation still matters then, so azpoll sends no second request."""
    refused = Reply(code, {"error": {"code": "Busy"}}, headers={"Retry-After": asked})
    error = await failed_cancel(client, fake_arm, refused)
    assert f"asks to wait {ceil(wait_s)} s" in str(error)
    assert error.retry_after_s == wait_s
    assert len(posts_of(fake_arm)) == 1
    fake_arm.no_early_polls()


@pytest.mark.parametrize("answer", [Reply(429), Reply(503, headers={"Retry-After": "soon"}), Drop()])
async def test_rule_43_without_a_retry_after_the_error_names_no_wait(
    client: httpx.AsyncClient, fake_arm: FakeARM, answer: Step
) -> None:
    error = await failed_cancel(client, fake_arm, answer)
    assert error.retry_after_s is None
    assert "asks to wait" not in str(error)


@pytest.mark.parametrize("code", [409, 429, 503])
async def test_rule_43_an_answer_that_could_not_be_read_is_a_refusal_by_its_code(
    client: httpx.AsyncClient, fake_arm: FakeARM, code: int
) -> None:
    cut = Cut(5, Reply(code, {"error": {"code": "Busy"}}, headers={"Retry-After": "17"}))
    error = await failed_cancel(client, fake_arm, cut)
    assert re.search(f"not canceled: HTTP {code}, .* asks to wait 17 s", str(error))
    assert (error.status_code, error.retry_after_s) == (code, 17)


async def test_rule_43_a_2xx_accepts_the_request_also_if_its_body_is_cut(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("PUT", duration_s=50, retry_after=10)
    fake_arm.operation("POST", f"{GROUP}/cancel", initial=Cut(5, Reply(202, {"status": "Canceling"})))
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{GROUP}/cancel")
        assert await operation.cancel() is True
        assert (await operation).status_code == 200


async def test_a_cancel_without_an_answer_is_an_error_of_unknown_effect() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=50, retry_after=10)
    arm.operation("POST", f"{GROUP}/cancel", initial=Delay(1000))
    async with client_of(arm, timeout=None) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{GROUP}/cancel")
        with pytest.raises(azpoll.CancelFailed, match="may have been asked to cancel"):
            await operation.cancel()
        assert anyio.current_time() == pytest.approx(120)
        assert (await operation).status_code == 200


@pytest.mark.parametrize("outcome", ["Succeeded", "Failed"])
async def test_an_ended_operation_gets_no_cancel_request(
    client: httpx.AsyncClient, fake_arm: FakeARM, outcome: str
) -> None:
    fake_arm.operation("PUT", duration_s=5, outcome=outcome)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        await operation.wait()
        assert await operation.cancel() is False
        assert operation.exception() is None or outcome == "Failed"
    assert posts_of(fake_arm) == []


async def test_a_succeeded_operation_gets_no_cancel_request_during_its_final_get(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Rule 29: only the final GET follows a terminal state."""
    fake_arm.operation("PUT", duration_s=5, retry_after=10, finals=[Reply(503), Reply(503)])
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        await until(10.5)
        assert operation.state is azpoll.OperationState.FETCHING
        assert await operation.cancel() is False
        assert (await operation).status_code == 200
    assert posts_of(fake_arm) == []


async def test_a_cancel_that_waits_for_a_successful_poll_is_not_sent() -> None:
    arm = FakeARM(latency_s=5)
    arm.operation("PUT", duration_s=5, retry_after=10)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        await until(17)
        assert tracker.statistics().in_flight == 1
        assert await operation.cancel() is False
        assert (await operation).status_code == 200
    assert posts_of(arm) == []


async def test_a_cancel_request_waits_for_the_poll_in_flight() -> None:
    """Rule 38."""
    arm = FakeARM(latency_s=5)
    flying: list[str] = []

    async def left(request: object) -> None:
        assert flying == []
        flying.append(str(request))

    async def back(_: object) -> None:
        flying.clear()

    arm.operation("PUT", duration_s=100, retry_after=10)
    hooks = {"request": [left], "response": [back]}
    async with client_of(arm, event_hooks=hooks) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{THING.partition('?')[0]}/cancel")
        await until(17)
        assert tracker.statistics().in_flight == 1
        assert await operation.cancel()
        assert anyio.current_time() == pytest.approx(25, abs=0.01)
        assert isinstance(await error_of(operation), azpoll.OperationCanceled)
    arm.no_early_polls()
    arm.one_request_at_a_time()


async def test_concurrent_calls_of_cancel_share_one_request_but_not_its_error(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("PUT", duration_s=50, retry_after=10)
    fake_arm.operation("POST", f"{GROUP}/cancel", initial=Delay(3, Reply(409)))
    errors: list[BaseException] = []

    async def ask() -> None:
        with pytest.raises(azpoll.CancelFailed) as caught:
            await operation.cancel()
        errors.append(caught.value)

    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{GROUP}/cancel")
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert len(posts_of(fake_arm)) == 1
        assert len(set(map(id, errors))) == 5
        await ask()
        assert len(posts_of(fake_arm)) == 2
        assert (await operation).status_code == 200


async def test_a_cancelled_call_of_cancel_does_not_stop_the_request() -> None:
    arm = FakeARM(latency_s=5)
    fake = arm.operation("PUT", duration_s=100, retry_after=10)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{THING.partition('?')[0]}/cancel")
        with anyio.move_on_after(1):
            await operation.cancel()
        assert isinstance(await error_of(operation), azpoll.OperationCanceled)
    assert fake.canceled


@pytest.mark.parametrize(
    "url",
    ["https://elsewhere.example/cancel", "http://management.azure.com/c", "https://u:p@management.azure.com/c", "\n"],
)
async def test_a_foreign_cancel_url_is_refused_and_nothing_is_sent(
    client: httpx.AsyncClient, fake_arm: FakeARM, url: str
) -> None:
    """Rule 9."""
    fake_arm.operation("PUT", duration_s=15, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match="cancel_url is refused"):
            await tracker.begin("PUT", THING, cancel_url=url)
    assert not fake_arm.requests
    fake_arm.no_requests_elsewhere(ORIGIN)


async def test_an_operation_that_is_not_tracked_cannot_be_canceled(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """The operation may still run, so the error must not say that it has ended."""
    fake_arm.operation("PUT", duration_s=100, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        operation.stop_tracking()
        with pytest.raises(azpoll.TrackerClosed) as caught:
            await operation.cancel()
        assert caught.value.resume_token
    assert posts_of(fake_arm) == []


async def test_an_unsent_cancel_fails_when_the_tracking_stops() -> None:
    """A poll is in flight, and the cancel request would follow it."""
    arm = FakeARM()
    arm.operation("PUT", duration_s=100, polls=[Delay(25, Ordinary())], retry_after=10)
    async with client_of(arm, timeout=60) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        await until(15)
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                with pytest.raises(azpoll.TrackerClosed):
                    await operation.cancel()

            tasks.start_soon(ask)
            await until(20)
            operation.stop_tracking()
        assert anyio.current_time() == pytest.approx(35)
    assert posts_of(arm) == []


async def test_stopping_the_tracking_waits_for_the_answer_to_a_cancel() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=100, retry_after=50)
    arm.operation("POST", f"{GROUP}/cancel", initial=Delay(20, Reply(202)))
    async with client_of(arm, timeout=60) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{GROUP}/cancel")
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                assert await operation.cancel()

            tasks.start_soon(ask)
            await until(3)
            operation.stop_tracking()
            assert not operation.done()
        assert len(posts_of(arm)) == 1
        assert isinstance(await error_of(operation), azpoll.TrackerClosed)
        assert anyio.current_time() == pytest.approx(20)
    arm.no_early_polls()


async def test_the_deadline_ends_a_queued_cancel() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=100, polls=[Delay(25, Ordinary())], retry_after=10)
    async with client_of(arm, timeout=60) as client, azpoll.Tracker(client, timeout=20) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url="/cancel")
        await until(15)
        assert await operation.cancel() is False
        assert isinstance(await error_of(operation), azpoll.OperationTimeout)
    assert posts_of(arm) == []
