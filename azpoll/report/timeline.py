"""The timeline of a report: a bar for each operation, or a chart of all where they are many."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from azpoll.duration_text import duration_text
from azpoll.markup import Markup, element, joined, opening
from azpoll.report.operations import OPEN, STATES
from azpoll.report.texts import WORDS, counted, time_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.report.operations import ReportedOperation

MOST_BARS = 100
"""Operations that have a bar of their own. Of more, these are the ones that need attention, and the slowest."""

_BUCKETS = 120
_HEIGHT = 100.0


class Span:
    """The time that a timeline shows.

    Args:
        first_s: Unix time in seconds.
        last_s: likewise; the present time while an operation runs.
    """

    def __init__(self, first_s: float, last_s: float) -> None:
        self.first_s = first_s
        self.length_s = max(last_s - first_s, 0.001)

    def share(self, at_s: float) -> float:
        """Return the place of a time between 0 and 1."""
        return min(max((at_s - self.first_s) / self.length_s, 0.0), 1.0)

    def ticks(self) -> Markup:
        """Return five labels, as times since the beginning."""
        labels = (f"+{duration_text(self.length_s * quarter / 4)}" if quarter else "0" for quarter in range(5))
        return element("div", *(element("span", label) for label in labels), class_="ticks", aria_hidden="true")


def timeline(operations: Sequence[ReportedOperation], first_s: float, last_s: float) -> Markup:
    """Return the section, for at least one operation."""
    span = Span(first_s, last_s)
    shown = _chosen(operations, last_s)
    parts: list[str] = []
    if len(shown) < len(operations):
        column = duration_text(span.length_s / _BUCKETS)
        parts += [
            element("h3", f"Running in each {column}"),
            _busy_chart(operations, span, last_s),
            element("h3", f"Ended in each {column}"),
            _ends_chart(operations, span),
            span.ticks(),
            element("h3", f"{len(shown)} of {counted(len(operations), 'operation')}"),
            element("p", "Half of these need attention if so many do; the others are the slowest.", class_="quiet"),
        ]
    bars = (_bar(each, span, last_s) for each in shown)
    parts += [
        element("ol", *bars, class_="gantt"),
        element("div", span.ticks(), class_="axis"),
        element("p", f"From {time_text(first_s)} to {time_text(last_s)} UTC.", class_="quiet"),
    ]
    return element("section", element("h2", "Timeline", id="timeline"), *parts, aria_labelledby="timeline")


def _chosen(operations: Sequence[ReportedOperation], now_s: float) -> list[ReportedOperation]:
    if len(operations) <= MOST_BARS:
        return sorted(operations, key=lambda each: each.begun_s)
    by_duration = sorted(operations, key=lambda each: -each.duration_s(now_s))
    urgent = [each for each in by_duration if each.state != "succeeded"][: MOST_BARS // 2]
    taken = {id(each) for each in urgent}
    rest = [each for each in by_duration if id(each) not in taken][: MOST_BARS - len(urgent)]
    return sorted([*urgent, *rest], key=lambda each: each.begun_s)


def _bar(operation: ReportedOperation, span: Span, now_s: float) -> Markup:
    end_s = now_s if operation.ended_s is None else operation.ended_s
    left, right = 100 * span.share(operation.begun_s), 100 * span.share(end_s)
    left = min(left, 99.5)
    place = f"left:{left:.2f}%;width:{max(right - left, 0.3):.2f}%"
    took = duration_text(operation.duration_s(now_s))
    open_ = " open" if operation.state in OPEN else ""
    title = f"{operation.name}: {WORDS[operation.state]}, {took}, begun {time_text(operation.begun_s)} UTC"
    bar = element("i", class_=f"s-{operation.state}{open_}", style=place)
    return element(
        "li",
        element("span", operation.name, class_="name", title=operation.name),
        element("span", bar, class_="track", role="img", aria_label=title, title=title),
        element("span", took, class_="took"),
    )


def _busy_chart(operations: Sequence[ReportedOperation], span: Span, now_s: float) -> Markup:
    changes = [0] * (_BUCKETS + 1)
    for each in operations:
        changes[_bucket(span, each.begun_s)] += 1
        changes[_bucket(span, now_s if each.ended_s is None else each.ended_s) + 1] -= 1
    running = list(accumulate(changes))[:_BUCKETS]
    most = max(running)
    points = " ".join(
        f"{x},{_HEIGHT - 94 * count / most:.1f}" for bucket, count in enumerate(running) for x in (bucket, bucket + 1)
    )
    area = element("polygon", class_="busy", points=f"0,{_HEIGHT} {points} {_BUCKETS},{_HEIGHT}")
    return _chart(f"Operations that ran, by time: at most {most:,} in one column", area)


def _ends_chart(operations: Sequence[ReportedOperation], span: Span) -> Markup:
    counts: dict[str, list[int]] = {state: [0] * _BUCKETS for state in reversed(STATES) if state not in OPEN}
    for each in operations:
        if each.ended_s is not None:
            counts[each.state][_bucket(span, each.ended_s)] += 1
    most = max(1, *map(sum, zip(*counts.values(), strict=True)))
    heights = [0.0] * _BUCKETS
    rectangles: list[Markup] = []
    for state, ends in counts.items():
        for bucket, count in enumerate(ends):
            if count:
                height = max(94 * count / most, 1.5)
                heights[bucket] += height
                place = {"x": f"{bucket + 0.1:.1f}", "y": f"{_HEIGHT - heights[bucket]:.1f}", "width": ".8"}
                rectangles.append(element("rect", class_=f"s-{state}", height=f"{height:.1f}", **place))
    return _chart(f"Operations that ended, by time: at most {most:,} in one column", *rectangles)


def _bucket(span: Span, at_s: float) -> int:
    return min(int(span.share(at_s) * _BUCKETS), _BUCKETS - 1)


def _chart(label: str, *shapes: Markup) -> Markup:
    start = opening(
        "svg",
        viewBox=f"0 0 {_BUCKETS} {_HEIGHT:.0f}",
        preserveAspectRatio="none",
        class_="chart",
        role="img",
        aria_label=label,
    )
    return joined(start, *shapes, Markup("</svg>"), element("p", f"{label}.", class_="quiet"))
