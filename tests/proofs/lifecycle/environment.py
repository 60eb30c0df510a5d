"""The environment of a program, driven step by step from outside the event loop."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, TypeVar

import pytest

from azpoll.testing import FakeARM, IncomingRequest, Limits, Rate, VirtualLoop
from tests.proofs.lifecycle.expiring_credential import Issuer
from tests.proofs.lifecycle.skewed_clocks import Clocks
from tests.proofs.stack.random_operations import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from azpoll.testing import Script

T = TypeVar("T")

CLIENT_HEADER = "x-ms-client-request-id"
"""Names the handle that sends a request: azpoll repeats it on each poll, and each handle has its own."""

LATENCY_S = 0.05
READS = Rate(60, 6)
"""The limit of a subscription: exactly the sum of the budgets of two trackers."""

SUBSCRIPTIONS = 2


class Environment:
    """The machine and the service of a program.

    Attributes:
        clocks: the clocks, which may differ.
        arm: the service.
        issuer: the issuer of the credential.
        scripts: the script of the operation that begins at a path, by path.
        exhausted: how often another client has used all reads of a subscription.
    """

    def __init__(self) -> None:
        random.seed(0)  # azpoll's jitter
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        loop = self._runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        self.clocks = Clocks(loop)
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(time, "time", self.clocks.wall_s)
        self.scripts: dict[str, Script] = {}
        self.arm = FakeARM(
            default=lambda request: self.scripts[request.path],
            limits=Limits(reads=READS, writes=None, deletes=None),
            clock=self.clocks.true_s,
            latency_s=LATENCY_S,
            client_header=CLIENT_HEADER,
        )
        self.issuer = Issuer(self.arm)
        self.exhausted = 0

    def close(self) -> None:
        """End the event loop and restore the wall clock."""
        self._runner.close()
        self._patch.undo()

    def run(self, main: Coroutine[object, object, T]) -> T:
        """Run the event loop until the coroutine has ended."""
        return self._runner.run(main)

    def inside(self, function: Callable[[], T]) -> T:
        """Call a function inside the event loop, without a passage of time."""

        async def call() -> T:
            return function()

        return self.run(call())

    def advance(self, seconds: float) -> None:
        """Advance all clocks."""
        self.run(asyncio.sleep(seconds))

    @property
    def tasks(self) -> int:
        """The number of unfinished tasks."""
        return len(asyncio.all_tasks(self._runner.get_loop()))

    def exhaust_reads(self, subscription: int) -> None:
        """Use all reads of a subscription as another client of the same principal."""
        self.exhausted += 1
        headers = {"authorization": f"Bearer {self.issuer.valid}"}
        path = f"/subscriptions/s{subscription}/resources"

        def read() -> None:
            for _ in range(READS.capacity):
                self.arm.exchange(IncomingRequest("GET", ORIGIN, path, "", headers)).finished(complete=True)

        self.inside(read)
