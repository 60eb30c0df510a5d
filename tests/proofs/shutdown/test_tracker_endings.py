"""R13: each way in which a tracker ends, for an operation in each state, on asyncio and trio, in virtual time.

Warnings are errors, those of unawaited coroutines and unclosed sockets too: `garbage_collected` triggers them.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import pytest

import azpoll
from azpoll.testing import run_virtual
from tests.proofs.shutdown.operation_states import END_S, GRACE_S, STATES
from tests.proofs.shutdown.tracker_endings import (
    COMPLETE,
    ENDINGS,
    UNREAD,
    Ending,
    RunResult,
    TrackerRun,
)
from tests.support.garbage import garbage_collected

Backend = Literal["asyncio", "trio"]
BACKENDS: tuple[Backend, ...] = ("asyncio", "trio")

COMBINATIONS = list(product(BACKENDS, ENDINGS, STATES))


def ended(backend: Backend, ending: Ending, state: str, waiters: int) -> RunResult:
    """Run one combination, and assert the invariants of all."""
    run = TrackerRun(state, ending, waiters)
    with garbage_collected():
        run_virtual(run.main, backend=backend)
    end = run.end
    assert end.tasks == 0
    assert len(end.results) == waiters * len(end.operations)
    assert all(operation.done() for operation in end.operations)
    end.arm.no_early_polls()
    end.arm.one_request_at_a_time()
    end.arm.no_requests_after_end()
    return end


def expected_result(ending: Ending, state: str) -> str:
    """Return the expected result of an awaiter."""
    if ending in COMPLETE:
        return STATES[state].whole
    return STATES[state].unread if ending in UNREAD else STATES[state].stopped


@pytest.mark.parametrize(("backend", "ending", "state"), COMBINATIONS)
def test_every_awaiter_gets_the_right_result_in_time(backend: Backend, ending: Ending, state: str) -> None:
    """At most 1 s after the grace period, and with a resume token if the operation may still run."""
    end = ended(backend, ending, state, 2)
    assert [result.verdict for result in end.results] == [expected_result(ending, state)] * 2
    assert all(result.token for result in end.results if result.verdict not in {"succeeded", "failed"})
    assert end.resumed <= {"succeeded"}
    assert (type(end.raised) is LookupError) == (ending == "raise")
    if ending not in {*COMPLETE, *UNREAD}:
        assert max(end.left_s, *(result.at_s for result in end.results)) <= END_S + GRACE_S + 1


@pytest.mark.parametrize(("backend", "ending", "state"), COMBINATIONS)
def test_an_operation_without_awaiters_causes_no_warning(backend: Backend, ending: Ending, state: str) -> None:
    """Leaving the tracker normally raises its failure; otherwise nothing does."""
    end = ended(backend, ending, state, 0)
    match end.raised:
        case ExceptionGroup(exceptions=(azpoll.AzpollError(),)):
            raised = True
        case LookupError():
            assert ending == "raise"
            raised = False
        case other:
            assert other is None
            raised = False
    assert raised == (ending in {*COMPLETE, *UNREAD} and expected_result(ending, state) in {"failed", "PollingError"})
