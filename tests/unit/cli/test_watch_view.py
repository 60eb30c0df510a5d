"""The lines of `azpoll watch`: what they contain, their width and height, and how text of services is shown."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from azpoll.cli.layout import width_of
from azpoll.cli.watch.drawing import Screen, text_of
from azpoll.cli.watch.rendering import lines_of
from azpoll.cli.watch.text_table import Column, table_of
from azpoll.cli.watch.view import (
    BudgetRow,
    GroupRow,
    OperationRow,
    View,
    first_rows,
    shown_group,
    shown_name,
    shown_reason,
    shown_status,
)

if TYPE_CHECKING:
    import pytest

URL = "https://h/subscriptions/s/providers/P/things/t1?sig=secret"


def operation(name: str = "t", **members: object) -> OperationRow:
    known: dict[str, object] = {
        "id": name,
        "name": name,
        "group": None,
        "state": "running",
        "status": "InProgress",
        "percent": None,
        "next_poll_s": 12.0,
        "elapsed_s": 75.0,
        "reason": None,
    }
    return OperationRow(**{**known, **members})  # type: ignore[arg-type]  # - its members


FULL = View(
    {"running": 12_345, "failing": 2, "late": 1, "succeeded": 0, "failed": 3},
    ("9,000 polls answered",),
    (
        GroupRow("deploy-1", 10, 2, 0, {"succeeded": 5, "failed": 3}, 75.0),
        GroupRow(None, 12_335, None, 1, {"succeeded": 0}, None),
    ),
    (
        operation("gone", state="failed", status=None, next_poll_s=None, reason="QuotaExceeded", concern="failed"),
        operation("sick", percent=40.0, reason="HTTP 503", concern="failing"),
        operation("slow", next_poll_s=-30.0, concern="late"),
        operation("fine", next_poll_s=-0.2),
    ),
    12_342,
    (BudgetRow("management.azure.com s", 25.0, 249.6, 31, 0.2, 8.0, 4), BudgetRow("other", None, None, closed_s=7.0)),
)


def drawn(view: View, width: int, height: int | None = None) -> list[str]:
    return [line.text for line in lines_of(view, width, height, str)]


def test_a_wide_terminal_shows_everything() -> None:
    text = "\n".join(drawn(FULL, 120))
    assert text.startswith("12,345 running, 2 failing, 1 late, 3 failed\n9,000 polls answered\n")
    assert re.search(r"GROUP +RUNNING +FAILING +LATE +SUCCEEDED +FAILED +OLDEST\n", text)
    assert re.search(r"deploy-1 +10 +2 +5 +3 +1 min 15 s\n", text)
    assert re.search(r"\(no group\) +12,335 +1\n", text)
    assert re.search(r"STATE +% +NEXT POLL +AGE +NAME +LAST ERROR\n", text)
    assert re.search(r"failed +1 min 15 s +gone +QuotaExceeded\n", text)
    assert re.search(r"InProgress +40 +12 s +1 min 15 s +sick +HTTP 503\n", text)
    assert re.search(r"InProgress +30 s late +1 min 15 s +slow\n", text)
    assert re.search(r"InProgress +now +1 min 15 s +fine\n", text)
    assert "and 12,342 more run\n" in text
    assert re.search(r"SCOPE +READS/S +SAVED +WAITING +LATE P50 +LATE P99 +429S +CLOSED\n", text)
    assert re.search(r"management.azure.com s +25.0 +250 +31 +0.2 s +8.0 s +4\n", text)


def test_a_narrow_terminal_leaves_out_the_least_important_columns() -> None:
    text = "\n".join(drawn(FULL, 34))
    assert re.search(r"STATE +NAME +LAST ERROR\n", text)
    assert re.search(r"failed +gone +QuotaExceeded\n", text)


@given(
    names=st.lists(st.text(max_size=60), max_size=12),
    width=st.integers(20, 130),
    height=st.one_of(st.none(), st.integers(1, 40)),
)
@settings(max_examples=60, deadline=None)
def test_no_line_is_wider_or_lower_than_the_terminal(names: list[str], width: int, height: int | None) -> None:
    """Names may be any text of services and callers."""
    operations = tuple(
        operation(shown_name(name, "id"), status=shown_status(name), reason=shown_reason(name)) for name in names
    )
    groups = tuple(GroupRow(shown_group(name), 1, 1, 1, {"failed": 1}, 1.0) for name in names)
    budgets = tuple(BudgetRow(shown_name(name, "scope"), 25.0, 1.0) for name in names)
    lines = drawn(
        View({"running": 10**9, "failing": 10**9}, tuple(names[:0]), groups, operations, 7, budgets), width, height
    )
    assert max(map(width_of, lines)) <= width
    assert height is None or len(lines) <= height
    assert not {character for line in lines for character in line if unicodedata.category(character)[0] == "C"}


def test_a_low_terminal_counts_what_it_does_not_show() -> None:
    many = tuple(operation(f"t{number}") for number in range(50))
    lines = drawn(View({"running": 1000}, operations=many, others=950), 80, 12)
    assert len(lines) == 12
    rows = [line for line in lines if "InProgress" in line]
    assert lines[-1] == f"and {1000 - len(rows)} more run"


def test_failures_never_hide_what_runs() -> None:
    failures = [operation(f"f{number}", concern="failed") for number in range(20)]
    running = [operation(f"r{number}") for number in range(20)]
    assert [row.name for row in first_rows(failures, running, 4)] == ["f0", "f1", "r0", "r1"]
    assert [row.name for row in first_rows(failures, running[:1], 4)] == ["f0", "f1", "f2", "r0"]
    assert [row.name for row in first_rows(failures[:1], running, 4)] == ["f0", "r0", "r1", "r2"]


def test_text_of_services_is_escaped_and_urls_show_no_query() -> None:
    assert shown_name("a\x1b[2Jb\n", "id") == r"a\x1b[2Jb\n"
    assert shown_status("Mov\u202eing") == r"Mov\u202eing"
    for shown in (shown_name(URL, "id"), shown_name(None, URL), shown_name("/things/t1?sig=secret", "id")):
        assert "t1" in shown
        assert "secret" not in shown
    assert "secret" not in (shown_group(URL) or "")


def test_a_stream_that_cannot_encode_a_name_gets_escapes_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    text = text_of(View({"running": 1}, operations=(operation("größe" * 9),)), stream)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 40


def recording(width: int) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(
        file=stream, force_terminal=True, color_system="standard", width=width, height=20, record=True
    ), stream


def test_a_screen_draws_what_has_changed_with_colors() -> None:
    console, stream = recording(60)
    with Screen(console, stream, whole=True) as screen:
        screen.draw(FULL)
        once = len(stream.getvalue())
        screen.draw(FULL)
        assert len(stream.getvalue()) == once, "the same view is not drawn again"
        screen.draw(replace(FULL, counts={"running": 77}))
        assert "77 running" in stream.getvalue()[once:]
    assert "\x1b[31m" in stream.getvalue(), "failures are red"
    before, _, after = stream.getvalue().partition("\x1b[?1049l")
    assert "\x1b[?1049h" in before, "the table has a screen of its own"
    assert "77 running" in after, "the last table stays"


def test_each_line_of_a_screen_fits_the_terminal_after_it_was_resized() -> None:
    console, stream = recording(60)
    with Screen(console, stream, whole=False) as screen:
        screen.draw(FULL)
        wide = console.export_text()
        console.width = 40
        screen.draw(FULL)
        narrow = console.export_text()
    for text, width in ((wide, 60), (narrow, 40)):
        assert "12,345 running" in text
        assert "sick" in text
        assert max(map(width_of, text.splitlines())) <= width


def test_a_table_cuts_names_at_their_start_and_reasons_at_their_end() -> None:
    columns = (Column("NAME", 2, least=8, cut_start=True), Column("WHY", 1, least=8), Column("EMPTY", 9))
    rows = [["a-long-name-of-number-1", "a long reason of number 1", ""]]
    assert table_of(columns, rows, 26) == ["NAME          WHY", "...-number-1  a long re..."]
    assert table_of(columns, rows, 17) == ["NAME", "...me-of-number-1"]
