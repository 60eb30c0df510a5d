"""Rule 38 from end to end: an operation whose deadline comes before its next request expires with nothing sent."""

from __future__ import annotations

import anyio
import pytest

import azpoll
from azpoll.protocol.resume_token import decode
from azpoll.testing import FakeARM, Reply, Script
from tests.support.clients import client_of
from tests.support.operations import THING, error_of, until

pytestmark = pytest.mark.anyio

RESOURCE = THING.partition("?")[0]


def requests_of(arm: FakeARM, method: str) -> list[float]:
    """Return the times of the requests with a method, in seconds."""
    return [request.at_s for request in arm.requests if request.method == method]


async def test_rule_38_an_operation_expires_at_its_deadline_and_not_before() -> None:
    """The token keeps the rest of the `Retry-After`; the wall clock of this test stands still."""
    arm = FakeARM(default=Script(duration_s=100, retry_after=60))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING, timeout=50)
        before = decode(operation.resume_token()).not_before
        await until(49.9)
        assert not operation.done()
        error = await error_of(operation)
        assert anyio.current_time() == pytest.approx(50, abs=0.001)
        assert isinstance(error, azpoll.OperationTimeout)
        assert error.resume_token is not None
        assert decode(error.resume_token).not_before == pytest.approx(before - 50, abs=0.1)
    assert requests_of(arm, "GET") == []


async def test_rule_38_a_retry_after_that_ends_at_the_deadline_allows_the_last_poll() -> None:
    arm = FakeARM(default=Script(duration_s=1, retry_after=50))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        assert (await (await tracker.begin("DELETE", THING, timeout=50))).status_code == 200
    assert requests_of(arm, "GET")[0] == pytest.approx(50, abs=0.001)


async def test_rule_43_a_cancel_request_is_sent_to_an_operation_that_will_expire() -> None:
    """It then expires at its deadline all the same."""
    arm = FakeARM(default=Script(duration_s=100, retry_after=60))
    async with client_of(arm) as client, azpoll.Tracker(client, timeout=50) as tracker:
        operation = await tracker.begin("DELETE", THING, cancel_url="/cancel")
        await until(20)
        assert await operation.cancel()
        assert isinstance(await error_of(operation), azpoll.OperationTimeout)
        assert anyio.current_time() == pytest.approx(50, abs=0.001)
    assert requests_of(arm, "POST") == [pytest.approx(20, abs=0.001)]
    assert requests_of(arm, "GET") == []


async def test_rule_36_a_hint_brings_no_poll_before_the_retry_after() -> None:
    """The backoff of 8 s hides a `Retry-After` of 7 s, and the deadline comes after 6 s."""
    arm = FakeARM(limits=None)
    arm.operation("PUT", polls=[Reply(503), Reply(503), Reply(503), Reply(503, headers={"Retry-After": "7"})])
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, timeout=14)
        await until(12)
        polls = len(requests_of(arm, "GET"))
        assert tracker.hint(RESOURCE) == 1
        assert isinstance(await error_of(operation), azpoll.OperationTimeout)
    assert len(requests_of(arm, "GET")) == polls


async def test_rule_38_the_error_at_the_deadline_has_the_last_answer() -> None:
    """The deadline comes before the end of the `Retry-After`, so no request follows that answer."""
    busy = Reply(503, {"error": {"code": "Busy", "message": "Come back later."}}, {"Retry-After": "60"})
    arm = FakeARM(default=Script(retry_after=10, polls=[busy]))
    events: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        error = await error_of(await tracker.begin("DELETE", THING, timeout=30))
    assert isinstance(error, azpoll.OperationTimeout)
    assert error.response is not None
    assert error.response.status_code == 503
    assert error.reported is not None
    assert error.reported.status_code == 503
    assert (error.code, error.message) == ("Busy", "Come back later.")
    waits_s = [event.wait_s for event in events if isinstance(event, azpoll.PollAnswered)]
    assert waits_s == [pytest.approx(20, abs=0.001)]


async def test_rule_38_the_error_at_the_deadline_may_have_the_initial_answer() -> None:
    """A resumed operation has none: its token holds no answer."""
    arm = FakeARM(default=Script(duration_s=100, retry_after=60))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        error = await error_of(await tracker.begin("DELETE", THING, timeout=30))
        assert error.response is not None
        assert error.response.status_code == 202
        resumed = await error_of(tracker.resume(str(error.resume_token), timeout=10))
        assert isinstance(resumed, azpoll.OperationTimeout)
        assert (resumed.response, resumed.reported) == (None, None)
