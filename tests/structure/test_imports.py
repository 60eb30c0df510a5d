"""Imports run one way: extras -> face -> schedule -> transport -> protocol (docs/design.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import azpoll

PACKAGE = Path(azpoll.__file__).parent
ROOMS = ("protocol", "transport", "schedule", "face")
"""From the innermost outwards; each may import those before it."""

EXTRAS = ("cli", "fast", "testing")
PURE = {"httpx", "httpx2", "anyio", "asyncio", "time", "random", "logging", "trio", "threading", "socket", "sniffio"}


def room_of(module: str) -> str:
    """Return the room of a module of azpoll, by its dotted name."""
    first = [*module.split("."), ""][1].replace("__main__", "cli")
    return first if first in (*ROOMS, *EXTRAS) else "face"


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Return the dotted names of all modules that a file imports anywhere, for type checking too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            assert node.module is not None
            found.add(node.module)
            if node.module in {"azpoll", "azpoll.protocol", "azpoll.schedule", "azpoll.transport"}:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = {module_of(path): imports_of(path) for path in sorted(PACKAGE.rglob("*.py"))}


def test_there_is_something_in_each_room() -> None:
    assert {room_of(module) for module in MODULES} >= set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_each_room_imports_inwards_alone(module: str) -> None:
    room = room_of(module)
    of_azpoll = {name for name in MODULES[module] if name.partition(".")[0] == "azpoll"} - {"azpoll"}
    used = {room_of(name) for name in of_azpoll}
    if room in ROOMS:
        allowed = set(ROOMS[: ROOMS.index(room) + 1])
        assert used <= allowed, f"{module} imports {sorted(used - allowed)}"
    else:
        assert used <= {*ROOMS, room, "testing"}, f"{module} imports another extra"


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) == "protocol"])
def test_the_protocol_knows_no_io_no_clock_and_no_randomness(module: str) -> None:
    assert not {name.partition(".")[0] for name in MODULES[module]} & PURE


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) in ROOMS])
def test_no_http_library_is_imported_outside_of_the_extras(module: str) -> None:
    """The client's own library is found through the client."""
    assert not {name.partition(".")[0] for name in MODULES[module]} & {"httpx", "httpx2", "httpcore", "rich", "trio"}


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    script = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603 - its own
    return set(done.stdout.split())


def test_importing_azpoll_imports_nothing_that_is_not_needed() -> None:
    loaded = loaded_by("import azpoll")
    assert not {name.partition(".")[0] for name in loaded} & {"rich", "trio", "httpx", "httpx2", "pytest", "hypothesis"}
    assert not {name for name in loaded if name.startswith(("azpoll.testing", "azpoll.cli", "anyio.lowlevel"))}


def test_importing_the_pytest_plugin_imports_neither_the_kit_nor_an_http_library() -> None:
    """Pytest imports it in every run of every project that has azpoll installed."""
    loaded = loaded_by("import azpoll.testing.plugin")
    assert not {name.partition(".")[0] for name in loaded} & {"rich", "httpx", "httpx2"}
