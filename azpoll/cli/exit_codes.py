"""The exit codes, and which one an error or a set of operations has."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from azpoll.errors import (
    AuthenticationFailed,
    OperationCanceled,
    OperationFailed,
    OperationTimeout,
    PermissionDenied,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.errors import AzpollError


class ExitCode(IntEnum):
    """What the exit code of a command says; timeout, interrupt and broken pipe are as in GNU tools."""

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
  2    the command line was wrong, nothing was sent
  3    an operation was canceled
  4    a status could not be read: gone, malformed, or of a host that is not trusted
  5    the credential was missing, refused or lacks permission
  124  the timeout passed first
  130  interrupted
"""

_BY_ERROR: tuple[tuple[type[AzpollError], ExitCode], ...] = (
    (OperationFailed, ExitCode.FAILED),
    (OperationCanceled, ExitCode.CANCELED),
    (AuthenticationFailed, ExitCode.UNAUTHORIZED),
    (PermissionDenied, ExitCode.UNAUTHORIZED),
    (OperationTimeout, ExitCode.TIMEOUT),
)

# What is certain beats what could not be read, and a timeout says least.
_WORST_FIRST = (
    ExitCode.FAILED,
    ExitCode.CANCELED,
    ExitCode.UNREADABLE,
    ExitCode.UNAUTHORIZED,
    ExitCode.TIMEOUT,
    ExitCode.SUCCEEDED,
)


def code_of(error: AzpollError | None) -> ExitCode:
    """Return the code of one operation that ended with this error, or with none."""
    if error is None:
        return ExitCode.SUCCEEDED
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.UNREADABLE)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code of several operations; that of none is success."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.SUCCEEDED)
