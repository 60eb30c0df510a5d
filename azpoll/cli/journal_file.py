"""The argument `--journal`, the ids of operations, and the errors of a journal as those of a command."""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from azpoll import JournalError, JournalInUse
from azpoll.cli.exit_codes import BadJournal, InputError, JournalBusy, UsageError
from azpoll.journal import open_reader

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence

    from azpoll.cli.exit_codes import CommandError
    from azpoll.journal import JournalReader

_ID = re.compile(r"(?!-$)[\w.:-]{1,64}")  # `-` would be standard input, which holds URLs and tokens alone
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def add_journal_argument(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the argument that names the file."""
    parser.add_argument(
        "--journal",
        required=required,
        type=Path,
        metavar="FILE",
        help="the journal: the SQLite file with the operations",
    )


def add_ids_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names operations of a journal."""
    parser.add_argument("targets", nargs="+", metavar="ID", help="id of an operation, as begin and list print it")


def ids_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the ids among the arguments, without duplicates.

    Raises:
        UsageError: a word cannot be an id. The message does not repeat it, since it may be a token.
    """
    for number, word in enumerate(words, 1):
        if not _ID.fullmatch(word):
            raise UsageError(f"argument {number} is not the id of an operation, as `azpoll list` prints it")
    return tuple(dict.fromkeys(words))


@contextmanager
def opened_journal(path: Path) -> Generator[JournalReader]:
    """Open a journal for reading.

    Raises:
        InputError: there is no such file, or it cannot be read.
        BadJournal: it is no journal, is damaged or encrypted, or has a newer version.
        JournalBusy: another program keeps it locked.
    """
    check_exists(path)
    with journal_errors(path), open_reader(path) as reader:
        yield reader


def check_exists(path: Path) -> None:
    """Raise `InputError` if there is no such file, or if it cannot be read."""
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise InputError(f"the journal cannot be opened: {error.strerror or type(error).__name__}") from error


@contextmanager
def journal_errors(path: Path) -> Generator[None]:
    """Raise the error of a command in place of `JournalError`; its text does not repeat the path."""
    try:
        yield
    except JournalError as error:
        raise command_error(path, error) from error


def command_error(path: Path, error: JournalError) -> CommandError:
    """Return the error of a command for an error of a journal."""
    text = without_path(path, str(error))
    if isinstance(error, JournalInUse):
        return JournalBusy("another process owns the journal, and tracks its operations")
    if _sqlite_code(error) in _LOCKED:
        return JournalBusy(text)
    if error.__cause__ is None or is_damaged(error):
        return BadJournal(text.replace(": give encrypt and decrypt", ", which this command cannot read"))
    return InputError(text)


def is_damaged(error: JournalError) -> bool:
    """Whether the file is damaged or no journal, so that another attempt would fail too."""
    return _sqlite_code(error) in _BROKEN


def _sqlite_code(error: JournalError) -> int:
    """Return the primary result code of SQLite; 0 if the error is not of SQLite."""
    code: int = getattr(error.__cause__, "sqlite_errorcode", 0)
    return code & 0xFF


def without_path(path: Path, text: str) -> str:
    """Return the text of an error without the path of the journal."""
    return text.replace(f"the journal {path}", "the journal")
