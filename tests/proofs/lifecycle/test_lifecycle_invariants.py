"""The checks find each broken invariant when a faulty transport or a changed record breaks it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import Script
from tests.proofs.lifecycle.environment import Environment
from tests.proofs.lifecycle.faulty_transports import FAULTY_TRANSPORTS, PassThrough
from tests.proofs.lifecycle.final_drain import drain
from tests.proofs.lifecycle.hypothesis_run import run
from tests.proofs.lifecycle.lifecycle_invariants import final_violations, step_violations
from tests.proofs.lifecycle.lifecycle_program import Program
from tests.proofs.lifecycle.operation_strategies import Draft
from tests.proofs.lifecycle.recording_transport import Read, handle_of
from tests.support.canary import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

pytestmark = pytest.mark.slow

PLAIN = Draft("PUT", Script(duration_s=60, retry_after=17), foreign=False, timeout=None, result="final", by_hand=False)


@pytest.mark.parametrize("invariant", FAULTY_TRANSPORTS)
def test_each_faulty_transport_breaks_the_named_invariant(invariant: str) -> None:
    with pytest.raises(AssertionError, match=rf"\A{invariant} "):
        run(Counter(), examples=50, steps=30, wrap_transport=FAULTY_TRANSPORTS[invariant], shrink=False)


def test_a_transport_that_changes_nothing_breaks_no_invariant() -> None:
    run(Counter(), examples=5, steps=30, wrap_transport=PassThrough)


class OnlyOf(PassThrough):
    """Sends the requests of one handle through a faulty transport."""

    def __init__(self, handle: str, faulty: httpx.AsyncBaseTransport, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self._handle = handle
        self._faulty = faulty

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        chosen = self._faulty if handle_of(request) == self._handle else self.inner
        return await chosen.handle_async_request(request)


@pytest.mark.parametrize("handle", ["w0.0", "w0.1"])
@pytest.mark.parametrize("invariant", [*FAULTY_TRANSPORTS, None])
def test_a_fault_of_one_of_two_concurrent_handles_is_found(invariant: str | None, handle: str) -> None:
    """Both poll the same operation; the requests of the other one are as they should be."""
    faulty = PassThrough if invariant is None else FAULTY_TRANSPORTS[invariant]
    environment = Environment()
    program = Program(environment, lambda inner: OnlyOf(handle, faulty(inner), inner))
    holder = program.open("stop")
    program.begin(holder, PLAIN)
    program.observe()
    program.resume(program.remotes[0], holder)
    assert [each.name for each in program.remotes[0].tracked] == ["w0.0", "w0.1"]
    for each in program.handles:
        program.wait_for(each, "await")
    drain(program)
    found = {line.split()[0] for line in step_violations(program) + final_violations(program)}
    environment.close()
    assert invariant in found if invariant else not found


@pytest.fixture
def program() -> Iterator[Program]:
    """A program that has run to its end without breaking an invariant."""
    environment = Environment()
    program = Program(environment)
    program.begin(program.open("stop"), PLAIN)
    program.observe()
    program.wait_for(program.handles[0], "await")
    drain(program)
    assert step_violations(program) + final_violations(program) == []
    yield program
    environment.close()


def ended_twice(program: Program) -> None:
    program.handles[0].waiters[0].ends *= 2


def called_twice(program: Program) -> None:
    program.handles[0].calls = 2


def excess_reads(program: Program) -> None:
    program.holders[0].transport.reads += [Read(100 + number / 10, "s0") for number in range(4)]


def leaked_secret(program: Program) -> None:
    program.texts.append(f"Bearer {CANARY}")


DEFECTS: tuple[tuple[str, Callable[[Program], None]], ...] = (
    ("I3", ended_twice),
    ("I3", called_twice),
    ("I7", excess_reads),
    ("I9", leaked_secret),
)


@pytest.mark.parametrize(("invariant", "defect"), DEFECTS)
def test_a_violation_that_no_service_can_cause_is_found(
    program: Program, invariant: str, defect: Callable[[Program], None]
) -> None:
    defect(program)
    assert [line.split()[0] for line in final_violations(program)] == [invariant]
