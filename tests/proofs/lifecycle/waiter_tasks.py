"""Those that wait: for the end of an operation, or for a request to cancel it; and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import azpoll
from tests.proofs.stack.awaiter_result import told_of

if TYPE_CHECKING:
    import httpx

    from tests.proofs.lifecycle.operation_handles import Handle, Waiter

Kind = Literal["await", "wait", "snapshots"]


async def wait(operation: azpoll.AsyncOperation[httpx.Response], waiter: Waiter, kind: Kind, texts: list[str]) -> None:
    """Wait for an operation in one of the ways there are, and note what was told and shown."""
    told, text = await told_of(_waited(operation, kind, texts))
    waiter.told.append(told)
    texts += [text, repr(operation)]


async def _waited(operation: azpoll.AsyncOperation[httpx.Response], kind: Kind, texts: list[str]) -> httpx.Response:
    if kind == "wait":
        await operation.wait()
    elif kind == "snapshots":
        texts += [repr(snapshot) async for snapshot in operation.snapshots()]
    return await operation


async def cancel(handle: Handle) -> bool | azpoll.AzpollError:
    """Ask the service to cancel, and return what was told."""
    try:
        return await handle.operation.cancel()
    except azpoll.AzpollError as error:
        return error


def check_canceled(handle: Handle, told: bool | azpoll.AzpollError) -> None:  # noqa: FBT001 - what a call returned
    """Check what a call of `cancel` told."""
    if isinstance(told, azpoll.TrackerClosed):
        assert handle.may_stop, told
    elif isinstance(told, azpoll.AzpollError):
        assert isinstance(told, azpoll.CancelFailed), told
    elif told:
        assert handle.work.fake is not None
        assert handle.work.fake.canceled, "it was told that the service had taken the request to cancel"
    else:
        assert handle.operation.state is not azpoll.OperationState.RUNNING, "it was told that it had ended"
