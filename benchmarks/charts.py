"""The bar charts of docs/performance.md, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.peers import PEERS, RAW
from benchmarks.suite import FULL_SIZES, Key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.results import Results

WIDTH, LEFT, RIGHT = 1280, 380, 1120
TOP, STEP, THICKNESS = 130, 50, 32
AZPOLL_COLOR, PEER_COLOR, RAW_COLOR = "#1d5fd1", "#b86e00", "#777"
STYLE = """
text { font-family: "Segoe UI", Helvetica, Arial, sans-serif; fill: #222; font-size: 20px }
.title { font-size: 30px; font-weight: 700 } .sub { fill: #555 } .value { font-weight: 700 }
"""


class Bar(NamedTuple):
    """One bar of a chart.

    Attributes:
        name: text before the bar.
        value: length of the bar.
        text: text behind the bar.
        color: fill color.
    """

    name: str
    value: float
    text: str
    color: str


def charts(results: Results) -> dict[str, str]:
    """Return the SVG of each chart by file name; the results must be those of a full run."""
    late, max_wait_s, *_ = FULL_SIZES
    cost = _chart(
        "CPU per poll",
        "Microseconds of the client, 1,000 operations; the server is a process of its own.",
        list(_bars(results, Key("cost", "", 1_000), "us", "us")),
    )
    lateness = _chart(
        "Lateness of polls",
        f"Milliseconds at p99: {late:,} operations whose service asks for 1 to {max_wait_s} s between polls.",
        list(_bars(results, Key("lateness", "", late), "p99_ms", "ms")),
    )
    return {"performance-cost.svg": cost, "performance-lateness.svg": lateness}


def _bars(results: Results, of: Key, figure: str, unit: str) -> Iterator[Bar]:
    values = [(peer, results.median(of._replace(peer=peer.name), figure)) for peer in PEERS]
    found = [(peer, value) for peer, value in values if value is not None]
    for peer, value in sorted(found, key=lambda row: row[1]):
        color = AZPOLL_COLOR if peer.is_azpoll else RAW_COLOR if peer is RAW else PEER_COLOR
        yield Bar(peer.name, value, f"{value:,.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}", color)


def _chart(title: str, subtitle: str, bars: Sequence[Bar]) -> str:
    height = TOP + STEP * len(bars) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="40" y="56" class="title">{title}</text>',
        f'<text x="40" y="92" class="sub">{subtitle}</text>',
        *_drawn(bars),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _drawn(bars: Sequence[Bar]) -> Iterator[str]:
    longest = max(bar.value for bar in bars)
    for place, bar in enumerate(bars):
        y = TOP + STEP * place
        width = max((RIGHT - LEFT) * bar.value / longest, 2)
        yield f'<text x="{LEFT - 14}" y="{y + 23}" text-anchor="end">{bar.name}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{THICKNESS}" rx="3" fill="{bar.color}"/>'
        yield f'<text x="{LEFT + width + 10:.0f}" y="{y + 23}" class="value">{bar.text}</text>'
