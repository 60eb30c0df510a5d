"""docs/design.md: the diagram of the layers is that of the present imports."""

from __future__ import annotations

import runpy

from tests.support.repository import ROOT


def test_the_diagram_is_up_to_date() -> None:
    """If this fails, run `python docs/make_layers.py`."""
    text = (ROOT / "docs/design.md").read_text("utf-8")
    assert runpy.run_path(str(ROOT / "docs/make_layers.py"))["page"](text) == text
