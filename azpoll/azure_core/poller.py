"""`OperationPoller`: an operation in the shape of azure-core's `AsyncLROPoller`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from azure.core.polling import AsyncLROPoller

from azpoll.azure_core.polling_method import OperationPolling

if TYPE_CHECKING:
    from azpoll.operation import AsyncOperation

T = TypeVar("T")


class OperationPoller(AsyncLROPoller[T]):
    """An `AsyncLROPoller` whose `done()` is current, also if no task awaits it."""

    def __init__(self, operation: AsyncOperation[T]) -> None:
        super().__init__(None, None, lambda result: result, OperationPolling(operation))
        self.operation = operation

    def done(self) -> bool:
        """Whether the operation has ended, in any state."""
        return self.operation.done()
