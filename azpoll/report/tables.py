"""The tables of a report: the slowest operations, and all of them."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from azpoll.duration_text import duration_text
from azpoll.markup import Markup, element, joined
from azpoll.report.operations import STATES
from azpoll.report.texts import WORDS, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from azpoll.report.operations import ReportedOperation

SLOWEST, MOST_ROWS = 10, 1000
"""Rows of the two tables."""

_HEADS = (
    ("Operation", ""),
    ("State", ""),
    ("Begun (UTC)", "t less"),
    ("Duration", "n"),
    ("Polls", "n less"),
    ("429", "n less"),
)


def slowest(operations: Sequence[ReportedOperation], now_s: float) -> Markup:
    """Return the section of the slowest operations; those that still run count until now."""
    found = nlargest(SLOWEST, operations, key=lambda each: each.duration_s(now_s))
    return _section("slowest", "Slowest", f"The {len(found)} operations that took longest", found, now_s)


def everything(operations: Sequence[ReportedOperation], now_s: float) -> Markup:
    """Return the section of all operations; of many, those that need attention come first."""
    caption = "In the order in which they began"
    shown = sorted(operations, key=lambda each: each.begun_s)
    if len(operations) > MOST_ROWS:
        by_state = sorted(operations, key=lambda each: STATES.index(each.state))
        shown = by_state[:MOST_ROWS]
        caption = f"{len(shown):,} of {len(operations):,}, those that need attention first; JSON and CSV have all"
    return _section("operations", "Operations", caption, shown, now_s)


def state_mark(state: str) -> Markup:
    """Return a state as a dot of its color and its word."""
    return element("span", WORDS[state], class_=f"state s-{state}")


def _section(ident: str, title: str, caption: str, operations: Iterable[ReportedOperation], now_s: float) -> Markup:
    head = element("tr", *(element("th", name, scope="col", **_kind(kind)) for name, kind in _HEADS))
    body = (_row(each, now_s) for each in operations)
    table = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    scrolled = element("div", table, class_="wide", role="region", tabindex="0", aria_labelledby=ident)
    return element("section", element("h2", title, id=ident), scrolled)


def _row(operation: ReportedOperation, now_s: float) -> Markup:
    mark = state_mark(operation.state)
    cells: tuple[str, ...] = (
        mark if operation.percent is None else joined(mark, Markup(f" {operation.percent:.0f} %")),
        time_text(operation.begun_s),
        duration_text(operation.duration_s(now_s)),
        _number(operation.polls),
        _number(operation.throttled),
    )
    kinds = [kind for _, kind in _HEADS[1:]]
    group = () if operation.group is None else (" ", element("span", operation.group, class_="quiet"))
    name = element("th", operation.name, *group, element("span", operation.id, class_="id"), scope="row")
    return element("tr", name, *(element("td", cell, **_kind(kind)) for cell, kind in zip(cells, kinds, strict=True)))


def _kind(name: str) -> dict[str, str]:
    return {"class_": name} if name else {}


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
