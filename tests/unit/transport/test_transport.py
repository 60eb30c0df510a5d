"""The transport interface: both implementations satisfy it, and a pending state is polled through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.states import Fetching, Pending, Polling, Succeeded
from azpoll.protocol.url_policy import URLPolicy, origin_of
from azpoll.transport.client import ClientTransport
from azpoll.transport.transport import InitialRequest, Transport, poll_next
from tests.support.clients import new_client
from tests.support.scripted_transport import (
    ORIGIN,
    PlainURL,
    ScriptedReply,
    ScriptedRequest,
    ScriptedResponse,
    ScriptedTransport,
    SentRequest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.states import State

pytestmark = pytest.mark.anyio

THING = f"{ORIGIN}/subscriptions/s/things/t"
STATUS = f"{ORIGIN}/operations/o"
MOST_MEMBERS = 6


def plan_of(answer: Answer, client_request_id: str | None) -> Plan:
    policy = URLPolicy(PlainURL, origin_of(PlainURL(ORIGIN)))
    return Plan(answer.method, answer.url, policy, client_request_id=client_request_id)


async def begun(transport: ScriptedTransport, method: str, arguments: Mapping[str, object]) -> Pending:
    """Return the first state of an operation that an initial request starts."""
    request = transport.build_initial(method, "/subscriptions/s/things/t", arguments)
    answer = await transport.send_initial(request)
    assert isinstance(answer, Answer)
    state = start(plan_of(answer, request.client_request_id), answer)
    assert isinstance(state, Pending)
    return state


def test_the_interface_has_at_most_six_members() -> None:
    assert len([name for name in vars(Transport) if not name.startswith("_")]) <= MOST_MEMBERS


async def test_both_implementations_satisfy_the_interface() -> None:
    """The type checkers check the assignments."""
    async with new_client() as client:
        over_httpx: Transport[httpx.Response] = ClientTransport(client)
        scripted: Transport[ScriptedResponse] = ScriptedTransport([])
        for transport in (over_httpx, scripted):
            request = transport.build_initial("PUT", THING, {})
            assert isinstance(request, InitialRequest)
            assert (request.method, request.url, request.is_repeatable) == ("PUT", THING, True)
            assert request.client_request_id


async def test_an_operation_runs_without_an_http_library() -> None:
    transport = ScriptedTransport(
        [
            ScriptedReply(201, {"id": 1}, {"Azure-AsyncOperation": STATUS, "Retry-After": "3"}),
            ScriptedReply(200, {"status": "Running"}),
            FailureKind.CONNECTION,
            ScriptedReply(200, {"status": "Succeeded"}),
            ScriptedReply(200, {"id": 1, "properties": {}}),
        ]
    )
    state = await begun(transport, "PUT", {"json": {"a": 1}})
    seen: list[type] = []
    advanced: State = state
    while isinstance(advanced, Pending):
        seen.append(type(advanced))
        advanced = advance(advanced, await poll_next(transport, advanced))
    assert isinstance(advanced, Succeeded)
    assert transport.response_from(advanced.answer).json() == {"id": 1, "properties": {}}
    assert seen == [Polling, Polling, Polling, Fetching]
    assert [(sent.method, sent.url) for sent in transport.sent] == [
        ("PUT", THING),
        *[("GET", STATUS)] * 3,
        ("GET", THING),
    ]
    assert transport.sent[0].arguments == {"json": {"a": 1}}
    assert {sent.client_request_id for sent in transport.sent} == {"scripted-0"}


async def test_a_scripted_poll_is_aborted_as_if_its_time_limit_had_passed() -> None:
    transport = ScriptedTransport(lambda _: ScriptedReply(200, latency_s=1000))
    outcomes: list[Answer | RequestFailure] = []

    async def poll() -> None:
        outcomes.append(await transport.poll("GET", STATUS))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(poll)
        await anyio.sleep(1)
        transport.abort()
    assert outcomes == [RequestFailure(FailureKind.TIMEOUT, "aborted", 1.0)]


async def test_a_scripted_function_chooses_the_outcome_of_each_request() -> None:
    def outcome_of(sent: SentRequest) -> ScriptedReply | FailureKind:
        return ScriptedReply(204) if sent.method == "POST" else FailureKind.TIMEOUT

    transport = ScriptedTransport(outcome_of)
    posted = await transport.poll("POST", THING)
    polled = await transport.poll("GET", THING)
    assert isinstance(posted, Answer)
    assert isinstance(polled, RequestFailure)
    assert (posted.status_code, polled.kind) == (204, FailureKind.TIMEOUT)


async def test_a_scripted_list_that_ends_is_a_failed_connection() -> None:
    outcome = await ScriptedTransport([]).poll("GET", THING)
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.CONNECTION


async def test_a_scripted_response_is_converted_both_ways() -> None:
    transport = ScriptedTransport([])
    received = ScriptedResponse(202, b"{}", ScriptedRequest("DELETE", THING, "id-7"), (("Retry-After", "5"),))
    answer, client_request_id = transport.answer_from(received)
    again = transport.response_from(answer)
    assert (answer.status_code, answer.headers, client_request_id) == (202, {"retry-after": "5"}, "id-7")
    assert (again.content, again.headers.raw, again.request.url) == (b"{}", received.headers.raw, THING)
    with pytest.raises(TypeError, match="ScriptedResponse is needed, not Response"):
        transport.answer_from(httpx.Response(200))
    with pytest.raises(ValueError, match="names no host"):
        transport.build_initial("PUT", "mailto:x", {})
