"""Operations as rows: the replies of the service, and the states of the core. Time is computed, not measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.machine import advance, expires_at, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.states import Pending, Polling, State, Unknown, UnknownReason
from azpoll.protocol.url_policy import URLPolicy, origin_of
from tests.support.folded_headers import fold_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "https://management.azure.com"
NOON = datetime(2024, 11, 6, 12, 0, 0, tzinfo=UTC)
TRUST = URLPolicy(parse=httpx.URL, initial=origin_of(httpx.URL(HOST)))


def url(path: str) -> str:
    """Return the URL of a path at the host of the initial request, with its api-version."""
    return f"{HOST}{path}{'&' if '?' in path else '?'}api-version=1"


RESOURCE = url("/rg/vm")
PLAN = Plan("PUT", RESOURCE, TRUST)


def plan(method: str = "PUT", **changes: Any) -> Plan:
    """Return a plan with changed fields of `Plan`."""
    return PLAN._replace(method=method, **changes)


@dataclass(frozen=True)
class Reply:
    """An answer without URL and time, which are those of the request."""

    status_code: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None

    def to(self, request_url: str, at_s: float, method: str = "GET") -> Answer:
        """Return the answer to a request."""
        return Answer(self.status_code, self.headers or {}, self.body, request_url, NOON, at_s, method)


@dataclass(frozen=True)
class Drop:
    """A request without an answer."""

    fault: FailureKind = FailureKind.CONNECTION
    detail: str = ""

    def to(self, request_url: str, at_s: float) -> RequestFailure:  # noqa: ARG002 - as `Reply.to`
        """Return the failure of a request."""
        return RequestFailure(self.fault, self.detail, at_s)


Event: TypeAlias = Reply | Drop


def reply(status_code: int, body: object = b"", /, **headers: str) -> Reply:
    """Return a reply; a body other than bytes is sent as JSON, and `_` in header names stands for `-`."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status_code, sent, fold_headers((name.replace("_", "-"), value) for name, value in headers.items()))


def monitor(word: object, status_code: int = 200, /, **headers: str) -> Reply:
    """Return the reply of a status monitor."""
    return reply(status_code, {"status": word}, **headers)


def resource(word: object, status_code: int = 200, /, **headers: str) -> Reply:
    """Return the reply of a resource with a provisioning state."""
    return reply(status_code, {"properties": {"provisioningState": word}}, **headers)


def accepted(**headers: str) -> Reply:
    """Return a 202 without a body."""
    return reply(202, **headers)


@dataclass(frozen=True)
class History:
    """The states of an operation, and the URLs of its requests with the delays before them."""

    states: tuple[State, ...]
    urls: tuple[str, ...]
    delays: list[float]
    at_s: float

    @property
    def end(self) -> State:
        """The last state."""
        return self.states[-1]

    @property
    def outcome(self) -> type[State] | UnknownReason:
        """The outcome of the last state."""
        return outcome(self.end)

    @property
    def next(self) -> Pending:
        """The last state, which is pending."""
        assert isinstance(self.end, Pending)
        return self.end

    @property
    def unknown(self) -> Unknown:
        """The last state, which is `Unknown`."""
        assert isinstance(self.end, Unknown)
        return self.end


def outcome(state: State) -> type[State] | UnknownReason:
    """Return the reason of an unknown state, else the class of the state."""
    return state.reason if isinstance(state, Unknown) else type(state)


def run(operation_plan: Plan, initial: Reply, *events: Event) -> History:
    """Run an operation; each request is sent when it is due and answered immediately."""
    state = start(operation_plan, initial.to(operation_plan.resource_url, 0.0, operation_plan.method))
    assert not events or not isinstance(state, Pending) or expires_at(state, 0.0) is None, "the deadline comes first"
    return run_from(state, *events)


def run_from(state: State, *events: Event, at_s: float = 0.0) -> History:
    """Run an operation from a state at a time; the deadline counts from the first of the events."""
    states, urls, delays = [state], list[str](), list[float]()
    for event in events:
        assert isinstance(state, Pending), f"no request follows {state}"
        assert not urls or expires_at(state, at_s) is None, "the deadline comes first"
        at_s += state.next_request.delay.seconds
        delays.append(state.next_request.delay.seconds)
        urls.append(state.next_request.url)
        state = advance(state, event.to(state.next_request.url, at_s))
        states.append(state)
    return History(tuple(states), tuple(urls), delays, at_s)


def polling(method: str = "PUT", **changes: object) -> Polling:
    """Return an operation that polls `/op`, an Azure-AsyncOperation."""
    state = run(plan(method, **changes), accepted(Azure_AsyncOperation="/op")).end
    assert isinstance(state, Polling)
    return state
