"""Trackers with a journal, and what they leave in its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import azpoll
from azpoll.journal import open_reader

if TYPE_CHECKING:
    import httpx

    from azpoll.journal import JournalEntry

THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/t?api-version=2024-01-01"


def tracker_with(
    client: httpx.AsyncClient, journal: azpoll.Journal | Path, **options: Any
) -> azpoll.Tracker[httpx.Response]:
    """Return a tracker that polls each 20 ms; `on_exit` is "stop" unless given."""
    opened = azpoll.SQLiteJournal(journal) if isinstance(journal, Path) else journal
    options = {"min_interval": 0, "interval": 0.02, "budget": None, "on_exit": "stop", **options}
    return azpoll.Tracker(client, journal=opened, **options)


def entries(path: Path) -> list[JournalEntry]:
    """Return the rows of a file with their times."""
    with open_reader(path) as reader:
        return list(reader.entries())


def rows(path: Path) -> list[azpoll.JournalRow | azpoll.JournalResult]:
    """Return the rows of a file."""
    return [entry.row for entry in entries(path)]
