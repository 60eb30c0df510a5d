"""New databases with the tables of a fleet, on one PostgreSQL server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from azpoll.fleet import Fleet
from tests.support.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from tests.support.postgres import PostgresServer


class Databases:
    """Databases of one server, each used once.

    Args:
        server: that runs.
        template: name of an empty database with the tables of a fleet.
    """

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server = server
        self._template = template

    @asynccontextmanager
    async def new(self) -> AsyncGenerator[str]:
        """Give the connection string of a new database; it is dropped at the end."""
        name = await self._server.create(self._template)
        try:
            yield self._server.dsn(name)
        finally:
            await self._server.drop(name)


@contextmanager
def databases() -> Generator[Databases]:
    """Run a server inside the context."""
    with postgres_server() as server:
        yield asyncio.run(_prepared(server))


async def _prepared(server: PostgresServer) -> Databases:
    name = await server.create()
    async with Fleet.connect(server.dsn(name)) as fleet:
        await fleet.install()
    return Databases(server, name)
