"""Every entry at which a URL reaches azpoll: the answers of the home server, and the call of the user."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

import azpoll

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.options import Method
    from tests.proofs.security.two_host_network import RecordingServer

REDIRECTS = (300, 301, 302, 303, 307, 308)
THING = "/things/t?api-version=1"
OTHER_URL = "https://elsewhere.example/op"

TARGET = {"properties": {"provisioningState": "Succeeded", "targetResource": {"id": "/things/t"}}}


@dataclass(frozen=True)
class OpenTracker:
    """A tracker, and the server at which it began its operations.

    Attributes:
        origin: the origin of the home server.
        token: the resume token of an operation that the home server began.
    """

    tracker: azpoll.Tracker[Any]
    home: RecordingServer
    origin: str
    token: str


@dataclass(frozen=True)
class CallResult:
    """The result of a call.

    Attributes:
        error: the error; None for a success.
        shown: the other objects that the user can print.
    """

    error: azpoll.AzpollError | ValueError | None
    shown: tuple[object, ...] = ()


def answer(status: int, body: object = None, **headers: str) -> bytes:
    """Return an answer as bytes; `_` in header names stands for `-`, values are not encoded."""
    sent = b"" if body is None else json.dumps(body).encode()
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(sent)}\r\n{''.join(lines)}\r\n".encode() + sent


ACCEPTED = answer(202, Azure_AsyncOperation="/o")
RUNNING = {"status": "Running"}
SUCCEEDED = {"status": "Succeeded"}


async def end_of(opened: OpenTracker, operation: azpoll.AsyncOperation[Any]) -> CallResult:
    """Wait for the end of an operation; return the result."""
    await operation.wait()
    return CallResult(operation.exception(), (operation, operation.snapshot(), opened.tracker.statistics()))


async def begin_with(
    method: Method, script: Callable[[str], tuple[bytes, ...]], opened: OpenTracker, url: str
) -> CallResult:
    """Begin an operation; the home server names the URL in one of its answers."""
    opened.home.answer_with(script(url))
    try:
        operation = await opened.tracker.begin(method, THING)
    except azpoll.AzpollError as error:
        return CallResult(error)
    return await end_of(opened, operation)


async def resume_with(members: Callable[[str], dict[str, str]], opened: OpenTracker, url: str) -> CallResult:
    """Resume from a token that was forged to contain the URL."""
    opened.home.answer_with(())
    token = opened.token
    proper: dict[str, object] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps(proper | members(url)).encode()).decode()
    try:
        operation = opened.tracker.resume(forged)
    except azpoll.AzpollError as error:
        return CallResult(error)
    return await end_of(opened, operation)


async def cancel_at(opened: OpenTracker, url: str) -> CallResult:
    """Send a cancel request to the URL."""
    opened.home.answer_with([ACCEPTED, answer(202)])
    try:
        operation = await opened.tracker.begin("POST", THING, cancel_url=url)
    except ValueError as error:  # refused before anything is sent
        return CallResult(error)
    try:
        await operation.cancel()
    except azpoll.AzpollError as error:
        return CallResult(error, (await end_of(opened, operation)).shown)
    return await end_of(opened, operation)


class DeploymentSource:
    """A hint source over the list of a deployment, and its end."""

    def __init__(self, url: str) -> None:
        self.error: azpoll.AzpollError | None = None
        self.over = anyio.Event()
        self._source = azpoll.DeploymentOperations(url)

    async def run(self, board: azpoll.HintBoard) -> None:
        """Read the list to its end."""
        try:
            await self._source.run(board)
        except azpoll.AzpollError as error:
            self.error = error
            raise
        finally:
            self.over.set()


async def read_list(opened: OpenTracker, url: str) -> CallResult:
    """Read a list whose next page has the URL."""
    opened.home.answer_with([answer(200, {"value": [], "nextLink": url}), answer(200, {"value": [TARGET]})])
    listing = DeploymentSource(f"{opened.origin}/operations?api-version=1")
    opened.tracker.add_hints(listing)
    await listing.over.wait()
    return CallResult(listing.error)


def redirect(code: int) -> Callable[[str], tuple[bytes, ...]]:
    """Return the answers of a poll that is redirected to the URL."""
    return lambda url: (ACCEPTED, answer(code, Location=url))


REDIRECTED = {f"a redirect, {code}": partial(begin_with, "DELETE", redirect(code)) for code in REDIRECTS}
ENTRIES: dict[str, Callable[[OpenTracker, str], Awaitable[CallResult]]] = {
    "the first Azure-AsyncOperation": partial(begin_with, "PUT", lambda url: (answer(202, Azure_AsyncOperation=url),)),
    "the first Operation-Location": partial(begin_with, "POST", lambda url: (answer(202, Operation_Location=url),)),
    "the first Location": partial(begin_with, "DELETE", lambda url: (answer(202, Location=url),)),
    "a later Azure-AsyncOperation": partial(
        begin_with, "PUT", lambda url: (ACCEPTED, answer(200, RUNNING, Azure_AsyncOperation=url))
    ),
    "a later Operation-Location": partial(
        begin_with, "POST", lambda url: (ACCEPTED, answer(202, Operation_Location=url))
    ),
    "a later Location": partial(
        begin_with, "POST", lambda url: (answer(202, Location="/l"), answer(202, Location=url))
    ),
    "the last Location": partial(begin_with, "POST", lambda url: (ACCEPTED, answer(200, SUCCEEDED, Location=url))),
    "resourceLocation": partial(
        begin_with, "PUT", lambda url: (ACCEPTED, answer(200, {**SUCCEEDED, "resourceLocation": url}))
    ),
    **REDIRECTED,
    "a second redirect": partial(
        begin_with, "PUT", lambda url: (ACCEPTED, answer(302, Location="/o2"), answer(307, Location=url))
    ),
    "a redirect of the final GET": partial(
        begin_with, "PUT", lambda url: (ACCEPTED, answer(200, SUCCEEDED), answer(308, Location=url))
    ),
    "a redirect of a confirmation": partial(
        begin_with, "DELETE", lambda url: (ACCEPTED, answer(404), answer(301, Location=url))
    ),
    "a token's URL": partial(resume_with, lambda url: {"url": url}),
    "a token's resource": partial(resume_with, lambda url: {"resource": url, "url": url}),
    "a token's Location": partial(resume_with, lambda url: {"location": url, "via": "location"}),
    "a token's fallback": partial(resume_with, lambda url: {"url": OTHER_URL, "fallback": url}),
    "cancel_url": cancel_at,
    "a list's next page": read_list,
}
"""The five entries of rule 9 in every place, the cancel URL, and the next page of a list."""

NOT_FOLLOWED = {"a redirect, 300"}
"""A 300 offers a choice, so azpoll does not follow it; it polls again."""
