"""Plays a script through the public API in virtual time, and records every request."""

from __future__ import annotations

from typing import NamedTuple, get_args

import anyio
import httpx

import azpoll
from azpoll.options import Method
from tests.proofs.recordings.operation_script import Script, origin_of, place_of
from tests.support.clients import new_client

_METHODS: dict[str, Method] = {each: each for each in get_args(Method)}
UNCHECKED_HEADERS = frozenset({"content-encoding", "transfer-encoding", "content-length", "set-cookie", "connection"})
"""Headers that describe the bytes of the recorded answer, which are not the bytes of the played one."""

LONGEST_WAIT_S = 3600.0
PATIENCE_S = 7200.0
"""The time after the script's own waits until a last answer that is repeated counts as "running"."""


class Request(NamedTuple):
    """A request that azpoll sent, and the time of sending in seconds."""

    method: str
    url: str
    at_s: float


class Played(NamedTuple):
    """How azpoll ended a script. `end` is as in `Script`."""

    end: str
    requests: list[Request]
    result: bytes | None
    code: str | None


class ScriptedService:
    """Answers with the replies of a script in order, and repeats the last one."""

    def __init__(self, script: Script) -> None:
        self.requests: list[Request] = []
        self._replies = script.replies

    def answer(self, request: httpx.Request) -> httpx.Response:
        reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
        self.requests.append(Request(request.method, str(request.url), anyio.current_time()))
        headers = [(name, value) for name, value in reply.headers.items() if name not in UNCHECKED_HEADERS]
        return httpx.Response(reply.status, headers=headers, content=reply.body.encode())


async def play(script: Script, allowed_origins: tuple[str, ...] = ()) -> Played:
    """Track the operation of a script to its end."""
    service = ScriptedService(script)
    timeout_s = PATIENCE_S + sum(max(60.0, _retry_after_s(script, index)) for index in range(len(script.replies)))
    result: httpx.Response | None = None
    code: str | None = None
    async with (
        new_client(transport=httpx.MockTransport(service.answer)) as client,
        azpoll.Tracker(client, allowed_origins=allowed_origins, budget=None) as tracker,
    ):
        try:
            result = await (await tracker.begin(_METHODS[script.method], script.url, timeout=timeout_s))
            end = "succeeded"
        except azpoll.AzpollError as error:
            end, code = _end_of(error), error.code
    return Played(end, service.requests, None if result is None else result.content, code)


def _end_of(error: azpoll.AzpollError) -> str:
    if isinstance(error, azpoll.OperationFailed):
        return "failed"
    if isinstance(error, azpoll.OperationCanceled):
        return "canceled"
    return "running" if isinstance(error, azpoll.OperationTimeout) else type(error).__name__


def _retry_after_s(script: Script, index: int) -> float:
    value = script.replies[index].header("retry-after") or ""
    return min(float(value), LONGEST_WAIT_S) if value.isdecimal() else 0.0


def faults(script: Script, played: Played) -> list[str]:
    """Return every difference between a script and the way in which azpoll played it."""
    found: list[str] = []
    if played.end != script.end:
        found.append(f"ended as {played.end}, expected {script.end}")
    if script.code is not None and played.code != script.code:
        found.append(f"error code {played.code!r}, expected {script.code!r}")
    if script.end == played.end == "succeeded":
        expected = b"" if script.result is None else script.replies[script.result].body.encode()
        if played.result != expected:
            found.append(f"the result is {played.result!r}, expected {expected!r}")
    return found + _wrong_places(script, played) + _early_requests(script, played)


def _wrong_places(script: Script, played: Played) -> list[str]:
    """The requests are those of the script. While an answer is repeated, so is the request."""
    expected = [_line(script.method, script.url), *(_line("GET", step.url) for step in script.steps)]
    sent = [_line(request.method, request.url) for request in played.requests]
    if script.end not in {"succeeded", "failed", "canceled"}:
        expected += expected[-1:] * (len(sent) - len(expected))
    return [] if sent == expected else [f"sent {sent}, expected {expected}"]


def _line(method: str, url: str) -> str:
    return f"{method} {origin_of(url)} {place_of(url)}"


def _early_requests(script: Script, played: Played) -> list[str]:
    """No request is sent before the Retry-After of the answer before it, or within a second; the final GET may be."""
    found: list[str] = []
    for index in range(1, len(played.requests)):
        waited_s = played.requests[index].at_s - played.requests[index - 1].at_s
        least_s = max(1.0, _retry_after_s(script, min(index, len(script.replies)) - 1))
        if index != script.final_get and waited_s < least_s - 1e-6:
            found.append(f"request {index} was sent after {waited_s:g} s, the least wait is {least_s:g} s")
    return found


async def faults_of(script: Script) -> list[str]:
    """Play a script, first without its foreign origins if it has any, and return all faults.

    A foreign `Location` of a 200 or 201 may be the address of the created resource; then no error is due (rule 3).
    """
    found: list[str] = []
    if script.foreign:
        played = await play(script)
        if played.end != "UntrustedPollingURL" and script.initial.status == 202:
            found.append(f"an origin that is not allowed: ended as {played.end}")
        asked = {origin_of(request.url) for request in played.requests}
        found += [f"{origin} was asked without being allowed" for origin in asked.intersection(script.foreign)]
    return found + faults(script, await play(script, script.foreign))
