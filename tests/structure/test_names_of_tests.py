"""Each file in `tests` has a name of its own, and each test has a short one."""

from __future__ import annotations

import re
from collections import Counter

from tests.support.repository import ROOT

FILES = sorted((ROOT / "tests").rglob("*.py"))
SHARED_NAMES = {"__init__.py", "__main__.py", "conftest.py"}
DEFINED = re.compile(r"\bdef (test_\w+)")
LONGEST_NAME = 80


def test_each_file_name_is_unique() -> None:
    counts = Counter(file.name for file in FILES)
    assert {name for name, count in counts.items() if count > 1} <= SHARED_NAMES


def test_each_test_name_has_at_most_80_characters() -> None:
    names = {name for file in FILES for name in DEFINED.findall(file.read_text(encoding="utf-8"))}
    assert "test_each_test_name_has_at_most_80_characters" in names
    assert {name for name in names if len(name) > LONGEST_NAME} == set()


def test_the_list_of_files_is_complete() -> None:
    assert {file.name for file in FILES} >= {"conftest.py", "test_tracker.py", "test_soak.py"}
