"""The rooms of docs/design.md and the page of style, held by reading the source of the package.

`test_imports.py` holds that imports run inwards. This holds what else makes a room: what of the world it may know at
all, so that the protocol has no I/O, no clock and no chance in it; and how long a module or a function may become.
"""

from __future__ import annotations

import ast
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

MOST_MODULE_LINES = 299
MOST_FUNCTION_LINES = 39

VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

DATA = {
    *("__future__", "collections", "contextlib", "dataclasses", "enum", "functools", "heapq", "itertools", "math"),
    *("re", "sys", "types", "typing", "datetime", "unicodedata", "urllib.parse"),
}
"""Of the standard library: what makes values of values; a call of `datetime.now` is seen as a call."""

CODECS = {"base64", "binascii", "codecs", "hashlib", "hmac", "json", "xml.etree", "zlib"}

LOOP = {"anyio", "anyio.abc", "anyio.lowlevel", "asyncio", "sniffio", "time"}

KNOWN: dict[str, set[str]] = {
    "protocol": (DATA | CODECS | {"gc"}) - {"contextlib", "zlib"},
    "schedule": DATA | {"anyio", "anyio.abc"},
    "transport": DATA | CODECS | LOOP | {"os", "ssl", "traceback", "uuid", "weakref"},
    "face": DATA | LOOP | {"logging", "random", "threading"},
}
"""What each room may import from outside of azpoll. To add a name here is to decide on design."""

OF_TRANSPORT = {"azpoll.eventloop.wakeup", "azpoll.eventloop.clock"}
"""What `schedule` may import of the transport when it runs: whose turn it is says the clock of the event loop."""

CLOCKS = {"now", "utcnow", "today", "current_time", "monotonic", "perf_counter", "time_ns"}
READS = {"open", "print", "input"}
RUNS = {"eval", "exec", "compile", "__import__"}
REVIVES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml", "copyreg"}


def sources(folder: Traversable, name: str = "azpoll") -> Iterator[tuple[str, str]]:
    """Yield dotted name and text of each module, wherever the package is installed."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from sources(entry, f"{name}.{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{name}.{entry.name.removesuffix('.py')}", entry.read_text(encoding="utf-8")


SOURCES = dict(sources(files("azpoll")))
TREES = {module: ast.parse(text) for module, text in SOURCES.items()}


def room_of(module: str) -> str | None:
    """Return the room of a module; None for the extras, which stand outside."""
    _, first, *deeper = module.split(".")
    if not deeper:
        return None if first in {"fast", "__main__"} else "face"
    return first if first in KNOWN else None


def of_room(*rooms: str) -> pytest.MarkDecorator:
    """Run a test for each module of some rooms."""
    modules = [module for module in SOURCES if room_of(module) in rooms]
    return pytest.mark.parametrize("module", modules)


def imports(tree: ast.AST) -> set[str]:
    """Return the modules that are imported when the module runs; those for type checking alone do nothing."""
    found: set[str] = set()
    for node in _running(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found


def _running(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from _running(child)


def strangers(tree: ast.AST, room: str) -> set[str]:
    """Return the imports from outside of azpoll that a room must not know."""
    foreign = {name for name in imports(tree) if name.partition(".")[0] != "azpoll"}
    return {name for name in foreign if name not in KNOWN[room] and name.rpartition(".")[0] not in KNOWN[room]}


def called(tree: ast.AST, names: set[str]) -> set[str]:
    """Return which of some names are called, be it as a function or as a method."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    plain = {function.id for function in functions if isinstance(function, ast.Name)}
    methods = {function.attr for function in functions if isinstance(function, ast.Attribute)}
    return (plain | (methods & CLOCKS)) & names


def waits(tree: ast.AST) -> set[str]:
    """Return where a module waits: its asynchronous functions."""
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}


def long_functions(tree: ast.AST) -> dict[str, int]:
    """Return the functions that are too long, and their lines."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lines = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions}
    return {name: count for name, count in lines.items() if count > MOST_FUNCTION_LINES}


def revived(tree: ast.AST) -> set[str]:
    """Return what could turn data into code: what unpickles, and what evaluates."""
    every = {name.partition(".")[0] for node in ast.walk(tree) for name in _named(node)}
    return (every & REVIVES) | called(tree, RUNS)


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_every_room_has_modules() -> None:
    """What follows would hold of an empty room too."""
    assert {room_of(module) for module in SOURCES} == {*KNOWN, None}
    assert len(SOURCES) > 50


@of_room(*KNOWN)
def test_a_room_knows_of_the_world_what_it_needs_and_no_more(module: str) -> None:
    """No room opens a socket or imports an HTTP library: the caller's client brings its own."""
    assert not strangers(TREES[module], room_of(module) or "")


@of_room("protocol")
def test_the_protocol_asks_no_clock_reads_no_file_and_waits_for_nothing(module: str) -> None:
    """All it knows of time is `Answer.at_s`; so a test of it is a row."""
    assert not called(TREES[module], CLOCKS | READS)
    assert not waits(TREES[module])


@of_room("schedule")
def test_the_schedule_sends_nothing_itself(module: str) -> None:
    """It is given `ask` and `post`; of the transport it knows the clock of the event loop alone."""
    used = {name for name in imports(TREES[module]) if name.startswith("azpoll.transport")}
    assert used <= OF_TRANSPORT
    assert not called(TREES[module], CLOCKS | READS)


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_runs_or_revives_data(module: str) -> None:
    """A token or an answer is read, never executed (threat T6); CVE-2026-21226 of azure-core was a pickle."""
    assert not revived(TREES[module])


@pytest.mark.parametrize("module", SOURCES)
def test_modules_and_functions_are_short_and_named_after_what_they_are(module: str) -> None:
    """One concept each."""
    assert len(SOURCES[module].splitlines()) <= MOST_MODULE_LINES
    assert not long_functions(TREES[module])
    assert not VAGUE & {part.strip("_") for part in module.split(".")}
    assert ast.get_docstring(TREES[module]), "its first line says what it is"


@pytest.mark.parametrize(
    ("breach", "found"),
    [
        ("import time", {"time"}),
        ("import random", {"random"}),
        ("import logging", {"logging"}),
        ("from anyio import sleep", {"anyio"}),
        ("import httpx", {"httpx"}),
        ("import urllib.request", {"urllib.request"}),
        ("from azpoll.protocol.answer import Answer\nimport socket", {"socket"}),
        ("def read():\n    import asyncio", {"asyncio"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import httpx", set[str]()),
        ("from xml.etree import ElementTree", set[str]()),
    ],
)
def test_a_stranger_in_the_protocol_is_found(breach: str, found: set[str]) -> None:
    """Wherever it is imported, unless only the type checker sees it."""
    assert strangers(ast.parse(breach), "protocol") == found


@pytest.mark.parametrize("breach", ["datetime.now(UTC)", "date.today()", "print(1)", "open('x')"])
def test_a_clock_and_a_file_are_found(breach: str) -> None:
    """Also where the import alone tells nothing."""
    assert called(ast.parse(breach), CLOCKS | READS)


@pytest.mark.parametrize(
    "breach", ["import pickle", "from yaml import load", "eval('1')", "exec(x)", "__import__('x')"]
)
def test_what_runs_data_is_found(breach: str) -> None:
    """And `re.compile` is not."""
    assert revived(ast.parse(breach))
    assert not revived(ast.parse("re.compile('x')"))


def test_what_is_too_long_or_waits_is_found() -> None:
    """A function counts with its docstring."""
    body = "\n".join("    pass" for _ in range(MOST_FUNCTION_LINES))
    tree = ast.parse(f"async def long():\n{body}\ndef short():\n    pass")
    assert long_functions(tree) == {"long": MOST_FUNCTION_LINES + 1}
    assert waits(tree) == {"long"}
