"""`azpoll report`: the operations of a journal or of a fleet as an HTML page, as JSON or as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.exit_codes import ExitCode, OutputError
from azpoll.cli.fleet_database import add_dsn_argument, check_one_source, connected_fleet, dsn_from
from azpoll.cli.journal_file import add_journal_argument, opened_journal
from azpoll.cli.terminal import write_line
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from azpoll.journal import JournalEntry

SUMMARY = "report on the operations of a journal or of a fleet as HTML, JSON or CSV"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll report`."""
    add_journal_argument(parser, required=False)
    add_dsn_argument(parser)
    parser.add_argument("--group", metavar="NAME", help="only the operations of the groups with this label")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the file to write; standard output by default")
    parser.add_argument(
        "--format", choices=("html", "json", "csv"), default="html", help="of the report; html by default"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the report; the exit code is 0, however the operations ended.

    Raises:
        CommandError: the journal or the fleet cannot be read, or the report cannot be written.
    """
    check_one_source(arguments)
    group: str | None = arguments.group
    if arguments.journal is None:
        entries = anyio.run(_entries_of_fleet, dsn_from(arguments), group)
        text = _text(entries, arguments.format, _title("the fleet", group))
    else:
        with opened_journal(arguments.journal) as reader:
            text = _text(reader.entries(group=group), arguments.format, _title(arguments.journal.name, group))
    _write(text, arguments.output)
    return ExitCode.SUCCEEDED


async def _entries_of_fleet(dsn: str, group: str | None) -> list[JournalEntry]:
    async with connected_fleet(dsn, listen=False) as fleet:
        return [entry async for entry in fleet.entries(group=group)]


def _text(entries: Iterable[JournalEntry], form: str, title: str) -> str:
    from azpoll import report  # noqa: PLC0415 - no other command needs it

    if form == "html":
        return report.html(entries, title=title)
    return report.json(entries) if form == "json" else report.csv(entries)


def _title(name: str, group: str | None) -> str:
    source = name if group is None else f"{group} in {name}"
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
