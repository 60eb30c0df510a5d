"""The tests that a page names as `tests/<file>.py::<test>`, and the names without a test."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_NAMED = re.compile(r"`(tests/[\w/.-]+\.py(?:::\w+)*)`")


def named_in(text: str) -> list[str]:
    """Return the names in a text, in its order."""
    return _NAMED.findall(text)


def missing(names: list[str]) -> list[str]:
    """Return the names that no file or test has."""
    return [name for name in names if not _exists(*name.partition("::")[::2])]


def _exists(file: str, test: str) -> bool:
    path = ROOT / file
    return path.is_file() and (not test or test in _tests_of(path))


@cache
def _tests_of(file: Path) -> frozenset[str]:
    """Return the names of a file's tests, in a class as `TestClass::test_name`."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    methods = {f"{each.name}::{name}" for each in classes for name in _functions(each.body)}
    return frozenset(_functions(body) | methods)


def _functions(body: list[ast.stmt]) -> set[str]:
    functions = [node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {function.name for function in functions if function.name.startswith("test_")}
