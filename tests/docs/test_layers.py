"""docs/layers.svg and docs/transitions.svg are those of the present code."""

from __future__ import annotations

import runpy
from xml.etree import ElementTree as ET

import pytest

from tests.support.repository import ROOT

PICTURES: dict[str, str] = runpy.run_path(str(ROOT / "docs/make_diagrams.py"))["pictures"]()


@pytest.mark.parametrize("name", PICTURES)
def test_a_diagram_is_up_to_date(name: str) -> None:
    """If this fails, run `python docs/make_diagrams.py`."""
    assert (ROOT / "docs" / name).read_text("utf-8") == PICTURES[name]


@pytest.mark.parametrize("name", PICTURES)
def test_a_diagram_needs_nothing_from_elsewhere(name: str) -> None:
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(PICTURES[name]).iter()}  # noqa: S314 - our own
    assert tags == {"svg", "style", "marker", "path", "rect", "text"}


def test_each_transition_has_an_arrow() -> None:
    """From the initial answer 6, from Polling 6, from Confirming 2 and one that returns, from Fetching 2; 3 loops."""
    root = ET.fromstring(PICTURES["transitions.svg"])  # noqa: S314 - our own
    arrows = [each for each in root.iter() if "marker-end" in each.attrib]
    assert (len(arrows), sum("marker-start" in each.attrib for each in arrows)) == (6 + 6 + 2 + 2 + 3, 1)


def test_each_folder_is_in_the_diagram_of_the_layers() -> None:
    folders = {path.parent.name for path in (ROOT / "azpoll").glob("*/__init__.py")}
    assert not [name for name in folders if f">azpoll/{name}/<" not in PICTURES["layers.svg"]]
