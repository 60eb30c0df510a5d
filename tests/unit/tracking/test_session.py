"""A session runs on a scripted transport: no HTTP library takes part."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.eventloop.task_host import TaskHost
from azpoll.operation_state import OperationState
from azpoll.protocol.answer import FailureKind
from azpoll.protocol.states import Succeeded
from azpoll.tracking.registry import EventDispatcher
from azpoll.tracking.session import Session
from tests.support.scripted_transport import ScriptedReply, ScriptedResponse, ScriptedTransport
from tests.support.tracker_settings import tracker_settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.transport.transport import InitialRequest

pytestmark = pytest.mark.anyio

THING = "/subscriptions/s/providers/Microsoft.Fake/things/t?api-version=2024-01-01"
STATUS = "https://management.azure.com/subscriptions/s/operations/o"

ACCEPTED = ScriptedReply(202, headers={"azure-asyncoperation": STATUS, "retry-after": "17"})
RUNNING = ScriptedReply(200, {"status": "Running"})
SUCCEEDED = ScriptedReply(200, {"status": "Succeeded"})
RESULT = ScriptedReply(200, {"properties": {"provisioningState": "Succeeded"}})


@asynccontextmanager
async def session_on(transport: ScriptedTransport) -> AsyncGenerator[Session[ScriptedResponse]]:
    session = Session(tracker_settings(), transport, EventDispatcher(), await TaskHost.start())
    try:
        yield session
    finally:
        await session.close()


async def test_an_operation_from_its_initial_request_to_its_result() -> None:
    transport = ScriptedTransport([ACCEPTED, RUNNING, FailureKind.CONNECTION, SUCCEEDED, RESULT])
    async with session_on(transport) as session:
        begun_s = anyio.current_time()
        record = await session.begin("PUT", THING, {"json": {"location": "westeurope"}})
        await record.wait_ended()
        assert isinstance(record.state, Succeeded)
        response = transport.response_from(record.state.answer)
        assert response.json() == RESULT.body
    assert [request.method for request in transport.sent] == ["PUT", "GET", "GET", "GET", "GET"]
    assert transport.sent[0].arguments == {"json": {"location": "westeurope"}}
    assert transport.sent[1].at_s - begun_s >= 17
    assert {request.client_request_id for request in transport.sent} == {"scripted-0"}
    assert session.statistics().succeeded == 1


async def test_a_failed_initial_request_names_the_request() -> None:
    async with session_on(ScriptedTransport([FailureKind.CONNECTION])) as session:
        with pytest.raises(azpoll.InitialRequestFailed, match="PUT https://management"):
            await session.begin("PUT", THING, {})
        assert session.statistics().tracked == 0


async def test_closing_stops_running_operations_and_keeps_their_tokens() -> None:
    transport = ScriptedTransport([ACCEPTED])
    async with session_on(transport) as session:
        record = await session.begin("PUT", THING, {})
    assert record.stopped
    error = session.outcomes.error(record)
    assert isinstance(error, azpoll.TrackerClosed)
    assert error.resume_token is not None
    assert session.statistics().unknown == 1
    with pytest.raises(azpoll.TrackerClosed):
        session.check_open()


async def test_a_poll_that_hangs_is_aborted_when_the_session_closes() -> None:
    """The session waits five seconds for it."""
    transport = ScriptedTransport([ACCEPTED, ScriptedReply(latency_s=1000)])
    async with session_on(transport) as session:
        record = await session.begin("PUT", THING, {})
        await anyio.sleep(20)
        assert session.statistics().in_flight == 1
        closing_s = anyio.current_time()
    assert anyio.current_time() - closing_s == pytest.approx(5, abs=0.5)
    assert record.stopped
    assert session.registry.counts[OperationState.UNKNOWN] == 1


class LateTransport(ScriptedTransport):
    """Returns the answer to an initial request 5 s after it was received."""

    async def send_initial(self, request: InitialRequest) -> Answer | RequestFailure:
        """Send an initial request and return its answer late."""
        outcome = await super().send_initial(request)
        await anyio.sleep(5)
        return outcome


async def test_rule_38_the_first_delay_and_the_deadline_count_from_the_initial_answer() -> None:
    """So the last poll at the deadline is sent, however late the operation was registered."""
    transport = LateTransport([ACCEPTED, SUCCEEDED, RESULT])
    async with session_on(transport) as session:
        answered_s = anyio.current_time()
        record = await session.begin("PUT", THING, {"timeout": 17})
        assert anyio.current_time() == pytest.approx(answered_s + 5)
        await record.wait_ended()
        assert isinstance(record.state, Succeeded)
    assert transport.sent[1].at_s == pytest.approx(answered_s + 17, abs=0.001)
