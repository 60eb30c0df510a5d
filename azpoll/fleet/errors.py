"""The errors of a fleet.

FleetError
    FleetUnavailable    the database cannot be reached, or refuses the user
"""

from __future__ import annotations

from azpoll.errors import AzpollError

NO_TABLES = "the database has no tables of a fleet: run `await fleet.install()` or `azpoll fleet install` once"


class FleetError(AzpollError):
    """The database cannot be reached, has no tables of a fleet, or has those of another version."""


class FleetUnavailable(FleetError):
    """The database cannot be reached, or refuses the user or a statement of this user."""
