"""The error of a fleet."""

from __future__ import annotations

from azpoll.errors import AzpollError


class FleetError(AzpollError):
    """The database cannot be reached, has no tables of a fleet, or has those of another version."""
