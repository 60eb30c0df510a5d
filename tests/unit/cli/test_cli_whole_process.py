"""`azpoll` as a process: signals, pipes, and the demo in real time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.child_processes import command_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Azure, Command

pytestmark = pytest.mark.slow

AZPOLL = command_of("azpoll")


@pytest.fixture(scope="module", autouse=True)
def demo() -> Iterator[subprocess.Popen[str]]:
    """A running `azpoll demo`. It takes ten seconds, so it starts before the first test of this file."""
    words = [sys.executable, "-m", "azpoll", "demo", "--operations", "30", "--seed", "11"]
    with subprocess.Popen(  # noqa: S603 - the program under test
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.kill()


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


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("form", ["text", "none", "json", "jsonl"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_each_signal_that_ends_the_wait_leaves_resume_tokens(
    azure: Azure, azpoll: Command, form: str, number: signal.Signals, code: int
) -> None:
    running, ended = azure.begin(duration_s=60, retry_after=1), azure.begin(duration_s=0)

    with start("wait", "-o", form, running.monitor_url, ended.monitor_url) as process:
        while running.polls < 2 or ended.polls == 0:  # before the second one, the command has read the first answers
            time.sleep(0.01)
        process.send_signal(number)
        if number is not signal.SIGINT:
            process.send_signal(number)  # as GNU timeout does, which signals the process and its group
        out, err = process.communicate(timeout=10)

    assert process.returncode == code
    assert "Traceback" not in err
    tokens = err if form in {"text", "none"} else "\n".join(re.findall(r'"resume_token": "([^"]+)"', out))
    read = azpoll("status", "-", "--allow-host", azure.base_url, stdin=tokens)
    assert read.code == 0
    assert running.id in read.out
    assert ended.id not in read.out


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_a_hangup_that_the_parent_ignores_is_ignored(azure: Azure) -> None:
    """As under `nohup`."""
    operation = azure.begin(duration_s=1, retry_after=1)
    program = (
        "import runpy, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        " sys.argv[:] = ['azpoll', *sys.argv[1:]]; runpy.run_module('azpoll', run_name='__main__')"
    )
    words = [sys.executable, "-c", program, "wait", operation.monitor_url]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - the program under test
        while operation.polls == 0:
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=10)

    assert process.returncode == 0, err
    assert "Succeeded" in out


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_closed_pipe_ends_the_command(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=60, retry_after=1)

    with start("wait", "-o", "jsonl", operation.monitor_url) as process:
        assert process.stdout is not None
        assert "polled" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=10) == 141
        assert process.stderr is not None
        errors = process.stderr.read()

    assert "Traceback" not in errors
    assert azpoll("status", "-", "--allow-host", azure.base_url, stdin=errors).code == 0, "the token is not lost"


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
