"""Tables of text that fit a width: the least important columns are left out, and the widest are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.cli.layout import width_of, without_end, without_start

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: its first line.
        importance: columns with the least are left out first.
        is_number: whether its cells are aligned to the right.
        least: columns of the terminal that it keeps when it is cut; None if it is never cut.
        cut_start: whether it loses its start when it is cut, as names do.
    """

    title: str
    importance: int
    is_number: bool = False
    least: int | None = None
    cut_start: bool = False


def table_of(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the title line and a line for each row, none wider than `width`; a column without any text is left out.

    Args:
        columns: of the table.
        rows: with one cell for each column.
        width: columns of the terminal, 1 or more.
    """
    natural = [max(width_of(cell) for cell in (column.title, *cells)) for column, cells in _cells(columns, rows)]
    kept = [place for place, (_, cells) in enumerate(_cells(columns, rows)) if any(cells)]
    while len(kept) > 1 and _least_width(columns, natural, kept) > width:
        kept.remove(min(kept, key=lambda place: columns[place].importance))
    widths = _widths(columns, natural, kept, width)
    lines = [[column.title for column in columns], *rows]
    return [_line([_fitted(columns[place], line[place], widths[place]) for place in kept], width) for line in lines]


def _cells(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[tuple[Column, list[str]]]:
    return [(column, [row[place] for row in rows]) for place, column in enumerate(columns)]


def _least_width(columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int]) -> int:
    least = [
        natural[place] if (shortest := columns[place].least) is None else min(natural[place], shortest)
        for place in kept
    ]
    return sum(least) + len(_GAP) * (len(kept) - 1)


def _widths(columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int], width: int) -> dict[int, int]:
    """Return the width of each column: those that can be cut share what is left, the most important first."""
    widths = {place: natural[place] for place in kept}
    flexible = [place for place in kept if columns[place].least is not None]
    for place in flexible:
        widths[place] = min(natural[place], columns[place].least or 0)
    room = width - sum(widths.values()) - len(_GAP) * (len(kept) - 1)
    while room > 0 and (open_places := [place for place in flexible if widths[place] < natural[place]]):
        share = max(room // len(open_places), 1)
        for place in sorted(open_places, key=lambda place: -columns[place].importance):
            more = min(share, natural[place] - widths[place], room)
            widths[place] += more
            room -= more
    return widths


def _fitted(column: Column, text: str, width: int) -> str:
    text = (without_start if column.cut_start else without_end)(text, width)
    blanks = " " * (width - width_of(text))
    return blanks + text if column.is_number else text + blanks


def _line(cells: Sequence[str], width: int) -> str:
    return without_end(_GAP.join(cells).rstrip(), width)
