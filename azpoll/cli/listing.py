"""`azpoll list`: the operations of a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.access import add_output_argument
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.journal_file import add_journal_argument, opened_journal
from azpoll.cli.output import create_output
from azpoll.cli.stored import StoredOperation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from azpoll.journal import JournalReader

SUMMARY = "list the operations of a journal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll list`."""
    add_journal_argument(parser)
    parser.add_argument("--group", metavar="NAME", help="only the operations of the groups with this label")
    parser.add_argument("--open", action="store_true", help="only the operations that have not ended")
    add_output_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the operations; the exit code is 0, however they ended.

    Raises:
        CommandError: the journal cannot be read, or the output cannot be written.
    """
    output = create_output(arguments.output)
    listed: list[StoredOperation] = []
    with opened_journal(arguments.journal) as reader:
        for operation in _operations(reader, arguments.group, only_open=arguments.open):
            output.listed(operation)
            if arguments.output == "json":
                listed.append(operation)
    if arguments.output == "json":
        output.finished(listed, ExitCode.SUCCEEDED)
    return ExitCode.SUCCEEDED


def _operations(reader: JournalReader, group: str | None, *, only_open: bool) -> Iterator[StoredOperation]:
    entries = reader.open_entries() if only_open else reader.entries(group=group)
    for entry in entries:
        if group is None or entry.row.group == group:
            yield StoredOperation.of(entry)
