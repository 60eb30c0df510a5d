"""zensical.toml: the navigation has each page of docs/ once, and a test executes the examples of each page."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, TypeAlias

from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Navigation: TypeAlias = Sequence[Mapping[str, "str | Navigation"]]

DOCS = ROOT / "docs"
PAGES = {str(page.relative_to(DOCS).as_posix()): page.read_text("utf-8") for page in DOCS.glob("**/*.md")}


def pages_of(nav: Navigation) -> Iterator[str]:
    """Yield the pages of a navigation in their order."""
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from pages_of(target)


def test_the_navigation_has_each_page_once() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    assert sorted(pages_of(settings["project"]["nav"])) == sorted(PAGES)


def test_a_test_names_each_page_with_examples() -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("**/test_*.py"))
    pages = [page for page, text in PAGES.items() if "```python\n" in text and not page.startswith("reference/")]
    assert len(pages) > 10
    assert not [page for page in pages if f"docs/{page}" not in tests and f'"docs" / "{page}"' not in tests]
