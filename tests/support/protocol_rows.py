"""Operations as rows: what the service answers, and what became of it. No time passes but what is computed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import httpx

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure, fold_headers
from azpoll.protocol.machine import advance, expires_at, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.states import Pending, Polling, State, Unknown, UnknownReason
from azpoll.protocol.url_policy import URLPolicy, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "https://management.azure.com"
NOON = datetime(2024, 11, 6, 12, 0, 0, tzinfo=UTC)
TRUST = URLPolicy(parse=httpx.URL, initial=origin_of(httpx.URL(HOST)))


def url(path: str) -> str:
    """Return what a path is asked as: at the host of the initial request, with its api-version."""
    return f"{HOST}{path}{'&' if '?' in path else '?'}api-version=1"


RESOURCE = url("/rg/vm")
PLAN = Plan("PUT", RESOURCE, TRUST)


def plan(method: str = "PUT", **changes: object) -> Plan:
    """Return a plan; the names are those of `Plan`."""
    return PLAN._replace(method=method, **changes)  # type: ignore[arg-type]  # the names are checked when it runs


@dataclass(frozen=True)
class Reply:
    """An answer to come: the URL and the time are those of the request."""

    status_code: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None

    def to(self, asked: str, at_s: float, method: str = "GET") -> Answer:
        """Return the answer to a request."""
        return Answer(self.status_code, self.headers or {}, self.body, asked, NOON, at_s, method)


@dataclass(frozen=True)
class Drop:
    """No answer to come."""

    fault: FailureKind = FailureKind.CONNECTION
    detail: str = ""

    def to(self, asked: str, at_s: float) -> RequestFailure:  # noqa: ARG002 - as `Reply.to`
        """Return what a request comes to."""
        return RequestFailure(self.fault, self.detail, at_s)


Event: TypeAlias = Reply | Drop


def reply(status_code: int, body: object = b"", /, **headers: str) -> Reply:
    """Return a reply; a body that is not bytes is sent as JSON; in names of headers `_` stands for `-`."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status_code, sent, fold_headers((name.replace("_", "-"), value) for name, value in headers.items()))


def told(word: object, status_code: int = 200, /, **headers: str) -> Reply:
    """Return what a status monitor says."""
    return reply(status_code, {"status": word}, **headers)


def shown(word: object, status_code: int = 200, /, **headers: str) -> Reply:
    """Return what a resource shows of its provisioning."""
    return reply(status_code, {"properties": {"provisioningState": word}}, **headers)


def accepted(**headers: str) -> Reply:
    """Return a 202 without a body."""
    return reply(202, **headers)


@dataclass(frozen=True)
class Story:
    """What became of an operation: each state, and each request with the wait before it."""

    states: tuple[State, ...]
    asked: tuple[str, ...]
    waits: list[float]
    at_s: float

    @property
    def end(self) -> State:
        """The last state."""
        return self.states[-1]

    @property
    def outcome(self) -> type[State] | UnknownReason:
        """How it stands at the end."""
        return outcome(self.end)

    @property
    def next(self) -> Pending:
        """The last state, which asks for more."""
        assert isinstance(self.end, Pending)
        return self.end

    @property
    def unknown(self) -> Unknown:
        """The last state, which is `Unknown`."""
        assert isinstance(self.end, Unknown)
        return self.end


def outcome(state: State) -> type[State] | UnknownReason:
    """Return the reason of a lost operation, else the kind of state."""
    return state.reason if isinstance(state, Unknown) else type(state)


def play(the: Plan, initial: Reply, *events: Event) -> Story:
    """Return what became of an operation, each request sent when it is due and answered at once."""
    state = start(the, initial.to(the.resource_url, 0.0, the.method))
    assert not events or not isinstance(state, Pending) or expires_at(state, 0.0) is None, "the deadline comes first"
    return play_on(state, *events)


def play_on(state: State, *events: Event, at_s: float = 0.0) -> Story:
    """As `play`, from a state at a time: the deadline counts from the first of these events on."""
    states, asked, waits = [state], list[str](), list[float]()
    for event in events:
        assert isinstance(state, Pending), f"nothing is asked after {state}"
        assert not asked or expires_at(state, at_s) is None, "the deadline comes first"
        at_s += state.next_request.delay.seconds
        waits.append(state.next_request.delay.seconds)
        asked.append(state.next_request.url)
        state = advance(state, event.to(state.next_request.url, at_s))
        states.append(state)
    return Story(tuple(states), tuple(asked), waits, at_s)


def polling(method: str = "PUT", **changes: object) -> Polling:
    """Return an operation that polls `/op`, an Azure-AsyncOperation."""
    state = play(plan(method, **changes), accepted(Azure_AsyncOperation="/op")).end
    assert isinstance(state, Polling)
    return state
