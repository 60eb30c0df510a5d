"""docs/report.md: its example, its options, and its picture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.cli import main
from azpoll.testing import FakeARM, Script
from tests.docs.test_examples import blocks, namespace_of
from tests.support.clients import client_of
from tests.support.journals import tracker_with
from tests.support.operations import path_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/report.md").read_text(encoding="utf-8")
EXAMPLE, LIVE = (block.values[0] for block in blocks("docs/report.md"))


def test_the_example_writes_a_page(tmp_path: Path) -> None:
    journal, page = tmp_path / "operations.db", tmp_path / "report.html"

    async def begin() -> None:
        arm = FakeARM(default=Script(duration_s=0), floor_s=0, limits=None)
        async with client_of(arm) as client, tracker_with(client, journal) as tracker:
            await tracker.group("storage").begin("PUT", path_of(1), json={}, label="logs")

    anyio.run(begin)
    namespace_of(EXAMPLE)["write"](str(journal), str(page))
    text = page.read_text(encoding="utf-8")
    assert "<title>Storage accounts</title>" in text
    assert "logs" in text


@pytest.mark.anyio
async def test_a_group_needs_no_journal() -> None:
    """tests/unit/fleet/test_fleet_entries.py does what the example does with a fleet."""
    arm = FakeARM(default=Script(duration_s=5))
    async with client_of(arm) as client:
        page = await namespace_of(LIVE)["of_a_group"](client, [path_of(1), path_of(2)])
    assert page.count('<th scope="row">storage ') == 2


def test_the_page_names_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--help"]) == 0
    options = set(re.findall(r"^  (--[a-z]+)", capsys.readouterr().out, re.MULTILINE))
    assert options == set(re.findall(r"^\| `(--[a-z]+)", PAGE, re.MULTILINE))


def test_the_picture_is_small() -> None:
    picture = (ROOT / "docs/report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= 200_000
