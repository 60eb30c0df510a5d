"""A task that enters and leaves a tracker while other tasks use it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import azpoll
from tests.proofs.lifecycle.expiring_credential import Bearer
from tests.proofs.stack.random_operations import ORIGIN
from tests.support.clients import new_client

if TYPE_CHECKING:
    import httpx

    from tests.proofs.lifecycle.expiring_credential import Issuer
    from tests.proofs.lifecycle.recording_transport import RecordingTransport

Exit = Literal["wait", "stop"]
Leaving = Literal["normally", "with an error", "cancelled"]

BUDGET = azpoll.Budget(rate=1, max_rate=1.5, burst=2, write_rate=None)


class BlockError(Exception):
    """An error of the program in the block of its tracker."""


class TrackerHolder:
    """One tracker, its client, and the task that holds both open.

    Attributes:
        events: the events of the tracker.
        leaving: whether the task has been asked to leave the tracker.
    """

    def __init__(self, transport: RecordingTransport, on_exit: Exit) -> None:
        self.transport = transport
        self.on_exit: Exit = on_exit
        self.events: list[azpoll.Event] = []
        self.leaving = False
        self._fails = False
        self._leave = asyncio.Event()
        self._tracker: azpoll.Tracker[httpx.Response] | None = None
        self._task: asyncio.Task[None] | None = None
        self.error: BaseException | None = None

    @property
    def tracker(self) -> azpoll.Tracker[httpx.Response]:
        assert self._tracker is not None
        return self._tracker

    @property
    def closed(self) -> bool:
        """Whether the tracker has closed."""
        return self._task is not None and self._task.done()

    async def open(self, issuer: Issuer) -> None:
        """Enter the tracker."""
        entered = asyncio.Event()
        self._task = asyncio.create_task(self._hold(issuer, entered))
        await entered.wait()

    def leave(self, how: Leaving) -> None:
        """Leave the tracker."""
        assert self._task is not None
        self.leaving = True
        if how == "cancelled":
            self._task.cancel()
        self._fails = how == "with an error"
        self._leave.set()

    async def wait_closed(self, seconds: float) -> None:
        """Wait until the tracker has closed, at most for `seconds`."""
        assert self._task is not None
        await asyncio.wait([self._task], timeout=seconds)

    async def _hold(self, issuer: Issuer, entered: asyncio.Event) -> None:
        client = new_client(transport=self.transport, base_url=ORIGIN, auth=Bearer(issuer), timeout=None)
        try:
            async with (
                client,
                azpoll.Tracker(client, budget=BUDGET, on_exit=self.on_exit) as self._tracker,
            ):
                self._tracker.subscribe(self.events.append)
                entered.set()
                await self._leave.wait()
                self._fail_if_asked()
        except (BlockError, ExceptionGroup, asyncio.CancelledError) as error:
            self.error = error

    def _fail_if_asked(self) -> None:
        if self._fails:
            raise BlockError
