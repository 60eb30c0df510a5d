"""The public state of an operation, which every tracker needs; `azpoll.snapshot` has the values that show it."""

from enum import StrEnum


class OperationState(StrEnum):
    """The public state of an operation."""

    RUNNING = "running"
    FETCHING = "fetching"
    """The operation succeeded; its result is being read."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    """The status cannot be read, or tracking was stopped. The operation may still run."""
