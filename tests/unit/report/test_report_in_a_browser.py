"""The page of a report in a real browser: narrow and wide, light and dark."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from azpoll import report
from azpoll.operation_state import OperationState
from tests.support.chromium import NEEDS_CHROMIUM, browser
from tests.support.report_entries import BEGUN_S, QUOTA, Sample, day, entry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.chromium import Page

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]

LONG = "a-label-without-any-place-to-break-" * 3

FACTS = """
(() => {
  const rgb = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = node => {
    const color = rgb(getComputedStyle(node).backgroundColor);
    return color.length < 4 || color[3] ? color : node.parentElement ? ground(node.parentElement) : [255, 255, 255];
  };
  const contrast = node => {
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
    return (a + 0.05) / (b + 0.05);
  };
  const texts = [...document.querySelectorAll("main *")].filter(node =>
    [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
  const root = document.documentElement;
  return {
    overflow: root.scrollWidth - root.clientWidth,
    outside: [...document.querySelectorAll("section, .track, .tiles, details, h2")].filter(node =>
      node.getBoundingClientRect().right > innerWidth).length,
    contrast: Math.min(...texts.map(contrast)),
    ground: rgb(getComputedStyle(document.body).backgroundColor)[0],
    title: document.title,
    bars: document.querySelectorAll(".track i").length,
  };
})()
"""


async def seen(page: Page, path: Path, width: int, scheme: str) -> dict[str, Any]:
    await page.open(path.as_uri(), width=width, scheme=scheme)
    found: dict[str, Any] = await page.evaluate(FACTS)
    assert page.complaints == []
    assert page.requests == [path.as_uri()]
    return found


def test_the_page_is_readable_everywhere(tmp_path: Path) -> None:
    """No line of the console, no request, no horizontal scrolling, and a contrast of 4.5 in both schemes (WCAG AA)."""
    path, many = tmp_path / "report.html", tmp_path / "many.html"
    failed = Sample(OperationState.FAILED, 409, QUOTA, "it failed")
    failing = entry(62, None, BEGUN_S, 9, "web-62", percent=40.0, last_error=f"HTTP 503 {LONG}")
    entries = [*day(60), entry(61, failed, BEGUN_S, 60, LONG), failing]
    path.write_text(report.html(entries, title="Release 42"), encoding="utf-8")
    many.write_text(report.html(day(1500)), encoding="utf-8")

    async def look() -> None:
        async with browser(tmp_path) as page:
            for width in (360, 1200):
                for scheme in ("light", "dark"):
                    found = await seen(page, path, width, scheme)
                    assert (found["overflow"], found["outside"]) == (0, 0)
                    assert found["contrast"] >= 4.5
                    assert (found["ground"] < 60) is (scheme == "dark")
                    assert (found["title"], found["bars"]) == ("Release 42", 62)
            found = await seen(page, many, 360, "light")
            assert (found["overflow"], found["outside"], found["bars"]) == (0, 0, 100)

    asyncio.run(look())
