"""What happened in one run, and the judge of it: the invariants I1 to I10, each of which can fail by itself."""

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
    """One run.

    Attributes:
        truth: by number of the operation, how it ends at the service.
        told: by number, what each of its waiters was told, in order.
        waiters: by number, how many waited.
        texts: everything that azpoll said of anything.
        left: tasks that still run after the tracker was left.
        arm: the service, which keeps its own record of every request.
        reads_per_s: what the budget allows in any second.
    """

    arm: FakeARM
    reads_per_s: float
    truth: dict[int, str] = field(default_factory=dict[int, str])
    told: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    waiters: dict[int, int] = field(default_factory=dict[int, int])
    texts: list[str] = field(default_factory=list[str])
    left: int = 0


def broken(history: History) -> list[str]:
    """Return a line for each invariant that does not hold."""
    checks: dict[str, Callable[[History], None]] = {
        "I1 an operation was lost": _none_lost,
        "I2 a waiter was told what is not so": _all_true,
        "I3 a waiter was told twice, or never": _told_once,
        "I4 a poll came early": lambda history: history.arm.no_early_polls(),
        "I5 two requests at once": lambda history: history.arm.one_request_at_a_time(),
        "I6 a request went elsewhere": lambda history: history.arm.no_requests_elsewhere(ORIGIN),
        "I7 more reads than the budget": lambda history: history.arm.max_reads_per_second(history.reads_per_s),
        "I8 a request after the end": lambda history: history.arm.no_requests_after_end(),
        "I9 a secret was told": _no_secret,
        "I10 a task was left": _no_task_left,
    }
    found: list[str] = []
    for name, check in checks.items():
        try:
            check(history)
        except AssertionError as error:
            found.append(f"{name}: {error}")
    return found


def _none_lost(history: History) -> None:
    assert history.told.keys() == history.truth.keys(), history.truth.keys() - history.told.keys()


def _all_true(history: History) -> None:
    wrong = {
        number: (history.truth[number], told)
        for number, told in history.told.items()
        if {*told} - {history.truth[number]}
    }
    assert not wrong, wrong


def _told_once(history: History) -> None:
    wrong = {number for number, told in history.told.items() if len(told) != history.waiters[number]}
    assert not wrong, wrong


def _no_secret(history: History) -> None:
    telling = [text for text in history.texts if CANARY in text]
    assert not telling, telling[0]


def _no_task_left(history: History) -> None:
    assert history.left == 0, f"{history.left} tasks"
