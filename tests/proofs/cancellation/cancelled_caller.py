"""`Visitor`: somebody who does something, is made to leave at any moment, and comes again."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

import azpoll

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.proofs.cancellation.stepping_loops import Way

LIBRARY = str(Path(azpoll.__file__).parent)


class Visitor:
    """Takes turns until one is not cut short.

    Args:
        way: how it is made to leave.
        patience_s: how long it may take to leave.

    Attributes:
        told: what the turn that was not cut short gave; None before.
        left: how many turns were cut short.
        places: the functions of azpoll whose awaits were cut short, the innermost.
    """

    def __init__(self, way: Way, patience_s: float) -> None:
        self._native = way == "task"
        self._patience_s = patience_s
        self._leave: Callable[[], object] | None = None
        self._struck_s: float | None = None
        self.told: str | None = None
        self.left = 0
        self.places: set[str] = set()

    def leave(self) -> None:
        """Cancel what it does now, if it does anything."""
        if self._leave is not None:
            if self._struck_s is None:
                self._struck_s = anyio.current_time() if not self._native else asyncio.get_running_loop().time()
            self._leave()

    async def come(self, turn: Callable[[], Awaitable[str]]) -> None:
        """Take turns."""
        while self.told is None:
            try:
                await (self._natively(turn) if self._native else self._in_a_scope(turn))
            finally:
                self._leave = None
            self._judge_patience()

    async def _natively(self, turn: Callable[[], Awaitable[str]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._leave = task.cancel
        try:
            self.told = await self._noted(turn)
        except asyncio.CancelledError:
            if self._struck_s is None:
                raise
            self.left += 1
            while task.cancelling():
                task.uncancel()

    async def _in_a_scope(self, turn: Callable[[], Awaitable[str]]) -> None:
        with anyio.CancelScope() as scope:
            self._leave = scope.cancel
            self.told = await self._noted(turn)
        self.left += scope.cancelled_caught

    async def _noted(self, turn: Callable[[], Awaitable[str]]) -> str:
        try:
            return await turn()
        except anyio.get_cancelled_exc_class() as error:
            frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
            own = [code.co_qualname for code in frames if code.co_filename.startswith(LIBRARY)]
            self.places.update(own[-1:])
            raise

    def _judge_patience(self) -> None:
        if self._struck_s is not None:
            late_s = anyio.current_time() - self._struck_s - self._patience_s
            assert late_s <= 1e-6, f"left {late_s} s late"
            self._struck_s = None


async def verdict(waiting: Awaitable[object]) -> str:
    """Return how an operation ended, as whoever awaits it is told."""
    try:
        await waiting
    except azpoll.OperationFailed:
        return "failed"
    except azpoll.OperationCanceled:
        return "canceled"
    except azpoll.AzpollError as error:
        return type(error).__name__ if error.resume_token else f"{type(error).__name__} without a token"
    return "succeeded"
