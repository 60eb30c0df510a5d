"""The history of one run, and the check of its invariants I1 to I10, each of which can fail by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.proofs.stack.random_operations import ORIGIN
from tests.support.canary import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.testing import FakeARM


@dataclass
class History:
    """The history of one run.

    Attributes:
        expected: the end of each operation at the service, by the number of the operation.
        ends: the ends that its awaiters got, by the number of the operation.
        waiters: the number of awaiters, by the number of the operation.
        texts: every text of azpoll: events, errors, reprs.
        leaked_tasks: the number of tasks that run after the tracker has closed.
        arm: the service, which records every request.
        reads_per_s: the reads that the budget allows in any second.
    """

    arm: FakeARM
    reads_per_s: float
    expected: dict[int, str] = field(default_factory=dict[int, str])
    ends: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    waiters: dict[int, int] = field(default_factory=dict[int, int])
    texts: list[str] = field(default_factory=list[str])
    leaked_tasks: int = 0


def violations(history: History) -> list[str]:
    """Return one line for each broken invariant."""
    checks: dict[str, Callable[[History], None]] = {
        "I1 an operation was lost": _check_all_ended,
        "I2 an awaiter got a wrong end": _check_ends,
        "I3 an awaiter got no end, or two": _check_one_end_per_awaiter,
        "I4 a poll came early": lambda history: history.arm.no_early_polls(),
        "I5 two concurrent requests": lambda history: history.arm.one_request_at_a_time(),
        "I6 a request to another origin": lambda history: history.arm.no_requests_elsewhere(ORIGIN),
        "I7 more reads than the budget": lambda history: history.arm.max_reads_per_second(history.reads_per_s),
        "I8 a request after the end": lambda history: history.arm.no_requests_after_end(),
        "I9 a text shows a secret": _check_no_secret,
        "I10 a task still runs": _check_no_task_runs,
    }
    found: list[str] = []
    for name, check in checks.items():
        try:
            check(history)
        except AssertionError as error:
            found.append(f"{name}: {error}")
    return found


def _check_all_ended(history: History) -> None:
    assert history.ends.keys() == history.expected.keys(), history.expected.keys() - history.ends.keys()


def _check_ends(history: History) -> None:
    wrong = {
        number: (history.expected[number], ends)
        for number, ends in history.ends.items()
        if {*ends} - {history.expected[number]}
    }
    assert not wrong, wrong


def _check_one_end_per_awaiter(history: History) -> None:
    wrong = {number for number, ends in history.ends.items() if len(ends) != history.waiters[number]}
    assert not wrong, wrong


def _check_no_secret(history: History) -> None:
    leaking = [text for text in history.texts if CANARY in text]
    assert not leaking, leaking[0]


def _check_no_task_runs(history: History) -> None:
    assert history.leaked_tasks == 0, f"{history.leaked_tasks} tasks"
