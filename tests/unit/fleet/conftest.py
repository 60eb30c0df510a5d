"""The server of this process, and a database for each test."""

from tests.support.clock_fixtures import one_clock
from tests.support.fleet_fixtures import anyio_backend, dsn, fleet, installed, postgres

__all__ = ["anyio_backend", "dsn", "fleet", "installed", "one_clock", "postgres"]
