"""A fixture of tests that resume operations in real time."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes have the clock of this host: a resumed operation need not wait a second for it."""
    monkeypatch.setattr("azpoll.tracking.outcome.CLOCK_TOLERANCE_S", 0.0)
