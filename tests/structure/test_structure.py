"""The structure that docs/design.md describes, checked by reading the source of the package.

Each layer imports only the layers below it. There is no import cycle. A layer uses only the parts of the standard
library and of third-party packages that its job needs, so `protocol` has no I/O, no clock and no randomness.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable

LONGEST_MODULE, LONGEST_FUNCTION = 300, 40
"""Lines."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

TYPES = {"errors", "events", "hints", "operation_state", "options", "snapshot"}
"""Public modules that hold types only; `tracking` may import them."""

FEATURES = {"azure_core", "cli", "fast", "fleet", "identity", "journal", "report", "telemetry", "testing", "watching"}

BELOW: dict[str, set[str]] = {
    "protocol": set(),
    "eventloop": set(),
    "schedule": {"protocol", "eventloop"},
    "transport": {"protocol", "eventloop"},
    "types": {"protocol", "eventloop", "schedule", "transport"},
    "tracking": {"protocol", "eventloop", "schedule", "transport", "types"},
    "api": {"protocol", "eventloop", "schedule", "transport", "types", "tracking"},
}
"""Each layer, and the layers that it may import."""

DATA = {
    *("__future__", "collections", "contextlib", "dataclasses", "enum", "functools", "heapq", "itertools", "math"),
    *("re", "sys", "types", "typing", "datetime", "unicodedata", "urllib.parse"),
}
CODECS = {"base64", "binascii", "codecs", "hashlib", "hmac", "json", "xml.etree", "zlib"}
LOOP = {"anyio", "anyio.abc", "anyio.lowlevel", "asyncio", "sniffio", "time", "weakref"}

OUTSIDE: dict[str, set[str]] = {
    "protocol": (DATA | CODECS) - {"contextlib", "zlib"},
    "eventloop": DATA | LOOP | {"contextvars", "trio.lowlevel"},  # imported under trio alone
    "schedule": DATA
    | {"anyio", "anyio.abc", "bisect", "contextvars", "importlib.resources", "json"},  # the last two: package data
    "transport": DATA | CODECS | LOOP | {"abc", "errno", "os", "socket", "ssl", "time", "traceback", "uuid"},
    "types": DATA | {"anyio", "hmac", "logging"},
    "tracking": DATA | LOOP | {"base64", "json", "logging", "os", "random", "threading"},
    "api": DATA
    | LOOP
    | {"abc", "html", "importlib", "logging", "random", "warnings"}
    | {"csv", "io", "json", "os", "pathlib"},  # for reports
}
"""Modules from outside of azpoll that each layer may import. Adding a name here is a design decision."""

CLOCKS = {"now", "utcnow", "today", "current_time", "monotonic", "perf_counter", "time_ns"}
FILES = {"open", "print", "input"}
EVALUATION = {"eval", "exec", "compile", "__import__"}
DESERIALIZERS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml", "copyreg"}


def sources(folder: Traversable, name: str = "azpoll") -> Iterator[tuple[str, str]]:
    """Yield the dotted name and the text of each module, wherever the package is installed."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from sources(entry, f"{name}.{entry.name}")
        elif entry.name.endswith(".py"):
            module = name if entry.name == "__init__.py" else f"{name}.{entry.name.removesuffix('.py')}"
            yield module, entry.read_text(encoding="utf-8")


SOURCES = dict(sources(files("azpoll")))


@cache
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(SOURCES[module])


def layer_of(module: str) -> str:
    """Return the layer of a module by its dotted name, or the name of its feature."""
    first = [*module.split("."), ""][1]
    if first == "__main__":
        return "cli"
    if first in TYPES:
        return "types"
    return first if first in BELOW or first in FEATURES else "api"


def in_layer(*layers: str) -> pytest.MarkDecorator:
    """Run a test for each module of some layers."""
    return pytest.mark.parametrize("module", [module for module in SOURCES if layer_of(module) in layers])


def imports(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the dotted names of the imported modules."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            members = {f"{node.module}.{alias.name}" for alias in node.names} & SOURCES.keys()
            found |= members or {node.module}
    return found


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree that are executed; imports for type checkers are not."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from executed(child)


@cache
def imported_by(module: str) -> set[str]:
    """Return all imports of a module, including those for type checkers alone."""
    return imports(ast.walk(tree_of(module)))


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components that have more than one module (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph.get(module, set()) & graph.keys()):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            start = stack.index(module)
            component = stack[start:]
            del stack[start:]
            if len(component) > 1:
                found.append(sorted(component))

    for module in graph:
        if module not in index:
            visit(module)
    return found


def foreign(tree: ast.AST, layer: str) -> set[str]:
    """Return the executed imports from outside of azpoll that a layer must not make."""
    outside = {name for name in imports(executed(tree)) if name.partition(".")[0] != "azpoll"}
    return {name for name in outside if name not in OUTSIDE[layer] and name.rpartition(".")[0] not in OUTSIDE[layer]}


def called(tree: ast.AST, names: set[str]) -> set[str]:
    """Return the functions that are called; of methods, only clocks count."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    plain = {function.id for function in functions if isinstance(function, ast.Name)}
    methods = {function.attr for function in functions if isinstance(function, ast.Attribute)}
    return (plain | (methods & CLOCKS)) & names


def coroutines(tree: ast.AST) -> set[str]:
    """Return the names of the asynchronous functions."""
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}


def long_functions(tree: ast.AST) -> dict[str, int]:
    """Return name and length of each function that is too long."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lines = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions}
    return {name: count for name, count in lines.items() if count >= LONGEST_FUNCTION}


def code_from_data(tree: ast.AST) -> set[str]:
    """Return the imported deserializers and the called evaluators, which could turn data into code."""
    roots = {name.partition(".")[0] for name in imports(ast.walk(tree))}
    return (roots & DESERIALIZERS) | called(tree, EVALUATION)


def test_each_layer_has_modules() -> None:
    assert {layer_of(module) for module in SOURCES} == BELOW.keys() | FEATURES


@in_layer(*BELOW)
def test_a_layer_imports_only_the_layers_below_it(module: str) -> None:
    layer = layer_of(module)
    used = {layer_of(name) for name in imported_by(module) if name.partition(".")[0] == "azpoll"}
    lazy = {"azure_core", "journal", "watching"} if module == "azpoll" else set[str]()  # at the first use of its names
    assert used <= BELOW[layer] | {layer} | lazy


def test_there_is_no_import_cycle() -> None:
    assert not cycles({module: imported_by(module) for module in SOURCES if module != "azpoll"})


@in_layer(*BELOW)
def test_a_layer_imports_from_outside_only_what_it_needs(module: str) -> None:
    assert not foreign(tree_of(module), layer_of(module))


@in_layer("protocol")
def test_the_protocol_has_no_clock_no_file_and_no_coroutine(module: str) -> None:
    assert not called(tree_of(module), CLOCKS | FILES)
    assert not coroutines(tree_of(module))


@in_layer("schedule")
def test_the_schedule_does_no_io_itself(module: str) -> None:
    assert not called(tree_of(module), CLOCKS | FILES)


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_turns_data_into_code(module: str) -> None:
    """Threat T6; CVE-2026-21226 of azure-core was a pickle."""
    assert not code_from_data(tree_of(module))


@pytest.mark.parametrize("module", SOURCES)
def test_modules_and_functions_are_short_and_documented(module: str) -> None:
    assert len(SOURCES[module].splitlines()) <= LONGEST_MODULE
    assert not long_functions(tree_of(module))
    assert not VAGUE & {part.strip("_") for part in module.split(".")}
    assert ast.get_docstring(tree_of(module))


OPTIONAL = {
    *("rich", "trio", "httpx", "httpx2", "pytest", "hypothesis"),
    *("azure", "opentelemetry", "sqlalchemy", "pgqueuer"),
}
"""Packages that not every user of azpoll has, or that take long to import."""


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    script = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603 - its own
    return set(done.stdout.split())


def test_importing_azpoll_loads_no_optional_package() -> None:
    loaded = loaded_by("import azpoll")
    assert not {name.partition(".")[0] for name in loaded} & OPTIONAL
    assert "sqlite3" not in loaded
    features = tuple(f"azpoll.{feature}" for feature in FEATURES)
    assert not {name for name in loaded if name.startswith((*features, "anyio.lowlevel"))}


def test_each_public_name_can_be_used_without_an_optional_package() -> None:
    """`from azpoll import *` works without azure-core: the functions that need it import it when they are called."""
    loaded = loaded_by("from azpoll import *; import azpoll.telemetry; azpoll.as_poller; azpoll.polling")
    assert not {name.partition(".")[0] for name in loaded} & OPTIONAL


def test_importing_azpoll_loads_no_credential() -> None:
    """Nor do `azpoll.identity` and the calls of `azpoll.arm` load azure-identity, azure-core or an HTTP library."""
    loaded = loaded_by("import azpoll")
    assert not {name for name in loaded if name.startswith(("azpoll.identity", "azpoll.arm", "azpoll.clouds"))}
    loaded = loaded_by("import azpoll; azpoll.identity.auth, azpoll.arm.create")
    assert {"azpoll.identity", "azpoll.arm"} <= loaded
    assert not {name.partition(".")[0] for name in loaded} & {"azure", "msal", "aiohttp", "requests", "httpx", "httpx2"}


def test_importing_the_pytest_plugin_loads_no_http_library() -> None:
    """Pytest imports the plugin in every run of every project that has azpoll installed."""
    loaded = loaded_by("import azpoll.testing.plugin")
    assert not {name.partition(".")[0] for name in loaded} & {"rich", "httpx", "httpx2"}


def test_the_recorded_durations_are_read_at_their_first_use() -> None:
    """Only then is the module imported that finds package data."""
    program = "import azpoll; durations = azpoll.Durations()"
    assert "importlib.resources" not in loaded_by(program)
    assert "importlib.resources" in loaded_by(f"{program}; durations.of('PUT', 'https://x.example/')")


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert not cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


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
def test_a_forbidden_import_is_found(breach: str, found: set[str]) -> None:
    assert foreign(ast.parse(breach), "protocol") == found


@pytest.mark.parametrize("breach", ["datetime.now(UTC)", "date.today()", "print(1)", "open('x')"])
def test_a_clock_and_a_file_are_found(breach: str) -> None:
    assert called(ast.parse(breach), CLOCKS | FILES)


@pytest.mark.parametrize(
    "breach", ["import pickle", "from yaml import load", "eval('1')", "exec(x)", "__import__('x')"]
)
def test_code_from_data_is_found(breach: str) -> None:
    assert code_from_data(ast.parse(breach))
    assert not code_from_data(ast.parse("re.compile('x')"))


def test_a_long_function_and_a_coroutine_are_found() -> None:
    body = "\n".join("    pass" for _ in range(LONGEST_FUNCTION))
    tree = ast.parse(f"async def long():\n{body}\ndef short():\n    pass")
    assert long_functions(tree) == {"long": LONGEST_FUNCTION + 1}
    assert coroutines(tree) == {"long"}
