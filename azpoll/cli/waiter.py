"""`Waiter`: waits for several operations until all have ended or a limit is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class

from azpoll import AzpollError, OperationState, OperationTimeout, PollAnswered
from azpoll.cli.exit_codes import ExitCode, OutputError, worst
from azpoll.cli.outcome import Outcome
from azpoll.cli.pattern_guess import is_running_monitor
from azpoll.cli.signals import stop_signals
from azpoll.protocol.resume_token import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from azpoll import AsyncOperation, Event, Tracker
    from azpoll.cli.access import Access
    from azpoll.cli.output import Output
    from azpoll.cli.progress import Progress
    from azpoll.cli.targets import Target

_NOT_ENDED = frozenset({OperationState.RUNNING, OperationState.FETCHING, OperationState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Limits:
    """The conditions that end the waiting early.

    Attributes:
        timeout_s: total time; None for no timeout.
        interval_s: time between reads if the service sends no Retry-After; None for azpoll's default.
        any: stop when the first operation has ended.
        fail_fast: stop when the first operation has ended without success.
    """

    timeout_s: float | None
    interval_s: float | None
    any: bool
    fail_fast: bool


class Waiter:
    """Waits for the targets of one command line.

    Attributes:
        outcomes: one per target in the given order; complete when `run` ends, also by cancellation.
        output_error: why standard output could not be written; None if it could.
    """

    def __init__(self, access: Access, limits: Limits, output: Output, progress: Progress) -> None:
        self.outcomes: list[Outcome] = []
        self.output_error: OutputError | None = None
        self._stopped_by: ExitCode | None = None
        self._access = access
        self._limits = limits
        self._output = output
        self._progress = progress
        self._ended: dict[int, Outcome] = {}
        self._operations: dict[str, tuple[Target, AsyncOperation[httpx.Response]]] = {}
        self._scope: anyio.CancelScope | None = None
        self._started_at_s = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self._stopped_by is not None:
            return self._stopped_by
        return worst(outcome.exit_code for outcome in self.outcomes if outcome.ended)

    async def run(self) -> None:
        """Wait until all operations have ended or a limit is reached."""
        self._started_at_s = anyio.current_time()
        with self._progress.shown():
            async with stop_signals(self.stop), self._access.tracker() as tracker:
                tracker.subscribe(self._on_event)
                try:
                    async with anyio.create_task_group() as tasks:
                        self._scope = tasks.cancel_scope
                        if self._stopped_by is not None:
                            self._end()
                        for target in self._access.targets:
                            tasks.start_soon(self._follow, tracker, target)
                except get_cancelled_exc_class():
                    self.stop(ExitCode.INTERRUPTED)
                    raise
                finally:
                    self.outcomes = [self._outcome(target) for target in self._access.targets]

    def stop(self, code: ExitCode) -> None:
        """End the waiting; the first exit code that is given becomes that of the command."""
        self._stopped_by = self._stopped_by or code
        self._end()

    async def _follow(self, tracker: Tracker[httpx.Response], target: Target) -> None:
        outcome = await self._wait(tracker, target)
        self._ended[target.number] = outcome
        self._progress.ended(target)
        self._print(lambda: self._output.ended(outcome))
        if self._limits.any or (self._limits.fail_fast and outcome.exit_code):
            self._end()

    async def _wait(self, tracker: Tracker[httpx.Response], target: Target) -> Outcome:
        """Wait for one target. If its pattern was guessed and proves wrong, wait again with the right pattern."""
        try:
            operation = self._track(tracker, target)
            await operation.wait()
            succeeded = operation.state is OperationState.SUCCEEDED
            if target.guessed and succeeded and is_running_monitor(operation.result()):
                operation = self._track(tracker, target.as_monitor())
                await operation.wait()
        except AzpollError as refusal:  # The origin is not trusted.
            return Outcome(target, OperationState.UNKNOWN, refusal)
        error = operation.exception()
        if not isinstance(error, OperationTimeout):
            return Outcome(target, operation.state, error, operation.snapshot(), self._elapsed_s)
        known = operation.snapshot()
        was_read = known.polls > known.failures
        state = OperationState.RUNNING if was_read else OperationState.UNKNOWN
        return Outcome(target, state, error, known, self._elapsed_s, error.resume_token)

    def _track(self, tracker: Tracker[httpx.Response], target: Target) -> AsyncOperation[httpx.Response]:
        limits = self._limits
        left_s = None if limits.timeout_s is None else max(limits.timeout_s - self._elapsed_s, 0.0)
        operation = self._access.track(tracker, target, timeout_s=left_s, interval_s=limits.interval_s)
        self._operations[operation.id] = (target, operation)
        return operation

    def _outcome(self, target: Target) -> Outcome:
        """Return the outcome of a target, or its current state and token if it has not ended."""
        ended = self._ended.get(target.number)
        if ended is not None:
            return ended
        tracked = reversed(self._operations.values())
        operation = next((operation for of, operation in tracked if of.number == target.number), None)
        if operation is None:  # The wait ended before tracking started.
            return Outcome(target, OperationState.UNKNOWN, resume_token=target.resume_token)
        token = self._token(target, operation) if operation.state in _NOT_ENDED else None
        return Outcome(target, operation.state, None, operation.snapshot(), self._elapsed_s, token)

    def _token(self, target: Target, operation: AsyncOperation[httpx.Response]) -> str:
        """Return the resume token, with the deadline of the target: `--timeout` limits this command only."""
        token = operation.resume_token()
        if self._limits.timeout_s is None:
            return token
        return encode(decode(token)._replace(deadline=target.deadline))

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, PollAnswered) or event.operation_id not in self._operations:
            return
        target, operation = self._operations[event.operation_id]
        self._progress.polled(target, operation.snapshot(), event)
        self._print(lambda: self._output.polled(target, event))

    def _print(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OutputError as error:
            self.output_error = error
            self._end()

    def _end(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    @property
    def _elapsed_s(self) -> float:
        return anyio.current_time() - self._started_at_s
