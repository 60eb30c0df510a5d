"""docs/guarantees.md promises what README.md does, and each promise and goal has tests that there are."""

from __future__ import annotations

import re

import pytest

from tests.support.named_tests import missing, named_in
from tests.support.repository import ROOT

PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
GUARANTEES = re.findall(r"^\| \*\*.*\|$", PAGE, re.MULTILINE)
GOALS = re.findall(r"^\| R\d+ \|.*\|$", PAGE, re.MULTILINE)
COMMANDS = re.findall(r"^ {4}(\w.*)$|`([\w= ]*python -m [^`]*)`", PAGE, re.MULTILINE)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_five_guarantees_are_those_of_the_readme() -> None:
    names = [cells(row)[0] for row in GUARANTEES]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert names == re.findall(r"^\| (\*\*No .*?\*\*) \|", readme, re.MULTILINE)
    assert len(names) == 5


def test_each_goal_has_a_unique_number() -> None:
    numbers = [int(cells(row)[0][1:]) for row in GOALS]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(1, 20))
    assert numbers


@pytest.mark.parametrize("row", [*GUARANTEES, *GOALS], ids=lambda row: cells(row)[0].strip("*"))
def test_a_row_has_a_promise_and_names_its_tests(row: str) -> None:
    _, promise, proof, *measured = cells(row)
    assert promise
    names = named_in(proof)
    assert names, "nothing proves it"
    assert all("::" in name for name in names), "a file proves nothing, its tests do"
    assert not missing(names)
    assert all(measured), "a goal without a figure or a command is left out"


def test_every_test_that_the_page_names_exists() -> None:
    assert not missing(named_in(PAGE))


@pytest.mark.parametrize("command", [indented or quoted for indented, quoted in COMMANDS])
def test_every_command_names_an_existing_module(command: str) -> None:
    """A folder of tests, or a module of them."""
    module, *arguments = command.partition("python -m ")[2].split()
    places = [word for word in arguments if word.startswith("tests")]
    assert places or module != "pytest"
    assert all((ROOT / place).exists() for place in places)
    assert module == "pytest" or (ROOT / module.replace(".", "/") / "__main__.py").is_file()


def test_the_documented_nightly_profile_is_the_one_that_is_read() -> None:
    assert "AZPOLL_SCALE=nightly python -m pytest -o timeout=0 tests" in PAGE
    assert "AZPOLL_SCALE=nightly python -m pytest -o timeout=0 tests" in (ROOT / "tests/support/scale.py").read_text(
        "utf-8"
    )
