"""The page about the states is what its generator writes now."""

from __future__ import annotations

import runpy

from azpoll.protocol.reading import StatusClass
from tests.support.repository import ROOT

DOCS = ROOT / "docs"


def test_the_committed_page_matches_the_tables() -> None:
    """If this fails, run `python docs/make_transitions.py`."""
    written = runpy.run_path(str(DOCS / "make_transitions.py"))["page"]()
    assert (DOCS / "transitions.md").read_text(encoding="utf-8") == written


def test_the_page_has_a_row_for_each_kind_of_answer_in_each_state() -> None:
    lines = (DOCS / "transitions.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| `") for line in lines) == 3 * len(StatusClass)
