"""`azpoll report`: the operations of a journal as an HTML page, as JSON or as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from azpoll.cli.exit_codes import ExitCode, OutputError
from azpoll.cli.journal_file import add_journal_argument, opened_journal
from azpoll.cli.terminal import write_line
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    import argparse

SUMMARY = "report on the operations of a journal as an HTML page, JSON or CSV"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll report`."""
    add_journal_argument(parser)
    parser.add_argument("--group", metavar="NAME", help="only the operations of the groups with this label")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the file to write; standard output by default")
    parser.add_argument(
        "--format", choices=("html", "json", "csv"), default="html", help="of the report; html by default"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the report; the exit code is 0, however the operations ended.

    Raises:
        CommandError: the journal cannot be read, or the report cannot be written.
    """
    from azpoll import report  # noqa: PLC0415 - no other command needs it

    group: str | None = arguments.group
    with opened_journal(arguments.journal) as reader:
        entries = reader.entries(group=group)
        if arguments.format == "html":
            text = report.html(entries, title=_title(arguments.journal, group))
        else:
            text = report.json(entries) if arguments.format == "json" else report.csv(entries)
    _write(text, arguments.output)
    return ExitCode.SUCCEEDED


def _title(journal: Path, group: str | None) -> str:
    source = journal.name if group is None else f"{group} in {journal.name}"
    return f"Operations of {escape_for_display(source, 100)}"


def _write(text: str, path: Path | None) -> None:
    if path is None:
        write_line(_for_a_stream(text))
        return
    try:
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(f"the report cannot be written: {error.strerror or type(error).__name__}") from error


def _for_a_stream(text: str) -> str:
    """Return a report for standard output, which ends lines as its system does and may have any encoding."""
    text = text.replace("\r\n", "\n").removesuffix("\n")
    is_page = text.startswith("<")  # it names UTF-8 as its encoding
    return text.encode("ascii", "xmlcharrefreplace").decode() if is_page else text
