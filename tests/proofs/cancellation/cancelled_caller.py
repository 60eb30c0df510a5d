"""A caller that is cancelled at any moment and then repeats its action."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

import azpoll

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.proofs.cancellation.stepping_loops import CancelMethod

LIBRARY = str(Path(azpoll.__file__).parent)


class Caller:
    """Repeats an action until it is not cancelled.

    Args:
        method: how the caller is cancelled.
        max_delay_s: the time that a cancellation may take, in seconds.

    Attributes:
        result: the result of the action; None before.
        cancellations: the number of cancelled actions.
        cancelled_in: the innermost functions of azpoll whose awaits were cancelled.
    """

    def __init__(self, method: CancelMethod, max_delay_s: float) -> None:
        self._native = method == "task"
        self._max_delay_s = max_delay_s
        self._cancel: Callable[[], object] | None = None
        self._cancelled_s: float | None = None
        self.result: str | None = None
        self.cancellations = 0
        self.cancelled_in: set[str] = set()

    def cancel(self) -> None:
        """Cancel the current action, if any."""
        if self._cancel is not None:
            if self._cancelled_s is None:
                self._cancelled_s = anyio.current_time() if not self._native else asyncio.get_running_loop().time()
            self._cancel()

    async def repeat(self, action: Callable[[], Awaitable[str]]) -> None:
        """Repeat the action until it is not cancelled."""
        while self.result is None:
            try:
                await (self._run_in_task(action) if self._native else self._run_in_scope(action))
            finally:
                self._cancel = None
            self._check_delay()

    async def _run_in_task(self, action: Callable[[], Awaitable[str]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._cancel = task.cancel
        try:
            self.result = await self._record_place(action)
        except asyncio.CancelledError:
            if self._cancelled_s is None:
                raise
            self.cancellations += 1
            while task.cancelling():
                task.uncancel()

    async def _run_in_scope(self, action: Callable[[], Awaitable[str]]) -> None:
        with anyio.CancelScope() as scope:
            self._cancel = scope.cancel
            self.result = await self._record_place(action)
        self.cancellations += scope.cancelled_caught

    async def _record_place(self, action: Callable[[], Awaitable[str]]) -> str:
        try:
            return await action()
        except anyio.get_cancelled_exc_class() as error:
            frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
            own = [code.co_qualname for code in frames if code.co_filename.startswith(LIBRARY)]
            self.cancelled_in.update(own[-1:])
            raise

    def _check_delay(self) -> None:
        if self._cancelled_s is not None:
            late_s = anyio.current_time() - self._cancelled_s - self._max_delay_s
            assert late_s <= 1e-6, f"cancelled {late_s} s late"
            self._cancelled_s = None


async def end_of(waiting: Awaitable[object]) -> str:
    """Return the end of an operation, or the name of the error that its awaiter gets."""
    try:
        await waiting
    except azpoll.OperationFailed:
        return "failed"
    except azpoll.OperationCanceled:
        return "canceled"
    except azpoll.AzpollError as error:
        return type(error).__name__ if error.resume_token else f"{type(error).__name__} without a token"
    return "succeeded"
