"""`azpoll fleet status`: the operations, shards, workers and budgets of a fleet."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.access import add_output_argument
from azpoll.cli.duration import format_duration
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.fleet_database import add_dsn_argument, connected_fleet, dsn_from
from azpoll.cli.layout import columns, width_of, without_end, wrapped
from azpoll.cli.terminal import encodable, write_line
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from azpoll.fleet import FleetBudget, FleetStatistics

SUMMARY = "print the operations, shards, workers and budgets of a fleet"

_STATES = ("running", "succeeded", "failed", "canceled", "unknown", "not_started")
_MOST_PROBLEMS = 20
_LONGEST = 300
_LEAST_NAME, _USUAL_NAME = 12, 38
"""Columns of a name: at least, and in a table with short ones."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll fleet status`."""
    add_dsn_argument(parser)
    add_output_argument(parser)
    parser.add_argument("--json", dest="output", action="store_const", const="json", help="the same as --output json")


def run(arguments: argparse.Namespace) -> int:
    """Print the present state; the exit code is 0, however operations ended.

    Raises:
        CommandError: the database cannot be used, or the output cannot be written.
    """
    counts, problems = anyio.run(_read, dsn_from(arguments))
    if arguments.output == "text":
        write_line("\n".join(_lines(counts, problems)))
    elif arguments.output != "none":
        write_line(json.dumps(_document(counts, problems), indent=2 if arguments.output == "json" else None))
    return ExitCode.SUCCEEDED


async def _read(dsn: str) -> tuple[FleetStatistics, dict[str, str]]:
    async with connected_fleet(dsn) as fleet:
        return await fleet.statistics(), await fleet.problems(_MOST_PROBLEMS)


def _document(counts: FleetStatistics, problems: Mapping[str, str]) -> dict[str, object]:
    shards = counts.shards
    return {
        "operations": {state: getattr(counts, state) for state in _STATES},
        "shards": {"queued": shards.queued, "leased": shards.leased},
        "workers": [worker._asdict() for worker in counts.workers],
        "budgets": [budget._asdict() for budget in counts.budgets],
        "problems": [{"id": each, "problem": text} for each, text in problems.items()],
        "problem_count": counts.problems,
        "last_result": counts.last_result,
    }


def _lines(counts: FleetStatistics, problems: Mapping[str, str]) -> Iterator[str]:
    """Yield lines that fit the width of standard output."""
    operations = [(state.replace("_", " "), f"{getattr(counts, state):,}") for state in _STATES]
    shards = [("queued", f"{counts.shards.queued:,}"), ("leased", f"{counts.shards.leased:,}")]
    workers = [(each.id, f"{each.shards:,}", format_duration(each.silent_s)) for each in counts.workers]
    yield from _table(("operations", ""), operations)
    yield from ("", *_table(("shards", ""), shards))
    yield from ("", *_table(("workers", "shards", "silent for"), workers))
    yield from ("", *_table(("budgets", "rate", "saved up", "closed for"), [_row(each) for each in counts.budgets]))
    if problems:
        yield from ("", f"problems ({counts.problems:,})")
    for each, text in problems.items():
        line = encodable(f"  {each}  {escape_for_display(text, _LONGEST)}", sys.stdout)
        yield wrapped(line, columns(sys.stdout), " " * 4)


def _row(budget: FleetBudget) -> tuple[str, ...]:
    closed = format_duration(budget.closed_s) if budget.closed_s else "-"
    return budget.name, f"{budget.rate:.1f}/s", f"{budget.tokens:.0f}", closed


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a head and a line for each row: a name, which is cut if it is long, and right-aligned values."""
    if not rows:
        yield f"{heads[0]}: none"
        return
    widths = [max(map(len, column)) + 2 for column in zip(*(row[1:] for row in (heads, *rows)), strict=True)]
    room = max(columns(sys.stdout) - sum(widths), _LEAST_NAME)
    names = [f"  {encodable(escape_for_display(row[0], _LONGEST), sys.stdout)}" for row in rows]
    width = min(room, max(_USUAL_NAME, *map(width_of, names)))
    for name, values in zip((heads[0], *names), (heads[1:], *(row[1:] for row in rows)), strict=True):
        cut = without_end(name, width)
        cells = "".join(f"{value:>{size}}" for value, size in zip(values, widths, strict=True))
        yield f"{cut}{' ' * (width - width_of(cut))}{cells}".rstrip()
