"""The check finds each broken invariant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.testing import FakeARM, IncomingRequest, Script
from tests.proofs.stack.random_operations import ORIGIN
from tests.proofs.stack.stack_invariants import History, violations
from tests.support.canary import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable

WIDGET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/widgets/w"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def valid_history() -> tuple[History, Clock, str]:
    """Return the history of one running operation, its clock, and the path of its status monitor."""
    clock = Clock()
    arm = FakeARM(default=Script(duration_s=60, retry_after=10), clock=clock, limits=None)
    history = History(arm, reads_per_s=100)
    send(history, "PUT", WIDGET)
    [operation] = arm.operations.values()
    history.expected, history.ends, history.waiters = {0: "succeeded"}, {0: ["succeeded", "succeeded"]}, {0: 2}
    return history, clock, operation.poll_url.removeprefix(ORIGIN).partition("?")[0]


def send(history: History, method: str, path: str, origin: str = ORIGIN, *, finish: bool = True) -> None:
    exchange = history.arm.exchange(IncomingRequest(method, origin, path, "api-version=1", {}))
    exchange.told()
    if finish:
        exchange.finished(complete=True)


def after_the_end(history: History, clock: Clock, path: str) -> None:
    for clock.now_s in (100.0, 200.0, 300.0):
        send(history, "GET", path)


def two_at_once(history: History, clock: Clock, path: str) -> None:
    clock.now_s = 30.0
    send(history, "GET", path, finish=False)
    clock.now_s = 50.0
    send(history, "GET", path)


def too_many(history: History, clock: Clock, _path: str) -> None:
    for number in range(200):
        clock.now_s = 20 + number / 1000
        send(history, "GET", f"/subscriptions/s/resourceGroups/g{number}")


DEFECTS: dict[str, Callable[[History, Clock, str], object]] = {
    "I1": lambda history, _clock, _path: history.ends.clear(),
    "I2": lambda history, _clock, _path: history.ends.update({0: ["succeeded", "failed"]}),
    "I3": lambda history, _clock, _path: history.ends.update({0: ["succeeded"]}),
    "I4": lambda history, _clock, path: send(history, "GET", path),
    "I5": two_at_once,
    "I6": lambda history, _clock, _path: send(history, "GET", "/subscriptions/s", "https://evil.example"),
    "I7": too_many,
    "I8": after_the_end,
    "I9": lambda history, _clock, _path: history.texts.append(f"Bearer {CANARY}"),
    "I10": lambda history, _clock, _path: setattr(history, "leaked_tasks", 1),
}


def test_a_valid_history_breaks_no_invariant() -> None:
    history, clock, path = valid_history()
    for clock.now_s in (10.0, 20.0, 70.0):
        send(history, "GET", path)
    assert violations(history) == []


@pytest.mark.parametrize("invariant", DEFECTS)
def test_each_broken_invariant_is_found(invariant: str) -> None:
    history, clock, path = valid_history()
    DEFECTS[invariant](history, clock, path)
    found = violations(history)
    assert [line.split()[0] for line in found] == [invariant], found
