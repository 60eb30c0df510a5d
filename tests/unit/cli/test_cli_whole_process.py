"""`azpoll` as a process: signals, pipes, and the demo in real time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.child_processes import command_of

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Azure, Command

pytestmark = pytest.mark.slow

AZPOLL = command_of("azpoll")


def start(*words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*AZPOLL, *words], stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - the program under test


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process there")
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_interrupt_leaves_resume_tokens(azure: Azure, azpoll: Command, form: str) -> None:
    operation = azure.begin(duration_s=60, retry_after=1)

    with start("wait", "-o", form, operation.monitor_url) as process:
        assert process.stderr is not None
        assert "InProgress" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert process.returncode == 130
    assert "Traceback" not in err
    token = err.split()[-1] if form == "text" else out.partition('"resume_token": "')[2].partition('"')[0]
    resumed = azpoll("status", "--allow-host", azure.base_url, token)
    assert resumed.code == 0
    assert operation.id in resumed.out


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_closed_pipe_ends_the_command(azure: Azure) -> None:
    operation = azure.begin(duration_s=60, retry_after=1)

    with start("wait", "-o", "jsonl", operation.monitor_url) as process:
        assert process.stdout is not None
        assert "polled" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=10) == 141
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_the_demo_is_right_in_real_time(demo: subprocess.Popen[str]) -> None:
    """Real sockets, and real waiting for each Retry-After."""
    out, _ = demo.communicate(timeout=60)

    assert demo.returncode == 0, out
    assert re.search(r"30 of 30 ended +0 running", out)
    for promise in ("false verdicts", "lost operations", "early reads", "reads after the end"):
        assert re.search(rf"{promise} +0 ", out), promise
    said = dict(re.findall(r"^  (succeeded|failed|canceled) +(\d+) +\d+$", out, re.MULTILINE))
    truth = dict(re.findall(r"^  (succeeded|failed|canceled) +\d+ +(\d+)$", out, re.MULTILINE))
    assert said == truth
    assert sum(map(int, said.values())) == 33
