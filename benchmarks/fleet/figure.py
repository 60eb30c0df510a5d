"""The figure of docs/read-limits.md: operations detected over time, waits lost and reads sent, by policy."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.fleet.runs import AZPOLL, HINTS, TEN_THOUSAND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.fleet.scenario import Outcome

WIDTH, HEIGHT = 1280, 760
LEFT, TOP, RIGHT, BOTTOM = 100, 150, 770, 650
"""Edges of the plot of the curves."""

MINUTES = 15
STEP_S = 3.0
BARS_LEFT, BARS_RIGHT = 1010, 1240
BAR = 30


class Shown(NamedTuple):
    """A policy in the figure.

    Attributes:
        policy: name of the policy in the outcomes.
        name: label of the policy in the figure.
        color: color of its curve and bars.
    """

    policy: str
    name: str
    color: str


SHOWN = (
    Shown(HINTS, "azpoll with hints", "#0b7a4b"),
    Shown(AZPOLL, "azpoll", "#1d5fd1"),
    Shown("naive", "naive loop", "#b86e00"),
    Shown("azure-core", "azure-core", "#c5221f"),
)
NAMES_AT = (10.4, 0.55)
"""Position of the legend below the curves, in minutes and share detected."""
STYLE = """
text { font-family: "Segoe UI", Helvetica, Arial, sans-serif; fill: #222; font-size: 20px }
.title { font-size: 30px; font-weight: 700 } .sub { font-size: 20px; fill: #555 }
.head { font-size: 22px; font-weight: 700 } .name { font-size: 21px; font-weight: 700 }
.tick { font-size: 18px; fill: #555 } .grid { stroke: #e2e2e2 } .axis { stroke: #555 }
path { fill: none; stroke-width: 4; stroke-linejoin: round }
.ended { stroke: #999; stroke-width: 3; stroke-dasharray: 8 7 }
"""


def figure(outcomes: Sequence[Outcome]) -> str:
    """Return the figure of 10,000 concurrent operations as SVG."""
    found = {outcome.policy: outcome for outcome in outcomes if outcome.fleet == TEN_THOUSAND}
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
            ' aria-label="10,000 concurrent operations: share detected by time, waits lost and reads sent, by policy">'
        ),
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(40, 56, "10,000 concurrent operations in one Azure subscription", "title"),
        _text(40, 90, "Azure grants 25 reads/s; 10,000 operations need 588 reads/s (Retry-After: 17).", "sub"),
        _text(LEFT, TOP - 20, "Operations whose end was detected", "head"),
        *_grid(),
        *_ended(found[HINTS]),
        *(_curve(found[shown.policy], shown) for shown in SHOWN),
        *_names(),
        *_bars("Waits lost, of 10,000", TOP - 20, [found[shown.policy].lost for shown in SHOWN]),
        *_bars("Reads sent", TOP + 250, [found[shown.policy].reads for shown in SHOWN]),
        _text(40, HEIGHT - 24, f"python -m benchmarks.fleet: virtual time, {_model()}", "tick"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _model() -> str:
    return "durations lognormal (median 180 s, sigma 0.6); Retry-After of a 429: 10 s"


def _x(minutes: float) -> float:
    return LEFT + (RIGHT - LEFT) * minutes / MINUTES


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _text(x: float, y: float, text: str, kind: str, *, color: str = "", end: str = "") -> str:
    fill = f' style="fill: {color}"' if color else ""
    anchor = f' text-anchor="{end}"' if end else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}"{fill}{anchor}>{text}</text>'


def _grid() -> Iterator[str]:
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        yield f'<line x1="{LEFT}" y1="{y:.0f}" x2="{RIGHT}" y2="{y:.0f}" class="{"grid" if percent else "axis"}"/>'
        yield _text(LEFT - 12, y + 6, f"{percent} %", "tick", end="end")
    for minutes in range(0, MINUTES + 1, 3):
        yield _text(_x(minutes), BOTTOM + 28, f"{minutes}", "tick", end="middle")
    yield _text((LEFT + RIGHT) / 2, BOTTOM + 58, "minutes since the start", "tick", end="middle")


def _points(times_s: Sequence[float]) -> str:
    total = TEN_THOUSAND.operations
    steps = int(MINUTES * 60 / STEP_S) + 1
    points = ((step * STEP_S / 60, bisect_right(times_s, step * STEP_S) / total) for step in range(steps))
    return " L".join(f"{_x(minutes):.1f} {_y(share):.1f}" for minutes, share in points)


def _ended(outcome: Outcome) -> Iterator[str]:
    yield f'<path class="ended" d="M{_points(outcome.ended_s)}"/>'


def _curve(outcome: Outcome, shown: Shown) -> str:
    return f'<path stroke="{shown.color}" d="M{_points(outcome.detected_s)}"/>'


def _names() -> Iterator[str]:
    x, y = _x(NAMES_AT[0]), _y(NAMES_AT[1])
    yield f'<path class="ended" d="M{x:.0f} {y - 7:.0f} h28"/>' + _text(x + 38, y, "ended at the server", "tick")
    for place, shown in enumerate(SHOWN, start=1):
        below = y + 32 * place
        yield f'<path stroke="{shown.color}" d="M{x:.0f} {below - 7:.0f} h28"/>'
        yield _text(x + 38, below, shown.name, "name", color=shown.color)


def _bars(title: str, top: float, values: Sequence[int]) -> Iterator[str]:
    yield _text(BARS_LEFT - 180, top, title, "head")
    longest = max(values)
    for place, (shown, value) in enumerate(zip(SHOWN, values, strict=True)):
        y = top + 22 + place * (BAR + 16)
        width = (BARS_RIGHT - BARS_LEFT - 90) * value / longest
        yield _text(BARS_LEFT - 12, y + 21, shown.name, "tick", end="end")
        yield (
            f'<rect x="{BARS_LEFT}" y="{y:.0f}" width="{max(width, 2):.0f}" height="{BAR}" rx="3"'
            f' fill="{shown.color}"/>'
        )
        yield _text(BARS_LEFT + max(width, 2) + 8, y + 22, f"{value:,}", "name", color=shown.color)
