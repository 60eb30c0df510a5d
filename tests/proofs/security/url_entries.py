"""Where a URL may be named: what home answers, one request after another, and what the caller does."""

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

    from tests.proofs.security.two_host_network import Machine

REDIRECTS = (300, 301, 302, 303, 307, 308)
THING = "/things/t?api-version=1"
ELSEWHERE = "https://elsewhere.example/op"

TARGET = {"properties": {"provisioningState": "Succeeded", "targetResource": {"id": "/things/t"}}}


@dataclass(frozen=True)
class Scene:
    """A tracker, and the machine it began its operations at.

    Attributes:
        origin: home's.
        token: of an operation that home began.
    """

    tracker: azpoll.Tracker[Any]
    home: Machine
    origin: str
    token: str


@dataclass(frozen=True)
class Told:
    """What the caller was told.

    Attributes:
        error: None where all went well.
        shown: whatever else the caller can print.
    """

    error: azpoll.AzpollError | None
    shown: tuple[object, ...] = ()


def said(status: int, body: object = None, **headers: str) -> bytes:
    """Return an answer as bytes; in names of headers `_` stands for `-`, and values go out as they are."""
    sent = b"" if body is None else json.dumps(body).encode()
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(sent)}\r\n{''.join(lines)}\r\n".encode() + sent


ACCEPTED = said(202, Azure_AsyncOperation="/o")
RUNNING = {"status": "Running"}
SUCCEEDED = {"status": "Succeeded"}


async def ended(scene: Scene, operation: azpoll.AsyncOperation[Any]) -> Told:
    """Wait for the end of an operation."""
    await operation.wait()
    return Told(operation.exception(), (operation, operation.snapshot(), scene.tracker.statistics()))


async def begun(method: str, script: Callable[[str], tuple[bytes, ...]], scene: Scene, url: str) -> Told:
    """Begin an operation; home names the URL in one of its answers."""
    scene.home.plays(script(url))
    try:
        operation = await scene.tracker.begin(method, THING)
    except azpoll.AzpollError as error:
        return Told(error)
    return await ended(scene, operation)


async def resumed(members: Callable[[str], dict[str, str]], scene: Scene, url: str) -> Told:
    """Resume from a token into which somebody has written the URL."""
    scene.home.plays(())
    token = scene.token
    proper: dict[str, object] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps(proper | members(url)).encode()).decode()
    try:
        operation = scene.tracker.resume(forged)
    except azpoll.AzpollError as error:
        return Told(error)
    return await ended(scene, operation)


async def canceled(scene: Scene, url: str) -> Told:
    """Ask to cancel at the URL."""
    scene.home.plays([ACCEPTED, said(202)])
    operation = await scene.tracker.begin("POST", THING, cancel_url=url)
    try:
        await operation.cancel()
    except azpoll.AzpollError as error:
        return Told(error, (await ended(scene, operation)).shown)
    return await ended(scene, operation)


class Listing:
    """A list of a deployment's operations, and how it ended."""

    def __init__(self, url: str) -> None:
        self.error: azpoll.AzpollError | None = None
        self.over = anyio.Event()
        self._source = azpoll.DeploymentOperations(url)

    async def run(self, board: azpoll.HintBoard) -> None:
        """List to the end."""
        try:
            await self._source.run(board)
        except azpoll.AzpollError as error:
            self.error = error
            raise
        finally:
            self.over.set()


async def listed(scene: Scene, url: str) -> Told:
    """Read a list whose next page is at the URL."""
    scene.home.plays([said(200, {"value": [], "nextLink": url}), said(200, {"value": [TARGET]})])
    listing = Listing(f"{scene.origin}/operations?api-version=1")
    scene.tracker.add_hints(listing)
    await listing.over.wait()
    return Told(listing.error)


def redirect(code: int) -> Callable[[str], tuple[bytes, ...]]:
    """Return the script of a poll that is redirected to the URL."""
    return lambda url: (ACCEPTED, said(code, Location=url))


REDIRECTED = {f"a redirect, {code}": partial(begun, "DELETE", redirect(code)) for code in REDIRECTS}
ENTRIES: dict[str, Callable[[Scene, str], Awaitable[Told]]] = {
    "the first Azure-AsyncOperation": partial(begun, "PUT", lambda url: (said(202, Azure_AsyncOperation=url),)),
    "the first Operation-Location": partial(begun, "POST", lambda url: (said(202, Operation_Location=url),)),
    "the first Location": partial(begun, "DELETE", lambda url: (said(202, Location=url),)),
    "a later Azure-AsyncOperation": partial(
        begun, "PUT", lambda url: (ACCEPTED, said(200, RUNNING, Azure_AsyncOperation=url))
    ),
    "a later Operation-Location": partial(begun, "POST", lambda url: (ACCEPTED, said(202, Operation_Location=url))),
    "a later Location": partial(begun, "POST", lambda url: (said(202, Location="/l"), said(202, Location=url))),
    "the last Location": partial(begun, "POST", lambda url: (ACCEPTED, said(200, SUCCEEDED, Location=url))),
    "resourceLocation": partial(
        begun, "PUT", lambda url: (ACCEPTED, said(200, {**SUCCEEDED, "resourceLocation": url}))
    ),
    **REDIRECTED,
    "a second redirect": partial(
        begun, "PUT", lambda url: (ACCEPTED, said(302, Location="/o2"), said(307, Location=url))
    ),
    "a redirect of the final GET": partial(
        begun, "PUT", lambda url: (ACCEPTED, said(200, SUCCEEDED), said(308, Location=url))
    ),
    "a redirect of a confirmation": partial(
        begun, "DELETE", lambda url: (ACCEPTED, said(404), said(301, Location=url))
    ),
    "a token's URL": partial(resumed, lambda url: {"url": url}),
    "a token's resource": partial(resumed, lambda url: {"resource": url, "url": url}),
    "a token's Location": partial(resumed, lambda url: {"location": url, "via": "location"}),
    "a token's fallback": partial(resumed, lambda url: {"url": ELSEWHERE, "fallback": url}),
    "cancel_url": canceled,
    "a list's next page": listed,
}
"""The five of rule 9, each where it can stand, and the two further ones."""

NOT_FOLLOWED = {"a redirect, 300"}
"""An answer that leaves the choice is no redirect to azpoll: it polls again."""
