"""Cases from the tests of other clients, run through the public API in virtual time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

import azpoll
from tests.proofs.peers.peer_cases import Case, Reply, load
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


class Service:
    """Answers polls from the script of a case, and records the time and URL of each request."""

    def __init__(self, case: Case) -> None:
        self.requests: list[tuple[float, str]] = []
        self._replies = self._script(case)

    @staticmethod
    def _script(case: Case) -> Iterator[Reply]:
        yield from case.polls
        while True:  # after its end a script repeats the last answer, as a service does
            yield case.polls[-1]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((anyio.current_time(), str(request.url)))
        reply = next(self._replies)
        if reply.status == 0:
            raise httpx.ReadError("dropped", request=request)
        return httpx.Response(reply.status, headers=reply.headers, content=content_of(reply.body))


def content_of(body: object) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def initial_response(case: Case) -> httpx.Response:
    return httpx.Response(
        case.initial.status,
        headers=case.initial.headers,
        content=content_of(case.initial.body),
        request=httpx.Request(case.method, case.url),
    )


async def outcome_of(client: httpx.AsyncClient, case: Case) -> tuple[str, httpx.Response | azpoll.AzpollError]:
    try:
        response = await azpoll.wait(client, initial_response(case), final_state_via=case.final_state_via)
    except azpoll.OperationFailed as error:
        return "failed", error
    except azpoll.OperationCanceled as error:
        return "canceled", error
    except azpoll.AzpollError as error:
        return "error", error
    return "succeeded", response


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in load()])
async def test_a_case_of_another_client_ends_as_the_rules_say(case: Case) -> None:
    """The operation ends as the rules say, after the expected requests, none of them early."""
    service = Service(case)
    started_s = anyio.current_time()
    async with new_client(transport=httpx.MockTransport(service.answer)) as client:
        outcome, result = await outcome_of(client, case)

    assert outcome == case.expect["outcome"], result
    if "final_body" in case.expect:
        assert isinstance(result, httpx.Response)
        assert (result.json() if result.content else None) == case.expect["final_body"]
    if "error_code" in case.expect:
        assert isinstance(result, azpoll.AzpollError)
        assert result.code == case.expect["error_code"]
    if "requests" in case.expect:
        urls = [url for _, url in service.requests]
        expected = case.expect["requests"]
        # An unreadable answer is polled again; the script of an error does not say how often.
        assert (urls[: len(expected)] if outcome == "error" and expected else urls) == expected
    times = [started_s, *(at_s for at_s, _ in service.requests)]
    for before_s, at_s, least_s in zip(times, times[1:], case.expect.get("delays", ()), strict=False):
        assert least_s is None or at_s - before_s >= least_s
