"""The lines of a `View` for a terminal of some width and height."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from azpoll.cli.layout import without_end, wrapped
from azpoll.cli.watch.text_table import Column, table_of
from azpoll.cli.watch.view import LATE_S
from azpoll.duration_text import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from azpoll.cli.watch.view import BudgetRow, GroupRow, OperationRow, View

Style = Literal["title", "bad", "late", "quiet", "plain"]

ENDED = ("succeeded", "failed", "canceled", "unknown", "not_started")
MOST_GROUPS = MOST_BUDGETS = 20
"""Rows where the height is unlimited."""

_NO_GROUP = "(no group)"

_GROUPS = (
    Column("GROUP", 100, least=8),
    Column("RUNNING", 90, is_number=True),
    Column("FAILING", 70, is_number=True),
    Column("LATE", 60, is_number=True),
    Column("SUCCEEDED", 50, is_number=True),
    Column("FAILED", 80, is_number=True),
    Column("CANCELED", 30, is_number=True),
    Column("UNKNOWN", 40, is_number=True),
    Column("NOT STARTED", 20, is_number=True),
    Column("OLDEST", 10, is_number=True),
)
_OPERATIONS = (
    Column("STATE", 90, least=9),
    Column("%", 40, is_number=True),
    Column("NEXT POLL", 60, is_number=True),
    Column("AGE", 30, is_number=True),
    Column("NAME", 100, least=12, cut_start=True),
    Column("LAST ERROR", 80, least=12),
)
_BUDGETS = (
    Column("SCOPE", 100, least=12, cut_start=True),
    Column("READS/S", 90, is_number=True),
    Column("SAVED", 40, is_number=True),
    Column("WAITING", 80, is_number=True),
    Column("LATE P50", 50, is_number=True),
    Column("LATE P99", 60, is_number=True),
    Column("429S", 70, is_number=True),
    Column("CLOSED", 65, is_number=True),
)


class Line(NamedTuple):
    """One line, which fits the terminal."""

    text: str
    style: Style = "plain"


def lines_of(view: View, width: int, height: int | None, encodable: Callable[[str], str]) -> list[Line]:
    """Return the lines of a view.

    Args:
        view: to show.
        width: columns of the terminal, 1 or more.
        height: the greatest number of lines; None for no limit.
        encodable: returns a text with escapes for characters that the stream cannot encode.
    """
    head: list[Line] = [Line(line, "title") for line in wrapped(_counts(view), width, "  ").splitlines()]
    head += [Line(without_end(encodable(fact), width), "quiet") for fact in view.facts]
    rest = None if height is None else height - len(head)
    groups = _group_lines(view, width, MOST_GROUPS if rest is None else rest // 4 - 2, encodable)
    budgets = _budget_lines(view, width, MOST_BUDGETS if rest is None else rest // 5 - 2, encodable)
    room = None if rest is None else rest - len(groups) - len(budgets)
    lines = [*head, *groups, *_operation_lines(view, width, room, encodable), *budgets]
    return lines[:height]


def _counts(view: View) -> str:
    words = [f"{count:,} {name.replace('_', ' ')}" for name, count in view.counts.items() if count or name == "running"]
    return ", ".join(words)


def _group_lines(view: View, width: int, most: int, encodable: Callable[[str], str]) -> list[Line]:
    if most < 1 or all(group.group is None for group in view.groups):
        return []
    ranked = sorted(view.groups, key=lambda group: (-_concerns(group), -group.running))
    shown = ranked[:most]
    lines = table_of(_GROUPS, [_group_cells(group, encodable) for group in shown], width)
    styles: list[Style] = ["bad" if _concerns(group) else "plain" for group in shown]
    return _section(lines, styles, len(ranked) - len(shown), "more groups", width)


def _concerns(group: GroupRow) -> int:
    return group.ended.get("failed", 0) + (group.failing or 0)


def _group_cells(group: GroupRow, encodable: Callable[[str], str]) -> list[str]:
    numbers = [group.failing, group.late, *(group.ended.get(state) for state in ENDED)]
    oldest = "" if group.oldest_s is None else duration_text(group.oldest_s)
    name = _NO_GROUP if group.group is None else encodable(group.group)
    return [name, f"{group.running:,}", *(f"{number:,}" if number else "" for number in numbers), oldest]


def _operation_lines(view: View, width: int, room: int | None, encodable: Callable[[str], str]) -> list[Line]:
    operations = view.operations
    if room is not None and len(operations) + 2 + bool(view.others) > room:
        operations = operations[: max(room - 3, 0)]
    if not operations:
        return []
    lines = table_of(_OPERATIONS, [_operation_cells(operation, encodable) for operation in operations], width)
    running_cut = sum(1 for operation in view.operations[len(operations) :] if operation.concern != "failed")
    styles: list[Style] = [_style(operation) for operation in operations]
    return _section(lines, styles, view.others + running_cut, "more run", width)


def _style(operation: OperationRow) -> Style:
    if operation.concern == "late":
        return "late"
    return "plain" if operation.concern == "none" else "bad"


def _operation_cells(operation: OperationRow, encodable: Callable[[str], str]) -> list[str]:
    return [
        encodable(operation.status or operation.state.replace("_", " ")),
        "" if operation.percent is None else f"{operation.percent:.0f}",
        "" if operation.next_poll_s is None else _next_poll(operation.next_poll_s),
        "" if operation.elapsed_s is None else duration_text(operation.elapsed_s),
        encodable(operation.name),
        "" if operation.reason is None else encodable(operation.reason),
    ]


def _next_poll(seconds: float) -> str:
    if seconds <= -LATE_S:
        return f"{duration_text(-seconds)} late"
    return "now" if seconds <= 0 else duration_text(seconds)


def _budget_lines(view: View, width: int, most: int, encodable: Callable[[str], str]) -> list[Line]:
    if most < 1 or not view.budgets:
        return []
    ranked = sorted(view.budgets, key=lambda budget: -((budget.waiting or 0) + (budget.closed_s or 0)))
    shown = ranked[:most]
    lines = table_of(_BUDGETS, [_budget_cells(budget, encodable) for budget in shown], width)
    styles: list[Style] = ["late" if budget.waiting or budget.closed_s else "plain" for budget in shown]
    return _section(lines, styles, len(ranked) - len(shown), "more scopes", width)


def _budget_cells(budget: BudgetRow, encodable: Callable[[str], str]) -> list[str]:
    times = (budget.lateness_p50_s, budget.lateness_p99_s)
    return [
        encodable(budget.scope),
        "" if budget.rate is None else f"{budget.rate:.1f}",
        "" if budget.tokens is None else f"{budget.tokens:,.0f}",
        f"{budget.waiting:,}" if budget.waiting else "",
        *("" if seconds is None else duration_text(seconds) for seconds in times),
        f"{budget.throttled:,}" if budget.throttled else "",
        duration_text(budget.closed_s) if budget.closed_s else "",
    ]


def _section(lines: Sequence[str], styles: Sequence[Style], others: int, words: str, width: int) -> list[Line]:
    """Return a blank line, the title, the rows, and the number of those that are not shown."""
    first, *rows = lines
    found = [Line(""), Line(first, "title"), *map(Line, rows, styles)]
    return [*found, Line(without_end(f"and {others:,} {words}", width), "quiet")] if others else found
