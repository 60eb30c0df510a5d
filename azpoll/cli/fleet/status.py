"""`azpoll fleet status`: the operations, groups, shards, workers and budgets of a fleet."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.access import add_output_argument
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.fleet_database import add_dsn_argument, connected_fleet, dsn_from
from azpoll.cli.layout import columns, width_of, without_end, wrapped
from azpoll.cli.stored import StoredOperation
from azpoll.cli.terminal import encodable, write_line
from azpoll.duration_text import duration_text
from azpoll.protocol.redaction import escape_for_display, masked_label

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from azpoll.fleet import FleetBudget, FleetStatistics
    from azpoll.journal import JournalGroup, JournalOverview

SUMMARY = "print the operations, groups, shards, workers and budgets of a fleet"

_STATES = ("running", "succeeded", "failed", "canceled", "unknown", "not_started")
_MOST_PROBLEMS = _MOST_OPEN = 20
_MOST_GROUPS = 20
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
    found = anyio.run(_read, dsn_from(arguments))
    if arguments.output == "text":
        write_line("\n".join(_lines(*found)))
    elif arguments.output != "none":
        write_line(json.dumps(_document(*found), indent=2 if arguments.output == "json" else None))
    return ExitCode.SUCCEEDED


async def _read(dsn: str) -> tuple[FleetStatistics, dict[str, str], JournalOverview]:
    async with connected_fleet(dsn) as fleet:
        return await fleet.statistics(), await fleet.problems(_MOST_PROBLEMS), await fleet.overview(_MOST_OPEN)


def _document(counts: FleetStatistics, problems: Mapping[str, str], overview: JournalOverview) -> dict[str, object]:
    shards = counts.shards
    return {
        "operations": {state: getattr(counts, state) for state in _STATES},
        "groups": [_group(each) for each in overview.groups],
        "shards": {"queued": shards.queued, "leased": shards.leased},
        "workers": [worker._asdict() for worker in counts.workers],
        "budgets": [budget._asdict() for budget in counts.budgets],
        "problems": [{"id": each, "problem": text} for each, text in problems.items()],
        "problem_count": counts.problems,
        "open": [_open(StoredOperation.of(each)) for each in overview.running],
        "last_result": counts.last_result,
    }


def _group(group: JournalGroup) -> dict[str, object]:
    label = None if group.label is None else masked_label(group.label)
    return {"group": label, "failing": group.failing, **{state: getattr(group, state) for state in _STATES}}


def _open(operation: StoredOperation) -> dict[str, object]:
    members = operation.as_json()
    return {name: members[name] for name in ("id", "name", "group", "percent", "last_error")}


def _lines(counts: FleetStatistics, problems: Mapping[str, str], overview: JournalOverview) -> Iterator[str]:
    """Yield lines that fit the width of standard output."""
    operations = [(state.replace("_", " "), f"{getattr(counts, state):,}") for state in _STATES]
    shards = [("queued", f"{counts.shards.queued:,}"), ("leased", f"{counts.shards.leased:,}")]
    workers = [(each.id, f"{each.shards:,}", duration_text(each.silent_s)) for each in counts.workers]
    yield from _table(("operations", ""), operations)
    if any(group.label is not None for group in overview.groups):
        yield from ("", *_groups(overview.groups))
    yield from ("", *_table(("shards", ""), shards))
    yield from ("", *_table(("workers", "shards", "silent for"), workers))
    yield from ("", *_table(("budgets", "rate", "saved up", "closed for"), [_row(each) for each in counts.budgets]))
    yield from _reasons("problems", counts.problems, problems)
    errors = {each.id: each.last_error for each in map(StoredOperation.of, overview.running) if each.last_error}
    failing = max(sum(group.failing for group in overview.groups) - counts.problems, 0)
    others = {each: text for each, text in errors.items() if each not in problems}
    yield from _reasons("last polls that failed", failing, others)


def _groups(groups: Sequence[JournalGroup]) -> Iterator[str]:
    """Yield a table of the groups with the most running operations; its columns are the states that are not all 0."""
    states = [state for state in _STATES if state == "running" or any(getattr(each, state) for each in groups)]
    rows = [
        (
            "(no group)" if each.label is None else masked_label(each.label),
            *(f"{getattr(each, name):,}" for name in states),
        )
        for each in groups[:_MOST_GROUPS]
    ]
    yield from _table(("groups", *(state.replace("_", " ") for state in states)), rows)
    if len(groups) > _MOST_GROUPS:
        yield f"  and {len(groups) - _MOST_GROUPS:,} more groups"


def _reasons(title: str, count: int, reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a section with a reason for each operation."""
    if reasons:
        yield from ("", f"{title} ({count:,})")
    for each, text in reasons.items():
        line = encodable(f"  {each}  {escape_for_display(text, _LONGEST)}", sys.stdout)
        yield wrapped(line, columns(sys.stdout), " " * 4)


def _row(budget: FleetBudget) -> tuple[str, ...]:
    closed = duration_text(budget.closed_s) if budget.closed_s else "-"
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
