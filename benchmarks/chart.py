"""Bars: who needs how much of something, as SVG that is understood at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, LEFT, RIGHT = 1280, 380, 1120
TOP, STEP, BAR = 130, 50, 32
OURS, THEIRS, BOUND = "#1d5fd1", "#b86e00", "#777"
STYLE = """
text { font-family: "Segoe UI", Helvetica, Arial, sans-serif; fill: #222; font-size: 20px }
.title { font-size: 30px; font-weight: 700 } .sub { fill: #555 } .value { font-weight: 700 }
"""


class Bar(NamedTuple):
    """One line of a chart.

    Attributes:
        name: of who it is.
        value: how long it is.
        text: what it says at its end.
        color: `OURS`, `THEIRS` or `BOUND`.
    """

    name: str
    value: float
    text: str
    color: str


def chart(title: str, subtitle: str, bars: Sequence[Bar]) -> str:
    """Return a picture of bars, longest value across."""
    height = TOP + STEP * len(bars) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="40" y="56" class="title">{title}</text>',
        f'<text x="40" y="92" class="sub">{subtitle}</text>',
        *_lines(bars),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _lines(bars: Sequence[Bar]) -> Iterator[str]:
    longest = max(bar.value for bar in bars)
    for place, bar in enumerate(bars):
        y = TOP + STEP * place
        width = max((RIGHT - LEFT) * bar.value / longest, 2)
        yield f'<text x="{LEFT - 14}" y="{y + 23}" text-anchor="end">{bar.name}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" rx="3" fill="{bar.color}"/>'
        yield f'<text x="{LEFT + width + 10:.0f}" y="{y + 23}" class="value">{bar.text}</text>'
