"""Each file in `tests` has a name of its own, and each test has a short one."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.support.repository import ROOT

FILES = sorted((ROOT / "tests").rglob("*.py"))
SHARED_NAMES = {"__init__.py", "__main__.py", "conftest.py"}
LONGEST_NAME = 80


def test_each_file_name_is_unique() -> None:
    counts = Counter(file.name for file in FILES)
    assert {name for name, count in counts.items() if count > 1} <= SHARED_NAMES


@pytest.mark.parametrize("path", [str(file.relative_to(ROOT)) for file in FILES if file.name.startswith("test_")])
def test_the_names_of_tests_have_at_most_80_characters(path: str) -> None:
    nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    names = [node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert [name for name in names if name.startswith("test_") and len(name) > LONGEST_NAME] == []


def test_the_list_of_files_is_complete() -> None:
    assert {file.name for file in FILES} >= {"conftest.py", "test_tracker.py", "test_soak.py"}
