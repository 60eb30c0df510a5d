"""The server of this process, and a database for each test."""

from __future__ import annotations

import pytest

from tests.support.fleet_fixtures import anyio_backend, dsn, fleet, installed, postgres

__all__ = ["anyio_backend", "dsn", "fleet", "installed", "postgres"]


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes have the clock of this host: a resumed operation need not wait a second for it."""
    monkeypatch.setattr("azpoll.tracking.outcome.CLOCK_TOLERANCE_S", 0.0)
