"""Draw `layers.svg` and `transitions.svg` from the code of azpoll: `python docs/make_diagrams.py`.

Each row of a diagram is below the rows from which its arrows come. Arrows that pass a row have a place of their own in
it, and rows are ordered so that few arrows cross.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.machine import CONFIRMING, FETCHING, POLLING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "azpoll"

TYPES = {"errors", "events", "operation_state", "options", "snapshot"}
"""Modules of the public API that tracking imports too."""

NAMES = {"api": "public API: azpoll/*.py", "types": "types of the public API"}
"""Node to its text; that of a folder is its name."""

INITIAL = ("Polling", "Fetching", "Succeeded", "Failed", "Canceled", "Unknown")
TERMINAL = ("Succeeded", "Failed", "Canceled", "Unknown")
START = "initial answer"

BOX, ROW, CHARACTER, PADDING, GAP, PASSAGE = 34, 92, 8.6, 30, 28, 12
"""Pixels: heights of a box and of a row, the width of a character, and the room in and between boxes."""

STYLE = """\
rect.page { fill: #fff } rect.box { fill: #eef3fb; stroke: #4a6fa5 } rect.end { fill: #f4f4f4; stroke: #777 }
text { font: 14px "DejaVu Sans Mono", Consolas, Menlo, monospace; fill: #222; text-anchor: middle }
path { fill: none; stroke: #4a6fa5; stroke-width: 1.4 } #arrow path { fill: #4a6fa5; stroke: none }
"""
_MARKER = 'viewBox="0 0 8 8" refX="3" refY="4" markerWidth="7" markerHeight="7"'


class Diagram(NamedTuple):
    """A graph to draw.

    Attributes:
        title: of the picture, for readers who do not see it.
        rows: node to its row, 0 is at the top.
        texts: node to the text in its box.
        arrows: each from a node to one of a lower row.
        both: those of the arrows that have a head at both ends.
        loops: nodes with an arrow to themselves.
        ends: nodes that no arrow leaves, which are drawn in grey.
    """

    title: str
    rows: dict[str, int]
    texts: dict[str, str]
    arrows: list[tuple[str, str]]
    both: frozenset[tuple[str, str]] = frozenset()
    loops: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()


def node_of(module: str) -> str:
    """Return the node of a module, given as its path below `azpoll` with dots."""
    first, _, rest = module.partition(".")
    if rest or (PACKAGE / first).is_dir():
        return first
    return "types" if first in TYPES else "api"


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of azpoll that are imported with a module, without `azpoll.`: not those for its types alone."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.removeprefix("azpoll.") for name in names if name.startswith("azpoll."))


def imports() -> dict[str, set[str]]:
    """Return each node, and the nodes that it imports. `azpoll/__init__.py` only names, and is left out."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.glob("**/*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if module not in {"__init__", "__main__"}:
            node = node_of(module)
            found.setdefault(node, set()).update({node_of(name) for name in imported(path)} - {node})
    return found


def below(graph: Mapping[str, set[str]], node: str) -> set[str]:
    """Return the nodes that a node imports, itself or through others."""
    return set().union(*({each} | below(graph, each) for each in graph[node]))


def layers() -> Diagram:
    """Return the diagram of the imports between folders, without the arrows that others imply."""
    graph = imports()
    direct = {
        node: {each for each in graph[node] if not any(each in below(graph, other) for other in graph[node])}
        for node in graph
    }
    heights: dict[str, int] = {}
    for node in sorted(graph, key=lambda node: len(below(graph, node))):
        heights[node] = 1 + max((heights[each] for each in graph[node]), default=-1)
    for node in sorted(graph, key=lambda node: -heights[node]):  # close to those that import it
        above = [heights[other] for other in graph if node in direct[other]]
        heights[node] = min(above, default=heights[node] + 1) - 1
    top = max(heights.values())
    return Diagram(
        "Imports between the folders of azpoll, from the command at the top to the protocol at the bottom",
        {node: top - height for node, height in sorted(heights.items())},
        {node: NAMES.get(node, f"azpoll/{node}/") for node in graph},
        [(node, each) for node in sorted(graph) for each in sorted(direct[node])],
    )


def transitions() -> Diagram:
    """Return the diagram of the states of an operation."""
    found = [(START, state) for state in INITIAL]
    for state, table in (("Polling", POLLING), ("Confirming", CONFIRMING), ("Fetching", FETCHING)):
        found += dict.fromkeys((state, each.__name__) for row in table.values() for each in row.to)
    rows = {START: 0, "Polling": 1, "Confirming": 2, "Fetching": 2, **dict.fromkeys(TERMINAL, 3)}
    down = [(one, other) for one, other in found if rows[one] < rows[other]]
    return Diagram(
        "The states of an operation, from its initial answer to its end",
        rows,
        {node: node for node in rows},
        down,
        frozenset((one, other) for one, other in down if (other, one) in found),
        frozenset(one for one, other in found if one == other),
        frozenset(TERMINAL),
    )


class _Layout:
    """Places of the boxes, and of the arrows between them."""

    def __init__(self, diagram: Diagram) -> None:
        self._both = diagram.both
        self._widths = {node: len(text) * CHARACTER + PADDING for node, text in diagram.texts.items()}
        self.paths = {arrow: self._path(diagram.rows, *arrow) for arrow in diagram.arrows}
        rows: dict[int, list[str]] = {}
        for node, row in diagram.rows.items():
            rows.setdefault(row, []).append(node)
        for path in self.paths.values():
            for row, place in enumerate(path[1:-1], diagram.rows[path[0]] + 1):
                rows[row].append(place)
        self.rows = [rows[row] for row in sorted(rows)]
        self._order()
        self.width = max(map(self._length, self.rows)) + 2 * GAP
        self.height = len(self.rows) * ROW
        self.places = {node: (x, y) for y, row in enumerate(self.rows) for node, x in self._spread(row)}
        self._starts, self._ends = self._ports(leaving=True), self._ports(leaving=False)

    def _path(self, rows: Mapping[str, int], start: str, end: str) -> list[str]:
        """Return the two nodes, and a place in each row between them."""
        return [start, *(f"{start}>{end}@{row}" for row in range(rows[start] + 1, rows[end])), end]

    def _order(self) -> None:
        """Order the rows by the mean place of their neighbors, downwards and upwards in turns."""
        near: dict[str, list[str]] = {}
        for path in self.paths.values():
            for one, other in pairwise(path):
                near.setdefault(one, []).append(other)
                near.setdefault(other, []).append(one)
        for turn in range(24):
            rows = self.rows if turn % 2 else self.rows[::-1]
            for fixed, moved in pairwise(rows):
                shares = {node: (place + 0.5) / len(fixed) for place, node in enumerate(fixed)}
                own = {node: (place + 0.5) / len(moved) for place, node in enumerate(moved)}
                means = {}
                for node in moved:
                    found = [shares[each] for each in near.get(node, ()) if each in shares] or [own[node]]
                    means[node] = sum(found) / len(found)
                moved.sort(key=lambda node: (round(means[node], 6), node))

    def _width(self, node: str) -> float:
        return self._widths.get(node, PASSAGE)

    def _length(self, row: list[str]) -> float:
        return sum(map(self._width, row)) + GAP * (len(row) - 1)

    def _spread(self, row: list[str]) -> Iterator[tuple[str, float]]:
        """Yield the middle of each place of a row."""
        gap = (self.width - sum(map(self._width, row))) / (len(row) + 1)
        left = gap
        for node in row:
            yield node, left + self._width(node) / 2
            left += self._width(node) + gap

    def _ports(self, *, leaving: bool) -> dict[tuple[str, str], float]:
        """Return the points at which arrows leave or enter boxes, in the order of their next places."""
        at: dict[str, list[list[str]]] = {}
        for path in self.paths.values():
            at.setdefault(path[0] if leaving else path[-1], []).append(path)
        ports: dict[tuple[str, str], float] = {}
        for node, paths in at.items():
            left, _, width = self.box(node)
            paths.sort(key=lambda path: self.places[path[1 if leaving else -2]][0])
            ports |= {
                (path[0], path[-1]): left + width * place / (len(paths) + 1) for place, path in enumerate(paths, 1)
            }
        return ports

    def box(self, node: str) -> tuple[float, float, float]:
        """Return left, top and width of a box."""
        x, row = self.places[node]
        return x - self._widths[node] / 2, row * ROW + (ROW - BOX) / 2, self._widths[node]

    def curve(self, path: list[str]) -> str:
        """Return the data of a line from the lower edge of a box to the upper edge of another."""
        points = [(x, row * ROW + ROW / 2) for x, row in map(self.places.__getitem__, path)]
        x, y = self._starts[path[0], path[-1]], points[0][1] + BOX / 2
        points[-1] = self._ends[path[0], path[-1]], points[-1][1]
        y += 5 if (path[0], path[-1]) in self._both else 0
        parts = [f"M{x:.0f} {y:.0f}"]
        for number, (to_x, to_y) in enumerate(points[1:], 1):
            end_y = to_y - BOX / 2 - (5 if number == len(points) - 1 else 0)
            middle = (y + end_y) / 2
            parts.append(f"C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {end_y:.0f}")
            x, y = to_x, end_y
            if number < len(points) - 1:
                y = to_y + BOX / 2
                parts.append(f"L{x:.0f} {y:.0f}")
        return " ".join(parts)


def drawn(diagram: Diagram) -> str:
    """Return a diagram as SVG, which needs no script and no font."""
    layout = _Layout(diagram)
    size = f'viewBox="0 0 {layout.width:.0f} {layout.height}" width="{layout.width:.0f}" height="{layout.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{diagram.title}">',
        f"<style>\n{STYLE}</style>",
        f'<marker id="arrow" {_MARKER} orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker>',
        '<rect class="page" width="100%" height="100%" rx="6"/>',
    ]
    for arrow, path in layout.paths.items():
        start = ' marker-start="url(#arrow)"' if arrow in diagram.both else ""
        lines.append(f'<path d="{layout.curve(path)}" marker-end="url(#arrow)"{start}/>')
    for node, text in diagram.texts.items():
        left, top, width = layout.box(node)
        right, middle = left + width, top + BOX / 2
        if node in diagram.loops:
            loop = f"M{right:.0f} {middle - 9:.0f} c26 -12 26 30 5 18"
            lines.append(f'<path d="{loop}" marker-end="url(#arrow)"/>')
        kind = "box end" if node in diagram.ends else "box"
        lines.append(f'<rect class="{kind}" x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{BOX}" rx="5"/>')
        lines.append(f'<text x="{left + width / 2:.0f}" y="{middle + 5:.0f}">{text}</text>')
    return "\n".join([*lines, "</svg>\n"])


def pictures() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {"layers.svg": drawn(layers()), "transitions.svg": drawn(transitions())}


if __name__ == "__main__":
    for name, text in pictures().items():
        (DOCS / name).write_text(text, encoding="utf-8", newline="\n")
