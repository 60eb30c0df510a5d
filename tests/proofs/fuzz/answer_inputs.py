"""Answers as bytes, and the run of the state machine on one.

The first byte chooses the operation, the second the status code. The headers follow, each ended by RS, then GS and the
body. So a header value may contain any other byte, line breaks included, as with a lenient client.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from azpoll.errors import error_of
from azpoll.protocol.answer import Answer
from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.states import Canceled, Failed, Pending, State, Unknown
from azpoll.protocol.url_policy import URLPolicy, origin_of
from azpoll.transport.client import ClientTransport
from azpoll.transport.headers import read_headers
from tests.proofs.fuzz.value_checks import check_end, check_state, check_text
from tests.support.clients import new_client

HOST = "https://management.azure.com"
RESOURCE = f"{HOST}/subscriptions/s/resourceGroups/g/things/t?api-version=1"
MONITOR = f"{HOST}/subscriptions/s/operations/o?api-version=1&t=secret"
NOON = datetime(2024, 11, 6, 12, 0, 0, tzinfo=UTC)
TRUST = URLPolicy(httpx.URL, origin_of(httpx.URL(HOST)))

HEADER_END, HEAD_END = b"\x1e", b"\x1d"

STATUS_CODES = (200, 200, 200, 200, 202, 202, 201, 204, 429, 500, 503, 400, 409, 401, 403, 404, 410, 408, 302, 307, 304)


async def _transport() -> ClientTransport[httpx.Response]:
    return ClientTransport(new_client())


TRANSPORT = asyncio.run(_transport())
"""Converts answers into responses of the client's library; it sends nothing."""


@dataclass(frozen=True)
class Role:
    """The operation that gets the answer: one that begins, or a pending one."""

    name: str
    plan: Plan
    state: Pending | None = None


def _roles() -> tuple[Role, ...]:
    methods = ("PUT", "POST", "DELETE")
    putting, deleting = _begun("PUT", "azure-asyncoperation"), _begun("DELETE", "operation-location")
    states = {
        "polls a monitor, PUT": putting,
        "polls a monitor, POST": _begun("POST", "operation-location"),
        "polls a monitor, DELETE": deleting,
        "polls a Location": _begun("POST", "location"),
        "polls the resource": _begun("PUT", None),
        "confirms": advance(deleting, answer(404, {})),
        "fetches": advance(putting, answer(200, {}, b'{"status": "Succeeded"}')),
        "follows": advance(deleting, answer(302, {"location": "/elsewhere"})),
        "has a fallback": advance(deleting, answer(202, {"operation-location": "/newer"})),
    }
    pending = [Role(name, state.plan, state) for name, state in states.items() if isinstance(state, Pending)]
    assert len(pending) == len(states)
    return (*(Role(f"begins, {method}", _plan(method)) for method in methods), *pending)


def _plan(method: str) -> Plan:
    return Plan(method, RESOURCE, TRUST)


def answer(status_code: int, headers: dict[str, str], body: bytes = b"", url: str = RESOURCE) -> Answer:
    """Return an answer."""
    return Answer(status_code, headers, body, url, NOON, 0.0)


def _begun(method: str, header: str | None) -> Pending:
    state = start(_plan(method), answer(202, {} if header is None else {header: MONITOR}))
    assert isinstance(state, Pending)
    return state


ROLES = _roles()


def encode_answer(status_code: int, headers: dict[str, str], body: bytes = b"", role: int = 3) -> bytes:
    """Return an answer as bytes."""
    head = b"".join(f"{name}: {value}".encode() + HEADER_END for name, value in headers.items())
    return bytes([role, STATUS_CODES.index(status_code)]) + head + HEAD_END + body


def decode_answer(data: bytes) -> tuple[Role, Answer]:
    """Return the answer of any input, with its operation."""
    role = ROLES[data[0] % len(ROLES)] if data else ROLES[0]
    status_code = STATUS_CODES[data[1] % len(STATUS_CODES)] if len(data) > 1 else 200
    head, _, body = data[2:].partition(HEAD_END)
    raw = [(name, value) for name, _, value in (line.partition(b":") for line in head.split(HEADER_END))]
    url = RESOURCE if role.state is None else role.state.next_request.url
    return role, Answer(status_code, read_headers(raw), body, url, NOON, 0.0, role.plan.method, raw)


def text_of(data: bytes) -> str:
    """Return an input as readable text."""
    role, outcome = decode_answer(data)
    return f"{role.name}: HTTP {outcome.status_code} {outcome.raw_headers!r} {outcome.body!r}"


def run_machine(role: Role, outcome: Answer) -> bool:
    """Advance the machine by an answer, and by the same answer at the next URL if that differs; check all states.

    Returns whether the end has an error, whose text is checked too.
    """
    state: State = start(role.plan, outcome) if role.state is None else advance(role.state, outcome)
    check_state(state)
    previous_url = None if role.state is None else role.state.next_request.url
    if isinstance(state, Pending) and state.next_request.url != previous_url:
        outcome = outcome._replace(url=state.next_request.url, at_s=state.next_request.delay.seconds)
        state = advance(state, outcome)
        check_state(state)
    check_end(state)
    if isinstance(state, (Failed, Canceled, Unknown)):
        check_text(str(error_of(state, "an operation", None, TRANSPORT.response_from(outcome))))
        return True
    return False
