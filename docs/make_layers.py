"""Draw the imports between the folders of azpoll into `design.md`: `python docs/make_layers.py`."""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = Path(__file__).with_name("design.md")
PACKAGE = PAGE.parents[1] / "azpoll"
BEGIN, END = "<!-- made by docs/make_layers.py -->\n", "<!-- end -->\n"

TYPES = {"errors", "events", "hints", "options", "snapshot"}
"""Modules of the public API that tracking imports too."""

NAMES = {"api": "public API: azpoll/*.py", "types": "types of the public API"}
"""Node to its text; that of a folder is its name."""


def node_of(module: str) -> str:
    """Return the node of a module, given as its path below `azpoll` with dots."""
    first, _, rest = module.partition(".")
    if rest or (PACKAGE / first).is_dir():
        return first
    return "types" if first in TYPES else "api"


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of azpoll that a module imports, without `azpoll.`, those for its types included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.removeprefix("azpoll.") for name in names if name.startswith("azpoll."))


def edges() -> dict[str, set[str]]:
    """Return each node, and the nodes that it imports. `azpoll/__init__.py` only names, and is left out."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.glob("**/*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if module not in {"__init__", "__main__"}:
            node = node_of(module)
            found.setdefault(node, set()).update({node_of(name) for name in imported(path)} - {node})
    return found


def reaches(graph: Mapping[str, set[str]], start: str, goal: str) -> bool:
    """Whether a node imports another one, itself or through others."""
    seen, waiting = {start}, [start]
    while waiting:
        for node in graph[waiting.pop()] - seen:
            seen.add(node)
            waiting.append(node)
    return goal in seen


def diagram() -> str:
    """Return a Mermaid graph without the arrows that others imply."""
    graph = edges()
    lines = [f'    {node}["{NAMES.get(node, f"azpoll/{node}/")}"]' for node in sorted(graph)]
    for node, below in sorted(graph.items()):
        direct = [each for each in below if not any(reaches(graph, other, each) for other in below - {each})]
        lines += [f"    {node} --> {each}" for each in sorted(direct)]
    return "\n".join(["```mermaid", "graph TD", *lines, "```\n"])


def page(text: str) -> str:
    """Return the text of the page with the present diagram."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{diagram()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
