"""The modules that programs may import: README.md names them, and each can be imported by itself."""

from __future__ import annotations

import ast
import re
from importlib import import_module

import pytest

from tests.support.repository import ROOT

PUBLIC = (
    "azpoll",
    "azpoll.identity",
    "azpoll.arm",
    "azpoll.testing",
    "azpoll.hints",
    "azpoll.fast",
    "azpoll.journal",
    "azpoll.report",
    "azpoll.telemetry",
    "azpoll.fleet",
)


def test_readme_names_the_public_modules() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Public modules")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"`(azpoll[\w.]*)`", section)) == PUBLIC


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_has_a_docstring_and_can_be_imported(module: str) -> None:
    assert import_module(module).__doc__


PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md") if path.name != "design.md")


@pytest.mark.parametrize("page", PAGES)
def test_examples_import_public_modules_only(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        imports = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import | ast.ImportFrom)]
        named = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
        named |= {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
        assert {name for name in named if name and name.partition(".")[0] == "azpoll"} <= set(PUBLIC)
