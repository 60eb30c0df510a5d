"""`Scene`: one run of a play, with its service and those who come and leave."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import httpx

import azpoll
from azpoll.testing import FakeARM
from tests.proofs.cancellation.cancelled_caller import Visitor
from tests.proofs.cancellation.stepping_loops import Steps, Way, run_stepping
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ORIGIN = "https://management.azure.com"
LATENCY_S = 0.5

Operation = azpoll.AsyncOperation[httpx.Response]


def path_of(number: int) -> str:
    return f"/subscriptions/s1/resourceGroups/g/providers/Microsoft.Fake/things/t{number}?api-version=1"


@dataclass
class Scene:
    """One run.

    Attributes:
        way: how those who leave are cancelled.
        steps: of the event loop.
        visitors: who come; all but the last leave, or the only one.
        arm: the service.
        left: tasks that still run after the end.
        owner: who holds the tracker, in plays about that.
    """

    way: Way
    steps: Steps
    visitors: list[Visitor]
    arm: FakeARM = field(default_factory=lambda: FakeARM(latency_s=LATENCY_S))
    left: int = 0
    owner: Visitor | None = None

    @property
    def leaving(self) -> list[Visitor]:
        """Those who are cancelled."""
        if self.owner is not None:
            return [self.owner]
        return self.visitors[:-1] or self.visitors

    def client(self, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        return client_of(self.arm, auth=auth)

    def strike(self) -> None:
        for visitor in self.leaving:
            visitor.leave()

    async def visited(self, turn_of: Callable[[int], Callable[[], Awaitable[str]]]) -> None:
        """Let all visitors take their turns; steps count once all have begun, until those who leave are done."""
        begun = 0

        async def come(number: int) -> None:
            turn = turn_of(number)

            async def counted() -> str:
                nonlocal begun
                begun += 1
                if begun == len(self.visitors):
                    self.steps.begin(self.strike)
                return await turn()

            await self.visitors[number].come(counted)
            if all(visitor.told for visitor in self.leaving):
                self.steps.end()

        async with anyio.create_task_group() as tasks:
            for number in range(len(self.visitors)):
                tasks.start_soon(come, number)


@dataclass(frozen=True)
class Play:
    """What goes on while somebody leaves.

    Attributes:
        run: plays it.
        told: all that a visitor may be told in the end.
        places: functions of azpoll whose awaits are among those that are cut short.
        extra: requests that one who leaves may cost.
        patience_s: how long one who leaves may take for it.
        again: whether one who comes again begins anew, and may ask what was answered before.
        most: visitors at once.
    """

    run: Callable[[Scene], Awaitable[None]]
    told: frozenset[str]
    places: frozenset[str]
    extra: int = 0
    patience_s: float = 0.0
    again: bool = False
    most: int = 8


def played(play: Play, way: Way, number: int, *at: int) -> Scene:
    """Play once, and let those who leave be cancelled before the steps of these numbers."""
    random.seed(0)  # of azpoll's jitter
    scene = Scene(way, Steps(frozenset(at)), [Visitor(way, play.patience_s) for _ in range(number)])

    async def main() -> None:
        before = len(anyio.get_running_tasks())
        await play.run(scene)
        scene.steps.end()
        await anyio.lowlevel.checkpoint()
        scene.left = len(anyio.get_running_tasks()) - before

    run_stepping(main, way=way, steps=scene.steps)
    return scene


def judge(play: Play, scene: Scene, quiet: Scene) -> None:
    """Assert what has to be so, whoever left when; `quiet` is the same play without a cancellation."""
    told = {visitor.told for visitor in scene.visitors}
    assert told <= play.told, told
    scene.arm.no_early_polls()
    if not play.again:
        scene.arm.one_request_at_a_time()
        scene.arm.no_requests_after_end()
    cost = len(scene.arm.requests) - len(quiet.arm.requests)
    leavings = sum(visitor.left for visitor in scene.leaving)
    assert cost <= play.extra * leavings, f"{leavings} who left cost {cost} requests"
    assert scene.left == 0, f"{scene.left} tasks are left"
