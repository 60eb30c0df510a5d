"""Tasks that await an operation or a cancel request, and the results they get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import azpoll
from tests.proofs.stack.awaiter_result import end_and_text

if TYPE_CHECKING:
    import httpx

    from tests.proofs.lifecycle.operation_handles import Handle, Waiter

Kind = Literal["await", "wait", "snapshots"]


async def wait(operation: azpoll.AsyncOperation[httpx.Response], waiter: Waiter, kind: Kind, texts: list[str]) -> None:
    """Await an operation in one of three ways, and record its end and all texts."""
    ends, text = await end_and_text(_waited(operation, kind, texts))
    waiter.ends.append(ends)
    texts += [text, repr(operation)]


async def _waited(operation: azpoll.AsyncOperation[httpx.Response], kind: Kind, texts: list[str]) -> httpx.Response:
    if kind == "wait":
        await operation.wait()
    elif kind == "snapshots":
        texts += [repr(snapshot) async for snapshot in operation.snapshots()]
    return await operation


async def cancel(handle: Handle) -> bool | azpoll.AzpollError:
    """Send a cancel request; return the result or the error."""
    try:
        return await handle.operation.cancel()
    except azpoll.AzpollError as error:
        return error


def check_canceled(handle: Handle, ends: bool | azpoll.AzpollError) -> None:  # noqa: FBT001 - the return value of a call
    """Check the result of a call of `cancel`."""
    if isinstance(ends, azpoll.TrackerClosed):
        assert handle.may_stop, ends
    elif isinstance(ends, azpoll.AzpollError):
        assert isinstance(ends, azpoll.CancelFailed), ends
    elif ends:
        assert handle.remote.fake is not None
        assert handle.remote.fake.canceled, "`cancel` reported that the service had accepted the request"
    else:
        assert handle.operation.state is not azpoll.OperationState.RUNNING, (
            "`cancel` reported that the operation had ended"
        )
