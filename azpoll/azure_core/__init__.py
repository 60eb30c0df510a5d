"""azpoll for programs that are written for azure-core: pollers, and a polling method for generated clients.

    poller = await client.storage_accounts.begin_create(..., polling=azpoll.polling(tracker))
    poller = azpoll.as_poller(operation)

The tracker polls, with its own HTTP client and within its budget. A poller only waits: any number of tasks may await
it, and none has to. Failures are errors of azure-core, whose `__cause__` is azpoll's own error.

It needs azure-core, which every generated client brings along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

if TYPE_CHECKING:
    from azpoll.azure_core.poller import OperationPoller
    from azpoll.azure_core.polling_method import TrackerPolling
    from azpoll.operation import AsyncOperation
    from azpoll.operation_source import OperationSource
    from azpoll.options import TrackingOptions

T = TypeVar("T")

__all__ = ["as_poller", "polling"]


def as_poller(operation: AsyncOperation[T]) -> OperationPoller[T]:
    """Return an `AsyncLROPoller` of azure-core over an operation, for code that expects one.

    `result()` and `await` return the operation's result, or raise an error of azure-core. `done()` and `status()` are
    current, whether or not a task awaits the poller. `continuation_token()` is the operation's resume token.

    Raises:
        ModuleNotFoundError: azure-core is missing.
    """
    poller: OperationPoller[T] = _imported("poller").OperationPoller(operation)
    return poller


def polling(
    tracker: OperationSource[Any],  # of the responses of any library
    **tracking: Unpack[TrackingOptions],
) -> TrackerPolling:
    """Return a polling method with which a generated client's `begin_...` hands its operation to a tracker.

    Pass a new one to each call: `client.disks.begin_delete(..., polling=azpoll.polling(tracker))`. The generated client
    sends the initial request and converts the result. The tracker sends the polls with its own client, which needs a
    credential of its own. `continuation_token=` of `begin_...` takes tokens of azpoll, and those of azure-core that
    `Tracker.track` takes.

    Args:
        tracker: a `Tracker` or a `Group`.
        **tracking: as for `Tracker.track`. A generated client does not pass its `final-state-via` on to a polling
            method of the caller's: give `final_state_via` if the API's description has one.

    Raises:
        ModuleNotFoundError: azure-core is missing.
    """
    method: TrackerPolling = _imported("polling_method").TrackerPolling(tracker, tracking)
    return method


def _imported(module: str) -> Any:  # noqa: ANN401 - a module
    """Import a module of this package, which imports azure-core."""
    try:
        return import_module(f"{__name__}.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "azure":
            raise
        raise ModuleNotFoundError(
            "azpoll.polling and azpoll.as_poller need azure-core: python -m pip install azure-core", name=error.name
        ) from error
