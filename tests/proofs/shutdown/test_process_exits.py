"""R13: real processes, with real sockets and a real Ctrl-C; every warning is an error there, and stderr stays empty.

In each, six operations are in six states when it ends. Nothing here waits for a time but to give a hung process up.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.marks import EACH_LIBRARY
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from tests.support.clients import Library

PATIENCE_S = 60
"""Of the test, before it kills a process that hangs."""

STOPPED = {
    "waiting": ["TrackerClosed", True],
    "polling": ["TrackerClosed", True],
    "fetching": ["succeeded", False],
    "throttled": ["TrackerClosed", True],
    "ended": ["succeeded", False],
    "beginning": ["TrackerClosed", True],
}
"""What waiters are told, and whether with a resume token: requests under way are still answered."""

CUT_OFF = STOPPED | {"fetching": ["TrackerClosed", True], "beginning": ["InitialRequestFailed", False]}
"""Where the client has closed its connections beneath the tracker."""

READ = {
    "waiting": ["running", False],
    "polling": ["running", False],
    "fetching": ["fetching", False],
    "throttled": ["running", False],
    "ended": ["succeeded", True],
}
"""What operations say of themselves when their tracker was never left."""

ELSEWHERE = ["WrongEventLoop", "WrongEventLoop"]


def said_by(case: str, library: Library = "httpx", *, interrupt: bool = False) -> list[object]:
    """Run a case of `child`, interrupt it once it is ready, and return what it says after that."""
    command = [sys.executable, "-W", "error", "-X", "dev", "-m", "tests.proofs.shutdown.exit_process", case, library]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603 - our own
        try:
            first = ""
            if interrupt:  # it says nothing more before that, so no line is read ahead
                assert process.stdout is not None
                first = process.stdout.readline()
                process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert errors == ""
    assert process.returncode == 0
    said: list[object] = [json.loads(line) for line in (first + rest).splitlines()]
    return said


@EACH_LIBRARY
def test_ctrl_c_tells_every_waiter_before_the_program_ends(library: Library) -> None:
    assert said_by("interrupted", library, interrupt=True) == ["ready", STOPPED, "KeyboardInterrupt"]


def test_ctrl_c_on_trio_does_so_too() -> None:
    assert said_by("interrupted on trio", interrupt=True) == ["ready", STOPPED, "KeyboardInterrupt"]


@pytest.mark.parametrize("case", ["exited", "exited on trio"])
def test_sys_exit_in_the_block_tells_every_waiter(case: str) -> None:
    assert said_by(case) == ["ready", STOPPED, "at once"]


@EACH_LIBRARY
def test_a_client_closed_while_it_polls_leaves_no_waiter_and_no_socket(library: Library) -> None:
    ready, error, told = said_by("client closed", library)
    assert ready == "ready"
    assert "client is closed" in str(error)
    assert told == CUT_OFF


def test_a_tracker_that_is_never_left_ends_with_its_event_loop() -> None:
    """Its operations can still be read, its tokens too, and whoever waited is cancelled as any task is."""
    assert said_by("never left") == [READ, [*ELSEWHERE, True]]


def test_an_event_loop_closed_beneath_a_tracker_leaves_tokens_and_a_clear_error() -> None:
    assert said_by("loop closed") == [READ, ELSEWHERE]


def test_an_interpreter_that_ends_while_another_thread_tracks_ends_in_peace() -> None:
    assert said_by("daemon thread") == ["ready"]


@pytest.mark.parametrize("case", ["forked", "forked on trio", "forked by multiprocessing"])
def test_a_forked_child_is_told_so_and_the_parent_goes_on(case: str) -> None:
    """In the child each use of the tracker and of its operations raises `WrongEventLoop`; 0 is its exit code then."""
    assert said_by(case) == [0, STOPPED]
