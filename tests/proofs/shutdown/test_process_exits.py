"""R13: real processes with real sockets and a real Ctrl-C. Every warning is an error, and stderr stays empty.

In each process six operations are in six states when it ends. The test has a timeout only for a process that hangs.
"""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.child_processes import command_of
from tests.support.marks import EACH_LIBRARY
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from tests.support.clients import Library

pytestmark = pytest.mark.slow

TIMEOUT_S = 60
"""The time after which the test kills a process that hangs."""

RESULTS = {
    "waiting": ["TrackerClosed", True],
    "polling": ["TrackerClosed", True],
    "fetching": ["succeeded", False],
    "throttled": ["TrackerClosed", True],
    "ended": ["succeeded", False],
    "beginning": ["TrackerClosed", True],
}
"""The results of the awaiters, and whether with a resume token; requests in flight are still answered."""

RESULTS_AFTER_CLOSE = RESULTS | {"fetching": ["TrackerClosed", True], "beginning": ["InitialRequestFailed", True]}
"""The results when the client of the tracker was closed."""

STATES = {
    "waiting": ["running", False],
    "polling": ["running", False],
    "fetching": ["fetching", False],
    "throttled": ["running", False],
    "ended": ["succeeded", True],
}
"""The states of operations whose tracker was never left, and whether they are done."""

ERRORS_ELSEWHERE = ["WrongEventLoop", "WrongEventLoop"]


def reports_of(case: str, library: Library = "httpx", *, interrupt: bool = False, left: bool = True) -> list[object]:
    """Run a case of `exit_process`, interrupt it when it is ready if asked, and return its reports.

    If the tracker is never `left`, the one text on stderr is the warning about it.
    """
    command = [*command_of("tests.proofs.shutdown.exit_process", "-W", "error", "-X", "dev"), case, library]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603 - our own
        try:
            first = ""
            if interrupt:  # the process reports nothing more before it, so only one line is buffered
                assert process.stdout is not None
                first = process.stdout.readline()
                process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
    assert errors.count("ResourceWarning") == (0 if left else 1)
    assert "a tracker was entered and never closed" in errors if not left else errors == ""
    assert process.returncode == 0
    reports: list[object] = [json.loads(line) for line in (first + rest).splitlines()]
    return reports


@EACH_LIBRARY
def test_every_awaiter_gets_a_result_after_ctrl_c(library: Library) -> None:
    assert reports_of("interrupted", library, interrupt=True) == ["ready", RESULTS, "KeyboardInterrupt"]


def test_every_awaiter_gets_a_result_after_ctrl_c_on_trio() -> None:
    assert reports_of("interrupted on trio", interrupt=True) == ["ready", RESULTS, "KeyboardInterrupt"]


@pytest.mark.parametrize("case", ["exited", "exited on trio"])
def test_every_awaiter_gets_a_result_after_sys_exit_in_the_block(case: str) -> None:
    assert reports_of(case) == ["ready", RESULTS, "exited"]


@EACH_LIBRARY
def test_closing_a_polling_client_leaves_no_awaiter_and_no_socket(library: Library) -> None:
    ready, error, results = reports_of("client closed", library)
    assert ready == "ready"
    assert "client is closed" in str(error)
    assert results == RESULTS_AFTER_CLOSE


def test_a_tracker_that_is_never_closed_ends_with_its_event_loop() -> None:
    """Operations and tokens can still be read; awaiters are cancelled like any task."""
    assert reports_of("never left", left=False) == [STATES, [*ERRORS_ELSEWHERE, True]]


def test_a_closed_event_loop_leaves_tokens_and_a_clear_error() -> None:
    assert reports_of("loop closed", left=False) == [STATES, ERRORS_ELSEWHERE]


def test_the_interpreter_ends_cleanly_while_another_thread_tracks() -> None:
    assert reports_of("daemon thread") == ["ready"]


@pytest.mark.parametrize("case", ["forked", "forked on trio", "forked by multiprocessing"])
def test_a_forked_child_gets_an_error_and_the_parent_continues(case: str) -> None:
    """In the child each use of the tracker and its operations raises `WrongEventLoop`; its exit code is 0 then."""
    assert reports_of(case) == [0, RESULTS]
