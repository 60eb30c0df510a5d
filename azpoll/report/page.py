"""The HTML page of a report: one file without scripts, that requests nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.duration_text import duration_text
from azpoll.markup import Markup, element, joined, opening
from azpoll.report.failures import failures
from azpoll.report.style import CSS
from azpoll.report.tables import everything, slowest, state_mark
from azpoll.report.texts import counted, time_text
from azpoll.report.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.report.operations import ReportedOperation
    from azpoll.report.summary import Count, Summary

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ENOUGH_FOR_SLOWEST = 3
_UNKNOWN = "not known"


def page(title: str, operations: Sequence[ReportedOperation], summary: Summary, now_s: float) -> str:
    """Return the whole document as text."""
    made = f"{counted(summary.total, 'operation')}, as of {time_text(now_s)} UTC"
    header = element("header", element("h1", title), element("p", made, class_="quiet"))
    sections: list[Markup] = []
    if summary.first_s is not None and summary.last_s is not None:
        sections = [
            _summary(summary),
            timeline(operations, summary.first_s, summary.last_s),
            failures(operations),
            slowest(operations, now_s) if len(operations) >= _ENOUGH_FOR_SLOWEST else Markup(""),
            everything(operations, now_s),
        ]
    else:
        sections = [element("section", element("p", "No operations."))]
    footer = element("footer", *(element("p", note) for note in _notes(summary)))
    return f"<!doctype html>\n{_head(title)}<body>{element('main', header, *sections, footer)}</body></html>\n"


def _head(title: str) -> str:
    metas = joined(
        opening("meta", charset="utf-8"),
        opening("meta", name="viewport", content="width=device-width, initial-scale=1"),
        opening("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        opening("meta", name="referrer", content="no-referrer"),
        opening("meta", name="generator", content="azpoll report"),
        opening("link", rel="icon", href="data:,"),
    )
    return f'<html lang="en"><head>{metas}{element("title", title)}<style>{CSS}</style></head>'


def _summary(summary: Summary) -> Markup:
    counts = summary.states.items()
    bar = element(
        "div",
        *(element("i", class_=f"s-{state}", style=f"flex:{count}") for state, count in counts),
        class_="share",
        aria_hidden="true",
    )
    legend = (element("li", state_mark(state), " ", element("b", f"{count:,}")) for state, count in counts)
    tiles = [part for name, value in _tiles(summary).items() for part in [element("div", *_tile(name, value))]]
    parts = (bar, element("ul", *legend, class_="legend"), element("dl", *tiles, class_="tiles"))
    return element("section", element("h2", "Summary", id="summary"), *parts, aria_labelledby="summary")


def _tiles(summary: Summary) -> dict[str, str]:
    durations = summary.durations
    values = (None, None, None) if durations is None else durations
    names = ("Duration, p50", "Duration, p90", "Longest")
    tiles = {name: "-" if value is None else duration_text(value) for name, value in zip(names, values, strict=True)}
    return {**tiles, "Polls": _count(summary.polls), "Answers 429": _count(summary.throttled)}


def _tile(name: str, value: str) -> tuple[Markup, Markup]:
    return element("dt", name), element("dd", value)


def _count(count: Count) -> str:
    return f"{count.total:,}" if count.known else _UNKNOWN


def _notes(summary: Summary) -> list[str]:
    notes = [
        "A duration is the time from the first row of an operation to the row of its end, or that of its tracking.",
        "Half of the ended operations took at most p50, and nine tenths of them at most p90.",
        "Answers 429 are those to polls. Initial requests may have got more of them.",
    ]
    if summary.polls.known < summary.total:
        missing = counted(summary.total - summary.polls.known, "operation")
        notes.append(
            f"The polls of {missing} are not known. A fleet counts none, nor does a journal of an older azpoll."
        )
    return notes
