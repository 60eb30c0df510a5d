"""A terminal with rich gets a live view; every other stream gets plain lines."""

from __future__ import annotations

import io
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest

from azpoll.cli import main
from azpoll.cli.demo.flows import Transcript, plan_flows
from azpoll.cli.demo.runner import run_demo
from azpoll.cli.demo.view import create_view
from azpoll.cli.demo.workload import plan_workload
from azpoll.cli.terminal import rich_console
from azpoll.testing import FakeARM, Reply, run_virtual
from tests.support.clients import new_client

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Azure


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    return Terminal()


def test_rich_is_used_only_on_terminals(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rich_console(io.StringIO()) is None
    assert rich_console(terminal) is not None
    monkeypatch.setenv("TERM", "dumb")
    assert rich_console(terminal) is None


@pytest.mark.slow
def test_waiting_is_shown_on_a_terminal(azure: Azure, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Reply(200, {"status": "Mov[bold]ing", "percentComplete": 40}, retry_after=1)
    operations = [azure.begin(polls=[running, Reply(200, {"status": "Succeeded"})]) for _ in range(25)]
    monkeypatch.setattr(sys, "stderr", terminal)

    code = main(["wait", *(operation.monitor_url for operation in operations)])

    assert code == 0
    assert "Mov[bold]ing" in terminal.getvalue()
    assert sum(operation.id in terminal.getvalue() for operation in operations) == 20, "the live view fits on a screen"


def test_the_demo_is_drawn_on_a_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", terminal)
    arm = FakeARM()

    async def run() -> None:
        flows, workload = plan_flows(arm), plan_workload(arm, 3, Random(1))  # noqa: S311 - a simulation
        transcript = Transcript(flows)
        hooks = {"response": [transcript.on_response]}
        async with new_client(base_url="https://arm", transport=arm.transport(), event_hooks=hooks) as client:
            await run_demo(client, flows, transcript, workload, create_view())

    run_virtual(run)

    assert "Start virtual machine" in terminal.getvalue()
    assert "Microsoft.Compute" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()
