"""PgBouncer between a fleet and its database: each transaction has another connection, and LISTEN hears nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from azpoll.fleet import Fleet
from azpoll.testing import Script
from tests.proofs.fleet_database.fleet_of_processes import TimedARM, all_results, submitted, workers
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed"),
]

SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
"""


@asynccontextmanager
async def pooler(dsn: str, folder: Path) -> AsyncGenerator[str]:
    """Run PgBouncer inside the context; give the connection string through it."""
    parts = urlsplit(dsn)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen_port = free.getsockname()[1]
    user = parts.username or "postgres"
    settings = folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(host=host, port=parts.port or 5432, user=user, listen_port=listen_port))
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.getuid() and path.stat().st_mode & 0o005 != 0o005:
            path.chmod(path.stat().st_mode | 0o055)
    as_user = [f"--user={user_of(host)}"] if os.getuid() == 0 else []
    process = await asyncio.create_subprocess_exec(str(PGBOUNCER), "--quiet", *as_user, str(settings))
    through = f"postgresql://{user}@127.0.0.1:{listen_port}{parts.path}"
    try:
        await eventually(lambda: answers(through))
        yield through
    finally:
        process.terminate()
        await process.wait()


def user_of(host: str) -> str:
    """Return a user that may connect to a host, or to a server's socket in a folder: PgBouncer does not run as root."""
    owner = Path(host).owner() if host.startswith("/") else "root"
    return "nobody" if owner == "root" else owner


async def answers(dsn: str) -> bool:
    """Whether the pooler serves the database."""
    try:
        connection = await asyncpg.connect(dsn, statement_cache_size=0)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def test_a_pooler_loses_nothing(dsn: str, tmp_path: Path) -> None:
    """Workers and readers reach the database through it alone."""
    arm = TimedARM(Script(duration_s=1.0, retry_after=1))
    async with pooler(dsn, tmp_path) as through, Fleet.connect(through) as fleet, arm.serve() as base_url:
        await fleet.install()
        async with workers(through, base_url, 2):
            ids = await submitted(fleet, base_url, scopes=4, each=10)
            await all_results(fleet, ids, 15)
        assert not fleet.hears
        counts = await fleet.statistics()
    assert (counts.running, counts.succeeded) == (0, 40)
