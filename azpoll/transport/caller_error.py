"""Exceptions out of the caller's own code: the auth of the client, and its event hooks.

The exceptions of a transport and of an auth may have the same class. So each is marked where it is raised.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from azpoll.protocol.answer import FailureKind


class QuotableError(Exception):
    """An exception whose text azpoll may quote in its own errors and logs: it holds no secret and no raw text."""


class CallerError(Exception):
    """An exception out of the caller's code.

    Attributes:
        kind: `FailureKind.AUTH` or `FailureKind.HOOK`.
        error: the exception itself.
        was_sent: false if the service has certainly seen nothing of the request, or refused it with 401.
    """

    def __init__(self, kind: FailureKind, error: BaseException, *, was_sent: bool = True) -> None:
        self.kind = kind
        self.error = error
        self.was_sent = was_sent
        super().__init__(kind)


async def call(
    kind: FailureKind, function: Callable[..., Awaitable[Any]], *arguments: object, was_sent: bool = True
) -> Any:  # noqa: ANN401 - of the caller
    """Await the caller's function and return its result; `was_sent` is that of a `CallerError`.

    Raises:
        CallerError: the function raised an exception. Its traceback begins in the caller's code.
        StopAsyncIteration: an asynchronous generator has ended.
    """
    try:
        return await function(*arguments)
    except (StopAsyncIteration, CallerError):
        raise
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            raise
        trace = error.__traceback__
        if trace is not None and trace.tb_next is not None:  # this frame holds the request, with its headers
            error.__traceback__ = trace.tb_next
        raise CallerError(kind, error, was_sent=was_sent) from None


def is_raised_by(error: BaseException, functions: Iterable[object]) -> bool:
    """Whether an exception came out of one of these functions of the caller."""
    codes = {code for code in map(_code_of, functions) if code is not None}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def is_cancelled() -> bool:
    """Whether this task was cancelled, rather than only a task that it awaited."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # trio runs, whose cancellation is another exception
        return False
    return task is None or task.cancelling() > 0


def _code_of(function: object) -> object:
    """Return the code of a function, a method or an object with a `__call__`; None if it is not written in Python."""
    function = getattr(function, "func", function)  # `functools.partial`
    return getattr(function, "__code__", None) or getattr(getattr(function, "__call__", None), "__code__", None)  # noqa: B004 - its code
