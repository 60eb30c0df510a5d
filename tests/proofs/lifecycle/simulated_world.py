"""A machine and a service, driven step by step from outside the event loop."""

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

LATENCY_S = 0.05
READS = Rate(60, 6)
"""Of a subscription: what the budgets of two trackers allow, and no more."""

SUBSCRIPTIONS = 2


class World:
    """What surrounds a program.

    Attributes:
        clocks: which show different times.
        arm: the service.
        issuer: of the credential.
        scripts: by path, how an operation goes that is begun there.
        used_up: how often another program used up the reads of a subscription.
    """

    def __init__(self) -> None:
        random.seed(0)  # of azpoll's jitter
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
        )
        self.issuer = Issuer(self.arm)
        self.used_up = 0

    def close(self) -> None:
        """End whatever runs."""
        self._runner.close()
        self._patch.undo()

    def run(self, main: Coroutine[object, object, T]) -> T:
        """Run the event loop until a coroutine has ended."""
        return self._runner.run(main)

    def inside(self, function: Callable[[], T]) -> T:
        """Call a function inside the event loop; no time passes."""

        async def call() -> T:
            return function()

        return self.run(call())

    def let_pass(self, seconds: float) -> None:
        """Let time pass."""
        self.run(asyncio.sleep(seconds))

    @property
    def tasks(self) -> int:
        """Tasks that have not ended."""
        return len(asyncio.all_tasks(self._runner.get_loop()))

    def use_up_reads(self, subscription: int) -> None:
        """Let another program of the same identity use up the reads of a subscription."""
        self.used_up += 1
        headers = {"authorization": f"Bearer {self.issuer.valid}"}
        path = f"/subscriptions/s{subscription}/resources"

        def read() -> None:
            for _ in range(READS.capacity):
                self.arm.exchange(IncomingRequest("GET", ORIGIN, path, "", headers)).finished(complete=True)

        self.inside(read)
