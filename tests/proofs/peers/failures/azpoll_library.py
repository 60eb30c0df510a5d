"""azpoll as a library of the comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx

import azpoll
from tests.proofs.peers.failures.compared_library import DAY_S, PASSWORD, QUERY
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from azpoll.options import Method
    from azpoll.testing import FakeARM
    from tests.proofs.peers.failures.compared_library import IdentityProvider, Library


class Bearer(httpx.Auth):
    """The caller's auth: it signs each request and renews its token after a 401."""

    def __init__(self, provider: IdentityProvider) -> None:
        self._keys = provider
        self._token = provider.token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            self._token = self._keys.token
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


class _Handle:
    def __init__(self, operation: azpoll.AsyncOperation[httpx.Response]) -> None:
        self._operation = operation

    async def end(self) -> str:
        with anyio.move_on_after(DAY_S):
            try:
                await self._operation
            except azpoll.OperationError:
                return str(self._operation.state).capitalize()
            except azpoll.PollingError as error:
                kept = "" if error.resume_token is None else ", with a resume token"
                known = "Succeeded, but its result is unread" if error.succeeded else "Unknown"
                return f"{known}: {type(error).__name__}{kept}"
            return "Succeeded"
        return "Still polling after a day"

    def token(self) -> str:
        return self._operation.resume_token()

    def stop(self) -> None:
        self._operation.stop_tracking()


class _Azpoll:
    def __init__(self, tracker: azpoll.Tracker[httpx.Response]) -> None:
        self._tracker = tracker

    async def begin(self, method: Method, path: str) -> _Handle:
        return _Handle(await self._tracker.begin(method, f"{path}?{QUERY}", json={"password": PASSWORD}))

    def resume(self, token: str) -> _Handle:
        return _Handle(self._tracker.resume(token))


async def with_azpoll(arm: FakeARM, provider: IdentityProvider, run: Callable[[Library], Awaitable[str]]) -> str:
    """Run a scenario with azpoll."""
    async with (
        client_of(arm, auth=Bearer(provider)) as client,
        azpoll.Tracker(client, durations=None, on_exit="stop") as tracker,  # the page shows delays without jitter
    ):
        return await run(_Azpoll(tracker))
