"""The files that the documentation names exist."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT

PAGES = ("README.md", "docs/design.md", "docs/contributing.md", "docs/guarantees.md", "docs/rules.md")
FOLDERS = ("", "azpoll/")
"""Paths are relative to the repository or to the package."""

PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.py)`")


def missing(text: str) -> list[str]:
    """Return the paths in backticks that do not exist."""
    named = [path for path in PATH.findall(text) if "<" not in path]
    return [path for path in named if not any((ROOT / folder / path).exists() for folder in FOLDERS)]


@pytest.mark.parametrize("page", PAGES)
def test_each_path_that_a_page_names_exists(page: str) -> None:
    assert not missing((ROOT / page).read_text(encoding="utf-8"))


def test_a_missing_path_is_found() -> None:
    assert missing("see `protocol/no_such_file.py`, `azpoll/tracker.py` and `cli/`") == ["protocol/no_such_file.py"]
