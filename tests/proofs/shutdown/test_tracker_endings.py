"""R13: each way a tracker ends, for an operation in each state, on asyncio and trio, in virtual time.

Warnings are errors here, those of forgotten coroutines and unclosed sockets too: `forgotten` makes them come.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import pytest

import azpoll
from azpoll.testing import run_virtual
from tests.proofs.shutdown.operation_states import END_S, GRACE_S, STATES
from tests.proofs.shutdown.tracker_endings import ENDINGS, UNREAD, WHOLE, End, Ending, World, forgotten

Backend = Literal["asyncio", "trio"]
BACKENDS: tuple[Backend, ...] = ("asyncio", "trio")

CELLS = list(product(BACKENDS, ENDINGS, STATES))


def ended(backend: Backend, ending: Ending, state: str, waiters: int) -> End:
    """Run one cell, and assert what holds in each."""
    world = World(state, ending, waiters)
    with forgotten():
        run_virtual(world.main, backend=backend)
    end = world.end
    assert end.tasks == 0
    assert len(end.told) == waiters * len(end.operations)
    assert all(operation.done() for operation in end.operations)
    end.arm.no_early_polls()
    end.arm.one_request_at_a_time()
    end.arm.no_requests_after_end()
    return end


def verdict_of(ending: Ending, state: str) -> str:
    """Return what a waiter is to be told."""
    if ending in WHOLE:
        return STATES[state].whole
    return STATES[state].unread if ending in UNREAD else STATES[state].stopped


@pytest.mark.parametrize(("backend", "ending", "state"), CELLS)
def test_every_waiter_is_told_in_time_what_is_so(backend: Backend, ending: Ending, state: str) -> None:
    """A second after the grace at the latest, and with a resume token where the operation may still run."""
    end = ended(backend, ending, state, 2)
    assert [told.verdict for told in end.told] == [verdict_of(ending, state)] * 2
    assert all(told.token for told in end.told if told.verdict not in {"succeeded", "failed"})
    assert end.again <= {"succeeded"}
    assert (type(end.raised) is LookupError) == (ending == "raise")
    if ending not in {*WHOLE, *UNREAD}:
        assert max(end.left_s, *(told.at_s for told in end.told)) <= END_S + GRACE_S + 1


@pytest.mark.parametrize(("backend", "ending", "state"), CELLS)
def test_an_operation_that_nobody_awaits_leaves_no_warning(backend: Backend, ending: Ending, state: str) -> None:
    """Its failure is told by whoever leaves the tracker in good order, and only then."""
    end = ended(backend, ending, state, 0)
    match end.raised:
        case ExceptionGroup(exceptions=(azpoll.AzpollError(),)):
            told = True
        case LookupError():
            assert ending == "raise"
            told = False
        case other:
            assert other is None
            told = False
    assert told == (ending in {*WHOLE, *UNREAD} and verdict_of(ending, state) in {"failed", "PollingError"})
