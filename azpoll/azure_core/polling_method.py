"""Polling methods of azure-core over an operation of azpoll. They never poll themselves: they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.polling import AsyncPollingMethod

from azpoll.azure_core.errors import azure_error
from azpoll.azure_core.response import pipeline_response
from azpoll.errors import AzpollError
from azpoll.operation_state import OperationState
from azpoll.protocol.azure_core_token import is_continuation_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.operation import AsyncOperation
    from azpoll.operation_source import OperationSource
    from azpoll.options import TrackingOptions
    from azpoll.transport.library import HTTPResponse
    from azpoll.transport.received_response import InitialResponse

T = TypeVar("T")

IN_PROGRESS = "InProgress"
"""azure-core's word for an operation whose service has not sent one."""

_STATUSES = {
    OperationState.SUCCEEDED: "Succeeded",
    OperationState.FAILED: "Failed",
    OperationState.CANCELED: "Canceled",
}
"""azure-core's words for the end, which its callers compare with; services may spell them in other ways."""


class OperationPolling(AsyncPollingMethod[T]):
    """The polling method of an operation that is tracked already."""

    def __init__(self, operation: AsyncOperation[T]) -> None:
        self.operation = operation

    def initialize(self, client: object, initial_response: object, deserialization_callback: object) -> None:
        """Do nothing: the operation is tracked already."""

    async def run(self) -> None:
        """Wait until the operation has ended.

        Raises:
            AzureError: it did not succeed; the `__cause__` is the error of azpoll.
        """
        await self.operation.wait()
        error = self.operation.exception()
        if error is not None:
            raise azure_error(error) from error

    def status(self) -> str:
        """Return "Succeeded", "Failed" or "Canceled" after the end, and the service's word before it."""
        return _STATUSES.get(self.operation.state) or self.operation.status or IN_PROGRESS

    def finished(self) -> bool:
        """Whether the operation has ended, in any state."""
        return self.operation.done()

    def resource(self) -> T:
        """Return the result of an operation that succeeded."""
        return self.operation.result()

    def get_continuation_token(self) -> str:
        """Return the operation's resume token.

        Raises:
            ValueError: the operation succeeded, or never had a polling URL.
        """
        return self.operation.resume_token()


class TrackerPolling(AsyncPollingMethod[Any]):
    """The polling method of one call of a generated client; `azpoll.polling` makes it."""

    def __init__(self, tracker: OperationSource[Any], tracking: TrackingOptions) -> None:
        self._tracker = tracker
        self._tracking = tracking
        self._polling: OperationPolling[Any] | None = None

    @property
    def operation(self) -> AsyncOperation[Any]:
        """The operation.

        Raises:
            ValueError: `begin_...` has not returned yet.
        """
        return self._begun().operation

    def initialize(
        self,
        client: object,  # noqa: ARG002 - azure-core passes it; the tracker has a client of its own
        initial_response: InitialResponse | str,
        deserialization_callback: Callable[[Any], object] | None,
    ) -> None:
        """Track the operation of an initial response, or of a token. azure-core calls this.

        Raises:
            RuntimeError: the polling method serves another operation already. The new one is tracked all the same.
            AzureError: the response started no operation, or the token cannot be used.
        """
        try:
            operation = self._tracked(initial_response, _decoder(deserialization_callback))
        except AzpollError as error:
            raise azure_error(error) from error
        if self._polling is not None:
            raise RuntimeError(
                f"a polling method serves one operation: make one for each call with azpoll.polling. {operation!r} was"
                " begun, and the tracker tracks it"
            )
        self._polling = OperationPolling(operation)

    def _tracked(
        self, initial: InitialResponse | str, decode: Callable[[HTTPResponse], object]
    ) -> AsyncOperation[object]:
        if isinstance(initial, str) and not is_continuation_token(initial):
            return self._tracker.resume(initial, decode=decode, **self._tracking)
        return self._tracker.track(initial, decode=decode, **self._tracking)

    async def run(self) -> None:
        """Wait until the operation has ended; see `OperationPolling.run`."""
        await self._begun().run()

    def status(self) -> str:
        """Return the status as `OperationPolling.status` does."""
        return self._begun().status()

    def finished(self) -> bool:
        """Whether the operation has ended, in any state."""
        return self._begun().finished()

    def resource(self) -> Any:  # noqa: ANN401 - what the generated client makes of the final response
        """Return the result as the generated client deserializes it."""
        return self._begun().resource()

    def get_continuation_token(self) -> str:
        """Return the resume token; see `OperationPolling.get_continuation_token`."""
        return self._begun().get_continuation_token()

    @classmethod
    def from_continuation_token(cls, continuation_token: str, **kwargs: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401 - azure-core's
        """Return the arguments of `initialize` for a resume token of azpoll, or a token of azure-core."""
        return kwargs.get("client"), continuation_token, kwargs.get("deserialization_callback")

    def _begun(self) -> OperationPolling[Any]:
        if self._polling is None:
            raise ValueError("no operation was begun with this polling method: pass it to begin_... as `polling`")
        return self._polling


def _decoder(callback: Callable[[Any], object] | None) -> Callable[[HTTPResponse], object]:
    """Return the conversion of a final response; a response without a body has no result, as in azure-core."""
    if callback is None:
        return lambda response: response
    return lambda response: callback(pipeline_response(response)) if response.content else None
