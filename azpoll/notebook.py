"""Operations, groups and trackers as HTML, for notebooks. Every text is escaped, and no URL or header is shown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from azpoll.markup import Markup, element
from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import escape_for_display, masked_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from azpoll.snapshot import Snapshot, Statistics

MOST_ROWS = 50
"""Operations of a group that are listed; those that need attention come first."""

_COLORS = {
    OperationState.FAILED: "#d64545",
    OperationState.UNKNOWN: "#b7791f",
    OperationState.CANCELED: "#7b8794",
    OperationState.RUNNING: "#2f80c9",
    OperationState.FETCHING: "#2f80c9",
    OperationState.SUCCEEDED: "#2f855a",
}
"""By state, in the order in which a group lists its operations. Each can be seen on white and on black."""

_ORDER = tuple(_COLORS)
_CELL = "text-align:left;padding:.15em 1em .15em 0;vertical-align:top;font-weight:normal"


def operation_html(snapshot: Snapshot, error: str | None) -> str:
    """Return an operation as a table of its facts; `error` says why it did not succeed."""
    percent = None if snapshot.percent is None else f"{snapshot.percent:g} %"
    next_poll = None if snapshot.next_poll is None else f"{snapshot.next_poll:%Y-%m-%d %H:%M:%S} UTC"
    facts = {
        "state": _state(snapshot.state),
        "status": snapshot.status,
        "progress": percent,
        "polls": str(snapshot.polls),
        "elapsed": f"{snapshot.elapsed_s:,.0f} s",
        "next poll": next_poll,
        "failed polls": f"{snapshot.failures} in a row" if snapshot.failures else None,
        "last error": snapshot.last_error,
        "error": error,
    }
    return _titled("Operation", _name(snapshot), _facts(facts))


def group_html(label: str | None, snapshots: Sequence[Snapshot]) -> str:
    """Return a group as its counts, and a table of its operations."""
    shown = sorted(snapshots, key=lambda each: _ORDER.index(each.state))[:MOST_ROWS]
    heads = (
        element("th", name, scope="col", style=_CELL) for name in ("Operation", "State", "Status", "Polls", "Elapsed")
    )
    rows = (_row(each) for each in shown)
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    more = f"{len(shown)} of {len(snapshots):,} operations" if len(shown) < len(snapshots) else ""
    parts = [_counts(Counter(each.state for each in snapshots)), table] if snapshots else []
    return _titled("Group", None if label is None else masked_label(label), *parts, element("div", more))


def tracker_html(statistics: Statistics | None) -> str:
    """Return a tracker as its counts; None before it is entered."""
    if statistics is None:
        return _titled("Tracker", None, element("div", "not started"))
    states = {
        OperationState.FAILED: statistics.failed,
        OperationState.UNKNOWN: statistics.unknown,
        OperationState.CANCELED: statistics.canceled,
        OperationState.RUNNING: statistics.running,
        OperationState.SUCCEEDED: statistics.succeeded,
    }
    facts = {
        "operations": f"{statistics.tracked:,}",
        "waiting for their next poll": f"{statistics.waiting:,}",
        "polls under way": f"{statistics.in_flight:,}",
        "polls so far": f"{statistics.polls:,}",
        "initial requests in the queue": f"{statistics.starting:,}" if statistics.starting else None,
    }
    return _titled("Tracker", None, _counts(states), _facts(facts))


def _titled(kind: str, name: str | None, *parts: str) -> str:
    title = (kind,) if name is None else (f"{kind} ", element("b", _text(name)))
    return element("div", element("div", *title), *parts, class_="azpoll")


def _facts(facts: Mapping[str, str | None]) -> Markup:
    return element("table", element("tbody", *_fact_rows(facts)))


def _fact_rows(facts: Mapping[str, str | None]) -> Iterable[Markup]:
    for name, value in facts.items():
        if value:
            text = value if isinstance(value, Markup) else _text(value)
            yield element("tr", element("th", name, scope="row", style=_CELL), element("td", text, style=_CELL))


def _row(snapshot: Snapshot) -> Markup:
    name, status = _name(snapshot), _text(snapshot.status or "")
    cells = (_state(snapshot.state), status, str(snapshot.polls), f"{snapshot.elapsed_s:,.0f} s")
    head = element("th", name, scope="row", style=_CELL)
    return element("tr", head, *(element("td", cell, style=_CELL) for cell in cells))


def _counts(states: Mapping[OperationState, int]) -> Markup:
    shown = [element("span", _state(state), f" {states[state]:,}  ") for state in _ORDER if states.get(state)]
    return element("div", *shown)


def _state(state: OperationState) -> Markup:
    dot = element("span", "\N{BLACK CIRCLE}", style=f"color:{_COLORS[state]}", aria_hidden="true")
    return element("span", dot, f" {state.value}", style="white-space:nowrap")


def _name(snapshot: Snapshot) -> str:
    return _text(masked_label(snapshot.label or snapshot.id))


def _text(text: str) -> str:
    return escape_for_display(text, 500)
