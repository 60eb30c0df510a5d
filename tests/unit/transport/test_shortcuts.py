"""Private members of other libraries are used in `transport/shortcuts` alone, each for a gain or a protection."""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}


def modules(folder: Traversable) -> dict[str, ast.Module]:
    """Return file name to syntax tree of the modules of a package, without its subpackages."""
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".py")]
    return {entry.name: ast.parse(entry.read_text(encoding="utf-8")) for entry in found}


def private_uses(tree: ast.AST) -> set[str]:
    """Return the private names that are looked up in anything but `self` and `cls`; `_replace` is no such name."""
    return {name for node in ast.walk(tree) for name in names_in(node) if re.fullmatch(r"_(?!_|replace$).*", name)}


def names_in(node: ast.AST) -> list[str]:
    """Return the names of the attributes that a node looks up."""
    if isinstance(node, ast.Attribute):
        is_own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        return [] if is_own else [node.attr]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BY_NAME:
        return [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return []


AZPOLL = files("azpoll")
TRANSPORT = {
    f"{package}/{name}": tree for package in ("transport", "fast") for name, tree in modules(AZPOLL / package).items()
}
PRIVATE = modules(AZPOLL / "transport" / "shortcuts")
del PRIVATE["__init__.py"]
PROTECTIONS = ("redirect_request.py", "shared_reads.py", "unfinished_connection.py", "unread_bytes.py")
"""Modules that do what no public name offers. They save nothing."""


@pytest.mark.parametrize("module", TRANSPORT)
def test_no_private_member_is_used_outside_of_the_shortcuts(module: str) -> None:
    assert not private_uses(TRANSPORT[module])


@pytest.mark.parametrize("module", [name for name in PRIVATE if name not in PROTECTIONS])
def test_a_shortcut_names_its_gain_of_at_least_ten_percent(module: str) -> None:
    docstring = ast.get_docstring(PRIVATE[module]) or ""
    gain = re.search(r"^Gain: ((?:.+\n?)+)", docstring, re.MULTILINE)
    assert gain, "the module docstring has a paragraph that begins with `Gain: `"
    percentages = [int(found) for found in re.findall(r"(\d+) %", gain[1])]
    assert percentages
    assert min(percentages) >= 10


@pytest.mark.parametrize("module", PROTECTIONS)
def test_a_protection_names_its_cost_of_less_than_one_percent(module: str) -> None:
    docstring = ast.get_docstring(PRIVATE[module]) or ""
    cost = re.search(r"^Cost: .* (\d+\.\d) % of a poll", docstring, re.MULTILINE)
    assert cost, "the module docstring has a paragraph that begins with `Cost: `"
    assert float(cost[1]) < 1


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("url._uri_reference", {"_uri_reference"}),
        ("self._client._transport", {"_transport"}),
        ("getattr(client, '_pool', None)", {"_pool"}),
        ("self._client, cls._kept, response.headers, named_tuple._replace", set[str]()),
        ("type(step).__name__, step.__globals__", set[str]()),
        ("getattr(transport, 'get_directly')", set[str]()),
    ],
)
def test_a_private_use_is_found(code: str, found: set[str]) -> None:
    assert private_uses(ast.parse(code)) == found
