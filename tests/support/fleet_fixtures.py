"""Fixtures of the tests of fleets: a server for each process of tests, and a new database for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.fleet import Fleet
from tests.support.postgres import PostgresServer, postgres_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio in real time: asyncpg knows no other event loop, and the server no other clock."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def installed(postgres: PostgresServer) -> Iterator[str]:
    """The name of a database with the tables of a fleet, from which others are copied."""

    async def install() -> str:
        name = await postgres.create()
        async with Fleet.connect(postgres.dsn(name)) as fleet:
            await fleet.install()
        return name

    name = anyio.run(install)
    yield name
    anyio.run(postgres.drop, name)


@pytest.fixture
async def dsn(postgres: PostgresServer, installed: str) -> AsyncIterator[str]:
    """The connection string of a new database with the tables of a fleet."""
    name = await postgres.create(installed)
    yield postgres.dsn(name)
    await postgres.drop(name)


@pytest.fixture
async def fleet(dsn: str) -> AsyncIterator[Fleet]:
    """A fleet in the new database."""
    async with Fleet.connect(dsn) as connected:
        yield connected
