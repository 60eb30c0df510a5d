"""`azpoll demo` in virtual time: azpoll keeps its guarantees, and the report shows each breach of one."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from azpoll.cli.demo.flows import Transcript, plan_flows
from azpoll.cli.demo.report import evaluate, show
from azpoll.cli.demo.runner import run_demo
from azpoll.cli.demo.workload import plan_workload
from azpoll.testing import FakeARM, run_virtual
from tests.support.clients import new_client

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from azpoll import Statistics
    from azpoll.cli.demo.runner import Run


Backend: TypeAlias = Literal["asyncio", "trio"]


class Paper:
    """A view that records its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def heading(self, text: str) -> None:
        self.lines.append(text)

    def line(self, text: str, style: str = "") -> None:
        del style
        self.lines.append(text)

    def progress(self, total: int) -> AbstractContextManager[None]:
        assert total
        return nullcontext()

    def update(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
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
        workload = plan_workload(arm, operations, Random(seed))  # noqa: S311 - a simulation
        transcript = Transcript(flows)
        async with new_client(
            base_url="https://management.azure.com",
            transport=arm.transport(),
            event_hooks={"response": [transcript.on_response]},
        ) as client:
            return await run_demo(client, flows, transcript, workload, paper)

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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_azpoll_is_right_in_every_simulated_workload(seed: int, backend: Backend) -> None:
    run, arm, paper = play(150, seed, backend)

    report = evaluate(run, arm)
    show(report, paper)

    assert report.is_correct, paper.text
    assert sum(report.actual.values()) == 153
    assert report.throttled
    assert report.faulty
    assert "All 153 operations ended as the server says" in paper.text


def test_equal_seeds_give_equal_workloads() -> None:
    plans = [[plan.fake.script for plan in plan_workload(FakeARM(), 50, Random(3))] for _ in range(2)]  # noqa: S311 - replays

    assert plans[0] == plans[1]


def test_the_report_shows_each_mistake() -> None:
    run, arm, paper = play(10, 5)
    fake, operation = run.operations[0]
    assert evaluate(run, arm).is_correct

    run.ended_at_s[operation.id] = fake.ends_at_s - 0.1
    assert evaluate(run, arm).false_verdicts == 1, "reported too early"
    run.ended_at_s[operation.id] = fake.ends_at_s + 1
    fake.script = replace(fake.script, outcome="Failed")
    assert evaluate(run, arm).false_verdicts == 1, "another outcome reported"
    run.not_started = 2
    report = evaluate(run, arm)
    assert report.lost == 2

    show(report, paper)
    assert "made a mistake" in paper.lines[-1]
