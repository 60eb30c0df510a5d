"""The exit codes, the errors of a command, and the exit code of one or several operations."""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import TYPE_CHECKING

from azpoll import AuthenticationFailed, OperationCanceled, OperationFailed, OperationTimeout, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll import AzpollError


class ExitCode(IntEnum):
    """The exit codes of all commands.

    Timeout and broken pipe are as in GNU tools, 66 to 78 as in sysexits.h, and 128 is added to the number of a signal.
    """

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CANCELED = 3
    UNREADABLE = 4
    UNAUTHORIZED = 5
    REFUSED = 6
    BAD_JOURNAL = 65
    NO_INPUT = 66
    UNAVAILABLE = 69
    INTERNAL = 70
    SYSTEM = 71
    NO_OUTPUT = 74
    JOURNAL_IN_USE = 75
    ENVIRONMENT = 78
    TIMEOUT = 124
    HANGUP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


EPILOG = """\
exit codes:
  0    all operations succeeded
  1    an operation failed
  2    the command line is invalid; nothing was sent
  3    an operation was canceled
  4    a status was not read: not found, malformed, or on an untrusted host
  5    the credential is missing, was refused or lacks permission
  6    an initial request or a cancel request was refused
  65   the file is no journal, is damaged or encrypted, or has a newer version;
       or the database has no tables of a fleet, or those of another version
  66   standard input, a file or the journal cannot be read; nothing was sent
  69   the database of a fleet cannot be reached, or refuses the user
  70   azpoll made a mistake
  71   the operating system refused something, such as one more open file
  74   standard output, the resume tokens or the journal cannot be written
  75   another process owns the journal, or none does and a request waits
  78   a certificate file or proxy is unusable; nothing was sent
  124  the timeout expired first
  129, 130, 143  ended by a hangup, by Ctrl-C, or by SIGTERM
  141  broken pipe
"""


class CommandError(Exception):
    """The command cannot go on, for a reason that is no operation's. `main` prints the message and returns the code."""

    code = ExitCode.INTERNAL


class UsageError(CommandError):
    """The command line is invalid, and nothing was sent. The message repeats no argument, which may be a secret."""

    code = ExitCode.USAGE


class InputError(CommandError):
    """Standard input, a file, the journal or the fleet cannot be read, and nothing was sent."""

    code = ExitCode.NO_INPUT


class BadJournal(CommandError):
    """The file is no journal that this command can read."""

    code = ExitCode.BAD_JOURNAL


class JournalBusy(CommandError):
    """Another process owns the journal, or keeps it locked."""

    code = ExitCode.JOURNAL_IN_USE


class BadFleet(CommandError):
    """The database has no tables of a fleet that this command can use."""

    code = ExitCode.BAD_JOURNAL


class DatabaseUnavailable(CommandError):
    """The database cannot be reached, or refuses the user."""

    code = ExitCode.UNAVAILABLE


class EnvironmentVariableError(CommandError):
    """The HTTP client cannot use a variable of the environment, and nothing was sent."""

    code = ExitCode.ENVIRONMENT


class SystemRefusal(CommandError):
    """The operating system refused something that is no output, such as one more open file."""

    code = ExitCode.SYSTEM


class OutputError(CommandError):
    """A standard stream cannot be written."""

    code = ExitCode.NO_OUTPUT


class BrokenOutputPipe(OutputError):
    """The reader of standard output has gone. As in other tools, no message is printed."""

    code = ExitCode.BROKEN_PIPE


_OF_STREAMS = frozenset({errno.EPIPE, errno.EIO, errno.ENOSPC, errno.EBADF, errno.EFBIG})
"""Errors of a terminal that rich writes to. Other output raises `OutputError` itself."""


def command_error_of(error: BaseException) -> CommandError:
    """Return any exception as the error of a command; its message is one line."""
    members: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # of a group, which has one at least
    if members:
        causes = [command_error_of(each) for each in members]
        return next((each for each in causes if each.code is not ExitCode.INTERNAL), causes[0])
    if isinstance(error, CommandError):
        return error
    if isinstance(error, OSError):  # An OSError of the network is an AzpollError by now.
        return output_error_of(error) if error.errno in _OF_STREAMS else SystemRefusal(_words_of(error))
    place, last = "", error.__traceback__
    while last is not None:
        place, last = f" in {last.tb_frame.f_globals.get('__name__')}, line {last.tb_lineno}", last.tb_next
    return CommandError(f"a mistake of azpoll, please report it: {type(error).__name__}{place}")


def output_error_of(error: OSError) -> OutputError:
    """Return the error of writing to a standard stream."""
    if isinstance(error, BrokenPipeError):
        return BrokenOutputPipe("the reader of standard output has gone")
    return OutputError(f"the output cannot be written: {_words_of(error)}")


def _words_of(error: OSError) -> str:
    return error.strerror or type(error).__name__


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
    ExitCode.REFUSED,
    ExitCode.JOURNAL_IN_USE,
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
