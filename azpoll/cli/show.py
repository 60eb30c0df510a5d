"""`azpoll show`: one operation of a journal, or the body of its result."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from azpoll import JournalResult, JournalRow
from azpoll.cli.access import add_output_argument
from azpoll.cli.exit_codes import ExitCode, UsageError
from azpoll.cli.journal_file import add_ids_argument, add_journal_argument, ids_of, opened_journal
from azpoll.cli.layout import columns, wrapped
from azpoll.cli.output import create_output
from azpoll.cli.stored import MissingOperation, StoredOperation
from azpoll.cli.terminal import encodable, write_error_line, write_line
from azpoll.protocol.json_body import text_of, value_in
from azpoll.protocol.redaction import escape_for_display, masked_label

if TYPE_CHECKING:
    import argparse

SUMMARY = "show an operation of a journal, or its result"

_INDENT = " " * 13


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll show`."""
    add_ids_argument(parser)
    add_journal_argument(parser)
    parser.add_argument(
        "--result",
        action="store_true",
        help="print the body of the last answer alone, as the service sent it; it may hold secrets",
    )
    add_output_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the operation; the exit code is that of its end, and 0 while it runs.

    Raises:
        CommandError: the journal cannot be read, or the output cannot be written.
    """
    ids = ids_of(arguments.targets)
    if len(ids) != 1:
        raise UsageError("one id is needed")
    with opened_journal(arguments.journal) as reader:
        entry = reader.get(ids[0])
    if entry is None:
        found: MissingOperation | StoredOperation = MissingOperation(ids[0])
    else:
        found = StoredOperation.of(entry)
    if arguments.result:
        return _print_result(found)
    output = create_output(arguments.output)
    output.listed(found)
    if arguments.output == "text" and isinstance(found, StoredOperation):
        write_line(_details(found))
    if arguments.output == "json":
        output.finished([found], found.exit_code)
    return found.exit_code


def _details(operation: StoredOperation) -> str:
    """Return the other members as lines that fit standard output."""
    width, row = columns(sys.stdout), operation.row
    times = [operation.as_json()[name] for name in ("created_at", "updated_at")]
    values: dict[str, object] = {
        "group": None if row.group is None else escape_for_display(masked_label(row.group)),
        "request": f"{row.method} {row.url}",
        "request id": row.client_request_id,
        "HTTP status": row.status_code if isinstance(row, JournalResult) else None,
        "begun": times[0],
        "ended" if isinstance(row, JournalResult) else "changed": times[1],
        "result": f"{row.body_length} bytes; see --result" if isinstance(row, JournalResult) and row.body else None,
    }
    lines = (f"{name:<11}  {encodable(str(value), sys.stdout)}" for name, value in values.items() if value is not None)
    return "\n".join(wrapped(line, width, _INDENT) for line in lines)


def _print_result(found: MissingOperation | StoredOperation) -> int:
    """Print the stored body of the last answer, and return the exit code."""
    if isinstance(found, MissingOperation):
        write_error_line("azpoll show: the journal has no such operation")
        return found.exit_code
    row = found.row
    if isinstance(row, JournalRow):
        write_error_line("azpoll show: the operation has not ended, so it has no result")
        return ExitCode.UNREADABLE
    if len(row.body) < row.body_length:
        write_error_line(f"azpoll show: the journal has the first {len(row.body)} of {row.body_length} bytes")
    if row.body:
        write_line(_as_text(row.body))
    return found.exit_code


def _as_text(body: bytes) -> str:
    """Return a body as text. JSON is indented, and in a terminal control characters are escaped."""
    try:
        return json.dumps(value_in(text_of(body)), indent=2)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "backslashreplace")
    if not sys.stdout.isatty():
        return text
    return "\n".join(escape_for_display(line, len(line) * 10 + 1) for line in text.split("\n"))
