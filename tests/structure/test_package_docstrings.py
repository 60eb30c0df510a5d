"""The docstring of a layer names its modules, and each module that it names exists."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.resources import files

import pytest

LAYERS = ("protocol", "schedule", "tracking", "transport")
ROW = re.compile(r"^ {4}(\w+(?:, \w+)*(?:, \w+\.\.\.)?) {2,}\S", re.MULTILINE)
"""A row of the table: names of modules, and what they are for."""


def named_in(docstring: str) -> list[str]:
    return [name for row in ROW.findall(docstring) for name in row.split(", ")]


def missing(package: str, names: list[str]) -> list[str]:
    """Return the names that are no module of a package; a name with dots at its end is the begin of several."""
    folder = files("azpoll") / package
    modules = {entry.name.removesuffix(".py") for entry in folder.iterdir()}
    return [name for name in names if not any(_is_named(name, module) for module in modules)]


def _is_named(name: str, module: str) -> bool:
    return module.startswith(name.removesuffix("...")) if name.endswith("...") else module == name


@pytest.mark.parametrize("package", LAYERS)
def test_each_module_that_a_layer_names_exists(package: str) -> None:
    names = named_in(import_module(f"azpoll.{package}").__doc__ or "")
    assert len(names) > 10
    assert not missing(package, names)


def test_a_module_that_does_not_exist_is_found() -> None:
    names = named_in("\n    machine, no_such_module, other_...  a table\n")
    assert missing("protocol", names) == ["no_such_module", "other_..."]
