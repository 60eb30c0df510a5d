"""docs/reference/: every public name is there once, and an example of its page uses it. The examples run."""

from __future__ import annotations

import re
import time
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import pytest
from anyio.from_thread import start_blocking_portal

from azpoll.testing import FakeARM, Script
from tests.docs import test_examples
from tests.docs.test_examples import blocks, namespace_of
from tests.structure.test_public_modules import PUBLIC
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs/reference").glob("*.md"))}
ENTRY = re.compile(r"^::: (azpoll[\w.]*)$", re.MULTILINE)
APART = {"fast.md", "fleets.md", "testing.md"}
"""Pages whose examples need a server or no client."""

ORDINARY = [block for page in PAGES if page not in APART for block in blocks(f"docs/reference/{page}")]


def public_names() -> set[str]:
    """Return the path of every public name. A module without `__all__` has the public names that it defines."""
    found: set[str] = set()
    for path in PUBLIC:
        module = import_module(path)
        own = [name for name, value in vars(module).items() if is_defined(name, value, path)]
        names: list[str] = getattr(module, "__all__", own)
        found |= {f"{path}.{name}" for name in names}
    return {name for name in found if name.rpartition(".")[0] == "azpoll" or not is_in_azpoll(name)}


def is_defined(name: str, value: object, path: str) -> bool:
    return not name.startswith("_") and not isinstance(value, ModuleType) and getattr(value, "__module__", "") == path


def is_in_azpoll(path: str) -> bool:
    """Whether a name of another module is one of `azpoll` too, where the reference has it."""
    module, _, name = path.rpartition(".")
    top = import_module("azpoll")
    return name in top.__all__ and getattr(top, name) is getattr(import_module(module), name)


def test_every_public_name_is_in_the_reference_once() -> None:
    entries = sorted(entry for page in PAGES.values() for entry in ENTRY.findall(page))
    assert len(entries) == len(set(entries))
    assert public_names() == set(entries)


@pytest.mark.parametrize("page", PAGES)
def test_an_example_uses_each_name_of_its_page(page: str) -> None:
    examples = "\n".join(block.values[0] for block in blocks(f"docs/reference/{page}"))
    names = {entry.rpartition(".")[2] for entry in ENTRY.findall(PAGES[page])}
    assert not {name for name in names if not re.search(rf"\b{name}\b", examples)}


def test_the_index_names_each_page() -> None:
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", PAGES["index.md"])) == set(PAGES) - {"index.md"}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("block", ORDINARY)
def test_each_example_runs(
    block: str, backend: Literal["asyncio", "trio"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    test_examples.test_guide(block, backend)


@pytest.mark.parametrize("block", blocks("docs/reference/testing.md"))
def test_each_example_of_the_test_kit_passes(block: str) -> None:
    tests = [value for name, value in namespace_of(block).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def test_the_example_of_the_fast_transport_runs() -> None:
    main: Any = namespace_of(blocks("docs/reference/fast.md")[0].values[0])["main"]
    arm = FakeARM(default=Script(duration_s=0, retry_after=0), floor_s=0, clock=time.monotonic)
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(arm.serve()) as base_url:
        portal.call(main, base_url)
    assert arm.statistics().ended == 1
