"""zensical.toml: the navigation has each page of docs/ once, and a test executes the examples of each page.

`.ci/run` builds the site, and runs `docs/check_site.py`: it loads nothing from another host.
"""

from __future__ import annotations

import runpy
import tomllib
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

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


def loaded_by(site: Path) -> list[str]:
    return list(runpy.run_path(str(DOCS / "check_site.py"))["foreign"](site))


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://unpkg.com/mermaid@11/dist/mermaid.min.js"></script>',
        "<link rel='preconnect stylesheet' href='//fonts.gstatic.com'>",
        '<img src="HTTP://x.example/a.png">',
        '<p style="background: url(https://x.example/a)">',
        "<style>@import 'https://x.example/a.css';</style>",
        '<pre class="mermaid"><code>graph TD</code></pre>',
    ],
)
def test_a_page_that_loads_something_from_another_host_is_found(tmp_path: Path, html: str) -> None:
    (tmp_path / "index.html").write_text(f"<html><body>{html}</body></html>", encoding="utf-8")
    (found,) = loaded_by(tmp_path)
    assert found.startswith("index.html: ")


def test_styles_are_read_and_links_load_nothing(tmp_path: Path) -> None:
    links = '<link rel="canonical" href="https://x.example/"><a href="https://x.example/">x</a><img src="a.svg">'
    (tmp_path / "index.html").write_text(links, encoding="utf-8")
    (tmp_path / "a.css").write_text(
        "a { b: url(data:x) } @font-face { src: url(//x.example/f.woff2) }", encoding="utf-8"
    )
    assert loaded_by(tmp_path) == ["a.css: style //x.example/f.woff2"]


def test_no_page_has_a_diagram_that_a_script_draws() -> None:
    """The theme would load the script from another host."""
    assert not [page for page, text in PAGES.items() if "```mermaid" in text]
