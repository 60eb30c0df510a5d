"""Those that wait: for the end of an operation, or for a request to cancel it; and what they are told."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Literal

import azpoll

if TYPE_CHECKING:
    import httpx

    from .works import Handle, Waiter

Kind = Literal["await", "wait", "snapshots"]


async def wait(operation: azpoll.AsyncOperation[httpx.Response], waiter: Waiter, kind: Kind, texts: list[str]) -> None:
    """Wait for an operation in one of the ways there are, and note what was told and shown."""
    try:
        if kind == "wait":
            await operation.wait()
        elif kind == "snapshots":
            texts += [repr(snapshot) async for snapshot in operation.snapshots()]
        texts.append(repr(await operation))
    except azpoll.OperationFailed as error:
        told, text = "failed", "".join(traceback.format_exception(error))
    except azpoll.OperationCanceled as error:
        told, text = "canceled", "".join(traceback.format_exception(error))
    except azpoll.AzpollError as error:
        told, text = type(error).__name__, "".join(traceback.format_exception(error))
    else:
        told, text = "succeeded", repr(operation)
    waiter.told.append(told)
    texts.append(text)


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
