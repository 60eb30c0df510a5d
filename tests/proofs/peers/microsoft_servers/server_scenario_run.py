"""Runs one scenario through the public API, and compares the outcome with the table."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

import anyio
import httpx
import httpx2
import pytest

import azpoll
from tests.proofs.peers.microsoft_servers.server_scenario import (
    Anything,
    Body,
    Cancels,
    Fails,
    Refused,
    Scenario,
    Succeeds,
    Unreadable,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

AnyClient: TypeAlias = httpx.AsyncClient | httpx2.AsyncClient
AnyResponse: TypeAlias = httpx.Response | httpx2.Response
AnyTracker: TypeAlias = azpoll.Tracker[AnyResponse]
AnyClientClass: TypeAlias = type[httpx.AsyncClient] | type[httpx2.AsyncClient]

LIMIT_S: Final = 30.0
# One context for all clients, since loading the CA certificates is slow and the servers use plain http.
_TLS: Final = ssl.create_default_context()


@dataclass(slots=True)
class AnswerRecord:
    """A record of all answers in order."""

    status_codes: list[int] = field(default_factory=list[int])
    urls: list[str] = field(default_factory=list[str])

    async def note(self, response: AnyResponse) -> None:
        self.status_codes.append(response.status_code)
        self.urls.append(str(response.request.url))


def rows(scenarios: Iterable[Scenario]) -> pytest.MarkDecorator:
    """Parametrize a test by the rows of a table."""
    return pytest.mark.parametrize("scenario", [pytest.param(scenario, id=scenario.id) for scenario in scenarios])


@asynccontextmanager
async def fresh_client(client_class: AnyClientClass, base_url: str) -> AsyncGenerator[tuple[AnyClient, AnswerRecord]]:
    """Open a new client for one scenario, since the autorest server keeps its state in a cookie."""
    answers = AnswerRecord()
    client = client_class(base_url=base_url, trust_env=False, verify=_TLS, event_hooks={"response": [answers.note]})
    async with client:
        yield client, answers


async def run(scenario: Scenario, client_class: AnyClientClass, base_url: str) -> AnswerRecord:
    """Run a scenario and compare its outcome."""
    async with fresh_client(client_class, base_url) as (client, answers):
        tracker: AnyTracker = azpoll.Tracker(client, interval=0, min_interval=0)
        async with tracker:
            with anyio.fail_after(LIMIT_S):
                response = await _outcome(tracker, scenario)
        assert tuple(answers.status_codes) == scenario.answers, answers.urls
        if scenario.follow is not None and response is not None:
            document: dict[str, str] = response.json()
            (await client.get(document[scenario.follow])).raise_for_status()
    return answers


async def _outcome(tracker: AnyTracker, scenario: Scenario) -> AnyResponse | None:
    """Compare the outcome; return the final response after a success."""
    match scenario.outcome:
        case Succeeds(body):
            response = await _run(tracker, scenario)
            _compare(response, body)
            return response
        case Fails(code, message):
            with pytest.raises(azpoll.OperationFailed) as failed:
                await _run(tracker, scenario)
            assert code is None or failed.value.code == code
            assert message is None or failed.value.message == message
        case Cancels():
            with pytest.raises(azpoll.OperationCanceled):
                await _run(tracker, scenario)
        case Refused(status_code, message):
            with pytest.raises(azpoll.InitialRequestFailed) as refused:
                await _run(tracker, scenario)
            assert refused.value.status_code == status_code
            assert message is None or refused.value.message == message
        case Unreadable(error, says):
            with pytest.raises(error) as unread:
                await _run(tracker, scenario)
            assert says in str(unread.value), str(unread.value)
            assert unread.value.response is not None, "the last answer is attached (rule 25)"
        case _:
            assert_never(scenario.outcome)
    return None


async def _run(tracker: AnyTracker, scenario: Scenario) -> AnyResponse:
    cookies: object = None
    if scenario.repeat_initial:
        with pytest.raises(azpoll.InitialRequestFailed) as refused:
            await _begin(tracker, scenario)
        response: Any = refused.value.response
        cookies = response.cookies  # azpoll does not store them in the client (rule 52)
    operation = await _begin(tracker, scenario, cookies)
    return await operation


async def _begin(tracker: AnyTracker, scenario: Scenario, cookies: object = None) -> azpoll.AsyncOperation[AnyResponse]:
    return await tracker.begin(
        scenario.method,
        scenario.path,
        json=scenario.json,
        headers=scenario.headers,
        cookies=cookies,
        final_state_via=scenario.final_state_via,
        patience=scenario.patience,
        idempotent=False if scenario.repeat_initial else None,
    )


def _compare(response: AnyResponse, expected: Body) -> None:
    match expected:
        case Anything():
            pass
        case None:
            assert response.content == b""
        case Mapping():
            document: dict[str, object] = response.json()
            assert {name: document.get(name) for name in expected} == expected
        case _:
            assert response.json() == expected
