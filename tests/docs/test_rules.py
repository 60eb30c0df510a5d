"""docs/rules.md holds every rule that code, tests and pages cite, and each rule has a test named after it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
PAGE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")

_HEADING = re.compile(r"^### Rule (\d+)$", re.MULTILINE)
_STATEMENT = re.compile(r"^### Rule \d+\n\n\*\*\S", re.MULTILINE)

# From "rule 17" to "rules 9, 24 and 34 to 38". A citation may be broken over lines, also in a comment.
_GAP = r"(?:[^\S\n]*\n[^\S\n]*(?:#[^\S\n]*)?|[^\S\n]+)"
_RANGE = rf"\d+(?:-\d+|{_GAP}to{_GAP}\d+)?"
_CITATION = re.compile(
    rf"\brules?{_GAP}({_RANGE}(?:(?:,{_GAP}|{_GAP})(?:and{_GAP}|or{_GAP})?{_RANGE}\b)*)", re.IGNORECASE
)
_TABLE = re.compile(r"^\|.*\| rules \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
_TEST = re.compile(r"^[ \t]*(?:async )?def test_rules?_(\d+(?:_(?:and|to)_\d+)*)_", re.MULTILINE)


def numbers_in(text: str) -> Iterator[int]:
    """Yield the numbers of a list such as `14-17, 20 and 23 to 25`, ranges written out."""
    for first, last in re.findall(rf"(\d+)(?:(?:-|{_GAP}to{_GAP}|_to_)(\d+))?", text):
        yield from range(int(first), int(last or first) + 1)


def rules_on(page: str) -> list[int]:
    """Return the numbers of the rules on the page, in its order."""
    return [int(number) for number in _HEADING.findall(page)]


def cited_in(text: str) -> set[int]:
    """Return the rules that a text cites: in prose, in names of tests, and in the column `rules` of a table."""
    lists = [*_CITATION.findall(text), *_TEST.findall(text)]
    lists += [row.rpartition("|")[0].rpartition("|")[2] for rows in _TABLE.findall(text) for row in rows.splitlines()]
    return {number for each in lists for number in numbers_in(each)}


def rules_proven_in(text: str) -> set[int]:
    """Return the rules that the tests in a text are named after."""
    return {number for each in _TEST.findall(text) for number in numbers_in(each)}


def unknown_in(texts: Iterable[tuple[str, str]], page: str) -> dict[str, list[int]]:
    """Return name to cited rules that are not on the page, of those texts that cite such a rule."""
    rules = set(rules_on(page))
    return {name: sorted(unknown) for name, text in texts if (unknown := cited_in(text) - rules)}


def untested(texts: Iterable[tuple[str, str]], page: str) -> list[int]:
    """Return the rules on the page that no test is named after."""
    tested = {number for _, text in texts for number in rules_proven_in(text)}
    return [number for number in rules_on(page) if number not in tested]


def texts_of(*patterns: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of the project's files that match a pattern."""
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_rules_are_numbered_in_order() -> None:
    """Each number stands once."""
    numbers = rules_on(PAGE)
    assert numbers == sorted(set(numbers))
    assert numbers


def test_each_rule_begins_with_a_statement() -> None:
    """One bold sentence says what holds."""
    assert len(_STATEMENT.findall(PAGE)) == len(rules_on(PAGE))


def test_every_cited_rule_is_on_the_page() -> None:
    """A number in code, tests or pages can be looked up."""
    assert not unknown_in(texts_of("azpoll/**/*.py", "tests/**/*.py", "docs/*.md", "README.md"), PAGE)


def test_every_rule_has_a_test_named_after_it() -> None:
    """A rule without one is a promise without a proof."""
    assert not untested(texts_of("tests/**/test_*.py"), PAGE)


# The check itself


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("(rule 17)", [17]),
        ("Rule 9 at every entry", [9]),
        ("rules 14-17, 23", [14, 15, 16, 17, 23]),
        ("Rules 1, 17 and 45: headers", [1, 17, 45]),
        ("rules 9, 24, 29 and 34 to 38", [9, 24, 29, 34, 35, 36, 37, 38]),
        ("rule 25 for ten tries and 10 minutes", [25]),
        ("rule 17 and threat T10", [17]),
        ("the URLs (rules 8,\n    9)", [8, 9]),
        ("# the rules 8\n# and 9", [8, 9]),
        ("async def test_rule_11_at_most_3_redirects_are_followed", [11]),
        ("def test_rules_19_and_20_a_location_runs", [19, 20]),
        ("def test_rule_6_202_without_a_header", [6]),
        ("| x | rules |\n|---|---|\n| 404, 410 | 18, 27-28 |\n", [18, 27, 28]),
        ("the rules, 17 of them; 3 rules; ruler 4", []),
    ],
)
def test_citations_are_found_in_every_form(text: str, rules: list[int]) -> None:
    """In prose, in names of tests and in tables."""
    assert sorted(cited_in(text)) == rules


SHORT_PAGE = "### Rule 1\n\n**One**.\n\n### Rule 2\n\n**Two**.\n"


@pytest.mark.parametrize("text", ["(rule 3)", "rules 1 to 3", "def test_rule_3_holds(): ...", "# rules 1\n# and 3"])
def test_a_cited_rule_that_is_not_on_the_page_is_found(text: str) -> None:
    """With the name of the file that cites it."""
    assert unknown_in([("good.py", "rules 1 and 2"), ("bad.py", text)], SHORT_PAGE) == {"bad.py": [3]}


@pytest.mark.parametrize(
    "tests", ["def test_rule_1_holds(): ...", "# def test_rule_2_holds():\ndef test_rules_1_to_1_x():"]
)
def test_a_rule_without_a_test_is_found(tests: str) -> None:
    """A comment is no test."""
    assert untested([("test_it.py", tests)], SHORT_PAGE) == [2]
