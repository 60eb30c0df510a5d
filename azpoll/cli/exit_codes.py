"""The exit codes, and the code of an error or of several operations."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from azpoll import AuthenticationFailed, OperationCanceled, OperationFailed, OperationTimeout, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll import AzpollError


class ExitCode(IntEnum):
    """The exit codes of all commands; timeout, interrupt and broken pipe are as in GNU tools."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CANCELED = 3
    UNREADABLE = 4
    UNAUTHORIZED = 5
    TIMEOUT = 124
    INTERRUPTED = 130
    BROKEN_PIPE = 141


EPILOG = """\
exit codes:
  0    all operations succeeded
  1    an operation failed (demo: azpoll made a mistake)
  2    the command line is invalid; nothing was sent
  3    an operation was canceled
  4    a status could not be read: not found, malformed, or on an untrusted host
  5    the credential is missing, was refused or lacks permission
  124  the timeout expired first
  130  interrupted
"""


class UsageError(Exception):
    """The command line is invalid, and nothing was sent. `main` prints the message and returns `ExitCode.USAGE`."""


_BY_ERROR: tuple[tuple[type[AzpollError], ExitCode], ...] = (
    (OperationFailed, ExitCode.FAILED),
    (OperationCanceled, ExitCode.CANCELED),
    (AuthenticationFailed, ExitCode.UNAUTHORIZED),
    (PermissionDenied, ExitCode.UNAUTHORIZED),
    (OperationTimeout, ExitCode.TIMEOUT),
)

# A known outcome outranks an unreadable status, and a timeout says least about the operation.
_WORST_FIRST = (
    ExitCode.FAILED,
    ExitCode.CANCELED,
    ExitCode.UNREADABLE,
    ExitCode.UNAUTHORIZED,
    ExitCode.TIMEOUT,
    ExitCode.SUCCEEDED,
)


def exit_code_of(error: AzpollError | None) -> ExitCode:
    """Return the exit code of one operation that ended with this error; None means success."""
    if error is None:
        return ExitCode.SUCCEEDED
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.UNREADABLE)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code of several operations; success if there are none."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.SUCCEEDED)
