"""docs/SECURITY.md answers each threat with tests that there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.named_tests import missing, named_in
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| T\d+ \|.*\|$", PAGE, re.MULTILINE)
THREATS = [f"T{number}" for number in range(1, 40)]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_every_threat_has_one_row() -> None:
    assert [cells(row)[0] for row in ROWS] == THREATS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: cells(row)[0])
def test_a_row_names_a_threat_a_defence_and_tests(row: str) -> None:
    _, threat, answer, proof = cells(row)
    assert threat
    assert answer
    names = named_in(proof)
    assert names, "nothing proves it"
    assert all("::" in name for name in names), "a file proves nothing, its tests do"
    assert not missing(names)


def test_every_test_that_the_page_names_exists() -> None:
    assert not missing(named_in(PAGE))


TESTS = """
def test_plain(): ...
async def test_waits(): ...
def helper(): ...
class TestClass:
    def test_method(self): ...
"""


@pytest.fixture
def _a_project_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(TESTS)
    monkeypatch.setattr("tests.support.named_tests.ROOT", tmp_path)


@pytest.mark.usefixtures("_a_project_of_one_file")
@pytest.mark.parametrize("test", ["", "::test_plain", "::test_waits", "::TestClass::test_method"])
def test_an_existing_test_is_found(test: str) -> None:
    """In files and in classes."""
    name = f"tests/test_it.py{test}"
    assert named_in(f"| x | `{name}`, |") == [name]
    assert not missing([name])


@pytest.mark.usefixtures("_a_project_of_one_file")
@pytest.mark.parametrize("test", ["it.py::test_method", "it.py::helper", "it.py::test_gone", "gone.py"])
def test_a_missing_test_is_reported(test: str) -> None:
    name = f"tests/test_{test}"
    assert missing(named_in(f"`{name}`")) == [name]
