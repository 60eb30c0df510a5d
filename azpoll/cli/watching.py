"""`Watching`: several operations waited for until the command may end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class

from azpoll.cli.exit_codes import ExitCode, worst
from azpoll.cli.misreading import is_running_monitor
from azpoll.cli.outcome import Outcome
from azpoll.errors import AzpollError, OperationTimeout
from azpoll.events import PollAnswered
from azpoll.snapshot import OperationState
from azpoll.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from azpoll.cli.access import Access
    from azpoll.cli.output import Output
    from azpoll.cli.progress import Progress
    from azpoll.cli.targets import Target
    from azpoll.events import Event
    from azpoll.operation import AsyncOperation


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop waiting.

    Attributes:
        timeout_s: in all; None for never.
        interval_s: between reads where the service names no time; None for azpoll's own.
        any: at the first end.
        fail_fast: at the first end without success.
    """

    timeout_s: float | None
    interval_s: float | None
    any: bool
    fail_fast: bool


class Watching:
    """Waits for the targets of one command line.

    Attributes:
        outcomes: one per target in the order given; complete when `run` is left, in whatever way.
        interrupted: whether the user ended the waiting.
        stdout_gone: whether nobody reads standard output any more.
    """

    def __init__(self, access: Access, limits: Limits, output: Output, progress: Progress) -> None:
        self.outcomes: list[Outcome] = []
        self.interrupted = False
        self.stdout_gone = False
        self._access = access
        self._limits = limits
        self._output = output
        self._progress = progress
        self._ended: dict[int, Outcome] = {}
        self._running: dict[str, tuple[Target, AsyncOperation[httpx.Response]]] = {}
        self._stop: anyio.CancelScope | None = None
        self._began_s = 0.0

    @property
    def code(self) -> ExitCode:
        """The exit code."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return worst(outcome.code for outcome in self.outcomes if outcome.ended)

    async def run(self) -> None:
        """Return when the limits say so, or all have ended."""
        self._began_s = anyio.current_time()
        access = self._access
        with self._progress.shown():
            async with (
                access.client() as client,
                Tracker(client, allowed_origins=access.trusted(), on_exit="stop") as tracker,
            ):
                tracker.subscribe(self._heard)
                try:
                    async with anyio.create_task_group() as tasks:
                        self._stop = tasks.cancel_scope
                        for target in access.targets:
                            tasks.start_soon(self._follow, tracker, target)
                except get_cancelled_exc_class():
                    self.interrupted = True
                    raise
                finally:
                    self.outcomes = [self._outcome(target) for target in access.targets]

    async def _follow(self, tracker: Tracker[httpx.Response], target: Target) -> None:
        outcome = await self._wait(tracker, target)
        self._ended[target.number] = outcome
        self._progress.ended(target)
        self._print(lambda: self._output.ended(outcome))
        if self._stop is not None and (self._limits.any or (self._limits.fail_fast and outcome.code)):
            self._stop.cancel()

    async def _wait(self, tracker: Tracker[httpx.Response], target: Target) -> Outcome:
        """Wait for one target; one that was taken for a `Location` and answers as a monitor is read as that."""
        try:
            operation = self._resume(tracker, target)
            await operation.wait()
            succeeded = operation.state is OperationState.SUCCEEDED
            if target.guessed and succeeded and is_running_monitor(operation.result()):
                operation = self._resume(tracker, target.as_monitor())
                await operation.wait()
        except AzpollError as refusal:  # its origin is not trusted
            return Outcome(target, OperationState.UNKNOWN, refusal)
        error = operation.exception()
        token = error.resume_token if isinstance(error, OperationTimeout) else None
        return Outcome(target, operation.state, error, operation.snapshot(), self._elapsed_s, token)

    def _resume(self, tracker: Tracker[httpx.Response], target: Target) -> AsyncOperation[httpx.Response]:
        limits = self._limits
        left_s = None if limits.timeout_s is None else max(limits.timeout_s - self._elapsed_s, 0.0)
        operation = self._access.resume(tracker, target, timeout_s=left_s, interval_s=limits.interval_s)
        self._running[operation.id] = (target, operation)
        return operation

    def _outcome(self, target: Target) -> Outcome:
        """Return what became of a target, or where it is if it has not ended."""
        ended = self._ended.get(target.number)
        if ended is not None:
            return ended
        operation = next((run for of, run in reversed(self._running.values()) if of.number == target.number), None)
        if operation is None:  # interrupted before it was begun with
            return Outcome(target, OperationState.UNKNOWN, resume_token=target.text if self.interrupted else None)
        token = operation.resume_token() if self.interrupted and operation.state in _OPEN else None
        return Outcome(target, operation.state, None, operation.snapshot(), self._elapsed_s, token)

    def _heard(self, event: Event) -> None:
        if not isinstance(event, PollAnswered) or event.operation_id not in self._running:
            return
        target, operation = self._running[event.operation_id]
        self._progress.polled(target, operation.snapshot(), event)
        self._print(lambda: self._output.polled(target, event))

    def _print(self, line: Callable[[], None]) -> None:
        try:
            line()
        except BrokenPipeError:
            self.stdout_gone = True
            if self._stop is not None:
                self._stop.cancel()

    @property
    def _elapsed_s(self) -> float:
        return anyio.current_time() - self._began_s


_OPEN = frozenset({OperationState.RUNNING, OperationState.FETCHING, OperationState.UNKNOWN})
