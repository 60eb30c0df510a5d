"""`azpoll demo` in virtual time: it is right, and its report would tell if it were not."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from azpoll.cli.demo_flows import Transcript, plan_flows
from azpoll.cli.demo_run import run_demo
from azpoll.cli.demo_world import plan_fleet
from azpoll.cli.report import judge
from azpoll.cli.summary import show
from azpoll.testing import FakeARM, run_virtual
from tests.support.clients import new_client

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from azpoll import Statistics
    from azpoll.cli.demo_run import Run


Backend: TypeAlias = Literal["asyncio", "trio"]


class Paper:
    """A view that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def heading(self, text: str) -> None:
        self.lines.append(text)

    def line(self, text: str, style: str = "") -> None:
        del style
        self.lines.append(text)

    def fleet(self, total: int) -> AbstractContextManager[None]:
        assert total
        return nullcontext()

    def tick(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        assert now.tracked >= before.tracked
        assert elapsed_s >= 0

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def play(operations: int, seed: int, backend: Backend = "asyncio") -> tuple[Run, FakeARM, Paper]:
    """Run a demo in virtual time."""
    arm, paper = FakeARM(), Paper()

    async def main() -> Run:
        flows = plan_flows(arm)
        fleet = plan_fleet(arm, operations, Random(seed))  # noqa: S311 - a made-up world
        transcript = Transcript(flows)
        async with new_client(
            base_url="https://management.azure.com",
            transport=arm.transport(),
            event_hooks={"response": [transcript.hear]},
        ) as client:
            return await run_demo(client, flows, transcript, fleet, paper)

    return run_virtual(main, backend=backend), arm, paper


def test_the_flows_are_shown_as_in_the_document() -> None:
    _, _, paper = play(0, 1)

    place = -1
    for line in (
        "1. Start virtual machine",
        r"POST .*/virtualMachines/web-01/start\?api-version=2016-03-30",
        "202 Accepted",
        "Azure-AsyncOperation: https://management.azure.com/subscriptions/",
        "GET the URL in Azure-AsyncOperation",
        '200 OK  {"status": "InProgress"',
        '200 OK  {"status": "Succeeded"',
        "2. Deploy resources",
        "PUT .*/deployments/shop",
        '201 Created  .*"provisioningState": "Accepted"',
        '200 OK  {"status": "Running"',
        "3. Create storage account",
        "202 Accepted",
        r"Location: .*monitor=true&api-version=2016-01-01",
        "Retry-After: 2",
        "GET the URL in Location",
        "202 Accepted",
        "200 OK",
        "= succeeded",
    ):
        place = next((at for at in range(place + 1, len(paper.lines)) if re.search(line, paper.lines[at])), -1)
        assert place >= 0, line


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_azpoll_is_right_in_every_made_up_world(seed: int, backend: Backend) -> None:
    run, arm, paper = play(150, seed, backend)

    figures = judge(run, arm)
    show(figures, paper)

    assert figures.right, paper.text
    assert sum(figures.truth.values()) == 153
    assert figures.throttled
    assert figures.faulty
    assert "All 153 operations ended as the server says" in paper.text


def test_the_same_seed_makes_the_same_world() -> None:
    plans = [[work.fake.script for work in plan_fleet(FakeARM(), 50, Random(3))] for _ in range(2)]  # noqa: S311 - replays

    assert plans[0] == plans[1]


def test_the_report_tells_each_mistake() -> None:
    run, arm, paper = play(10, 5)
    fake, operation = run.followed[0]
    assert judge(run, arm).right

    run.ended_at_s[operation.id] = fake.ends_at_s - 0.1
    assert judge(run, arm).false == 1, "told before it was so"
    run.ended_at_s[operation.id] = fake.ends_at_s + 1
    fake.script = replace(fake.script, outcome="Failed")
    assert judge(run, arm).false == 1, "told otherwise"
    run.refused = 2
    figures = judge(run, arm)
    assert figures.lost == 2

    show(figures, paper)
    assert "made a mistake" in paper.lines[-1]
