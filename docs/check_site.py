"""Check that a built site loads nothing from another host: `python docs/check_site.py site`."""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "embed": "src"}
"""Elements that load the URL of an attribute. A `link` does for each of these words of its `rel`:"""
LOADING = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}

SCRIPTED = {"arithmatex", "glightbox", "katex", "mermaid"}
"""Classes of elements for which the scripts of the theme load a library from elsewhere."""

_FOREIGN = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_IN_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


class _Page(HTMLParser):
    """Collects what a page loads from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        url = given.get(LOADED.get(tag, ""), "")
        if tag == "link" and LOADING & set(given.get("rel", "").lower().split()):
            url = given.get("href", "")
        if _FOREIGN.match(url):
            self.found.append(f"<{tag}> {url}")
        self.found += [f"style {url}" for url in _IN_STYLE.findall(given.get("style", ""))]
        self.found += [f"class {name}" for name in sorted(SCRIPTED & set(given.get("class", "").split()))]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.found += [f"style {url}" for url in _IN_STYLE.findall(data)]


def foreign(site: Path) -> Iterator[str]:
    """Yield each thing that a page or a style of a site loads from another host, after the name of the file."""
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            page = _Page()
            page.feed(path.read_text("utf-8"))
            found = page.found
        elif path.suffix == ".css":
            found = [f"style {url}" for url in _IN_STYLE.findall(path.read_text("utf-8"))]
        else:
            continue
        yield from (f"{path.relative_to(site).as_posix()}: {each}" for each in found)


if __name__ == "__main__":
    lines = list(foreign(Path(sys.argv[1])))
    sys.exit("\n".join(["the site loads something from another host:", *lines]) if lines else 0)
