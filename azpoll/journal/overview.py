"""An overview of a journal: counts by group, the newest failures, and the open operations that need attention first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.journal.rows import NOT_STARTED, OPEN_STATES, SELECT

if TYPE_CHECKING:
    from sqlite3 import Connection

    from azpoll.journal.rows import JournalEntry, RowTable

_COUNTS = """
SELECT operation_group, CASE WHEN state IN ('intent', 'running') THEN 'running' ELSE state END AS state,
    count(*), min(created_at)
FROM operations GROUP BY 1, 2 ORDER BY min(number)
"""
_FAILING = "SELECT operation_group, count(*) FROM operations WHERE last_error IS NOT NULL GROUP BY 1"
_LIGHT = SELECT.replace(" token,", " NULL AS token,").replace(" body,", " NULL AS body,")
"""A body may have 8 MiB."""


class JournalGroup(NamedTuple):
    """The operations of a journal whose groups have one label.

    Attributes:
        label: of the groups; None for the operations without one.
        running: operations that have not ended.
        not_started: initial requests that started no operation.
        oldest_at: Unix time in seconds at which the oldest running operation was first stored; None when none runs.
        failing: running operations whose last poll failed.
    """

    label: str | None
    running: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    not_started: int
    oldest_at: float | None
    failing: int = 0


class JournalOverview(NamedTuple):
    """A journal at one moment.

    Attributes:
        groups: counts by label of the group.
        failures: operations that ended without success, the newest end first; their rows have no token and no body.
        running: operations that have not ended: those whose last poll failed, then the others, the oldest first.
    """

    groups: tuple[JournalGroup, ...]
    failures: tuple[JournalEntry, ...]
    running: tuple[JournalEntry, ...]


def read_overview(table: RowTable, most: int, connection: Connection) -> JournalOverview:
    """Return the overview, with at most `most` failures and running operations each."""
    connection.execute("BEGIN")  # all see the same moment
    try:
        counts = list(connection.execute(_COUNTS))
        failed = f"{_LIGHT} WHERE state NOT IN {OPEN_STATES} AND state != 'succeeded'"
        failures = connection.execute(f"{failed} ORDER BY updated_at DESC, number DESC LIMIT ?", (most,)).fetchall()
        failing: dict[str | None, int] = dict(connection.execute(_FAILING))
        running = [f"{SELECT} WHERE last_error IS NOT NULL"] if failing else []
        running.append(f"{SELECT} WHERE state IN {OPEN_STATES}")
        found = [row for query in running for row in connection.execute(f"{query} ORDER BY number LIMIT ?", (most,))]
    finally:
        connection.execute("COMMIT")
    groups: dict[str | None, dict[str, tuple[int, float]]] = {}
    for label, state, count, oldest_at in counts:
        groups.setdefault(label, {})[state] = count, oldest_at
    return JournalOverview(
        tuple(_group(label, counted, failing.get(label, 0)) for label, counted in groups.items()),
        tuple(table.entries_of(failures)),
        tuple(table.entries_of({row[0]: row for row in found}.values()))[:most],
    )


def _group(label: str | None, found: dict[str, tuple[int, float]], failing: int) -> JournalGroup:
    def count(state: str) -> int:
        return found[state][0] if state in found else 0

    return JournalGroup(
        label=label,
        running=count("running"),
        succeeded=count("succeeded"),
        failed=count("failed"),
        canceled=count("canceled"),
        unknown=count("unknown"),
        not_started=count(NOT_STARTED),
        oldest_at=found["running"][1] if "running" in found else None,
        failing=failing,
    )
