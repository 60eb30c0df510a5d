"""SECURITY.md answers each threat, T1 to T16, with tests that there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from named_tests import ROOT, missing, named_in

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| T\d+ \|.*\|$", PAGE, re.MULTILINE)
THREATS = [f"T{number}" for number in range(1, 17)]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_every_threat_has_one_row() -> None:
    assert [cells(row)[0] for row in ROWS] == THREATS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: cells(row)[0])
def test_a_row_says_what_threatens_what_is_done_and_what_proves_it(row: str) -> None:
    _, threat, answer, proof = cells(row)
    assert threat
    assert answer
    names = named_in(proof)
    assert names, "nothing proves it"
    assert all("::" in name for name in names), "a file proves nothing, its tests do"
    assert not missing(names)


def test_every_test_that_the_page_names_exists() -> None:
    assert not missing(named_in(PAGE))


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("tests/test_it.py", True),
        ("tests/test_it.py::test_plain", True),
        ("tests/test_it.py::test_waits", True),
        ("tests/test_it.py::TestClass::test_method", True),
        ("tests/test_it.py::test_method", False),
        ("tests/test_it.py::helper", False),
        ("tests/test_it.py::test_gone", False),
        ("tests/test_gone.py", False),
    ],
)
def test_a_name_without_a_test_is_found(
    name: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # noqa: FBT001
    """In files and in classes."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(
        "def test_plain(): ...\nasync def test_waits(): ...\ndef helper(): ...\n"
        "class TestClass:\n    def test_method(self): ...\n"
    )
    assert named_in(f"| x | `{name}` |") == [name]
    monkeypatch.setattr("named_tests.ROOT", tmp_path)
    assert (missing([name]) == []) is there
