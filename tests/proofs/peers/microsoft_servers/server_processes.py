"""Finds, installs, starts and stops Microsoft's test servers."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

ENVIRONMENT: Final = "AZPOLL_TESTSERVER"
PACKAGES: Final = {
    "@microsoft.azure/autorest.testserver": "3.3.51",
    "@azure-tools/azure-http-specs": "0.1.0-alpha.38-dev.2",
    "@typespec/spector": "0.1.0-alpha.24-dev.2",
}
INSTALL_LIMIT_S: Final = 240.0
START_LIMIT_S: Final = 60.0
END_LIMIT_S: Final = 10.0
_STARTED: Final = re.compile(r"Started server on (?:port )?(\d+)")
_HERE: Final = Path(__file__).parent


class ServersUnavailableError(Exception):
    """The packages of the servers are missing and cannot be installed."""


def missing_tool() -> str | None:
    """Return the reason why the servers cannot run on this machine; None if they can."""
    if shutil.which("node") is None:
        return "node is not installed"
    if ENVIRONMENT not in os.environ and shutil.which("npm") is None:
        return f"{ENVIRONMENT} is not set and npm is not installed"
    return None


def package_folder() -> Path:
    """Return the folder of the packages; install them first if needed.

    Raises:
        ServersUnavailableError: the folder of the environment variable lacks a package or has a wrong version, or npm
            cannot install the packages.
    """
    named = os.environ.get(ENVIRONMENT)
    folder = Path(named) if named else _cache_folder()
    if not named and not folder.exists():
        with _one_process(folder.with_name(f"{folder.name}.lock")):
            if not folder.exists():
                _install(folder)
    for name, version in PACKAGES.items():
        found = _installed_version(folder, name)
        if found != version:
            raise ServersUnavailableError(f"{folder} holds {name} {found or 'not at all'}, not {version}")
    return folder / "node_modules"


def _installed_version(folder: Path, name: str) -> str | None:
    manifest = folder / "node_modules" / name / "package.json"
    if not manifest.is_file():
        return None
    found: object = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return str(found)


def _cache_folder() -> Path:
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    base = Path(root or tempfile.gettempdir()).expanduser()
    return base / "azpoll-testservers" / "-".join(PACKAGES.values())


@contextmanager
def _one_process(lock: Path) -> Generator[None]:
    """Wait until no other process is in this context; npm takes 10 s of CPU time. The end of a process releases it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(lock, timeout=INSTALL_LIMIT_S)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def _install(folder: Path) -> None:
    """Install into `folder` atomically, so that a run that ends early leaves no partial folder."""
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as scratch:
        prefix = Path(scratch) / "prefix"
        prefix.mkdir()
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        npm = shutil.which("npm") or "npm"
        try:
            subprocess.run(  # noqa: S603 - constant arguments, no shell
                [npm, "install", "--prefix", str(prefix), *options, *wanted],
                cwd=prefix,
                check=True,
                capture_output=True,
                text=True,
                timeout=INSTALL_LIMIT_S,
            )
        except (OSError, subprocess.SubprocessError) as error:
            stderr = getattr(error, "stderr", None)
            raise ServersUnavailableError(f"npm could not install {', '.join(wanted)}: {stderr or error}") from error
        prefix.rename(folder)


@contextmanager
def autorest_server(modules: Path, scratch: Path) -> Generator[str]:
    """Run the autorest test server; yield its base URL."""
    package = modules / "@microsoft.azure" / "autorest.testserver"
    command = [str(package / "dist" / "cli" / "cli.js"), "run", "--coverageDirectory", str(scratch / "coverage")]
    with _running([*_preload("loopback_only.cjs"), *command], scratch) as base_url:
        yield base_url


@contextmanager
def spector_server(modules: Path, scratch: Path) -> Generator[str]:
    """Run the azure-http-specs with spector; yield the base URL."""
    command = [
        str(modules / "@typespec" / "spector" / "cmd" / "cli.mjs"),
        "serve",
        str(modules / "@azure-tools" / "azure-http-specs" / "specs"),
        "--coverageFile",
        str(scratch / "coverage.json"),
    ]
    with _running([*_preload("loopback_only.cjs", "no_commit.cjs"), *command], scratch) as base_url:
        yield base_url


def _preload(*scripts: str) -> list[str]:
    return [word for script in scripts for word in ("--require", str(_HERE / script))]


@contextmanager
def _running(arguments: list[str], scratch: Path) -> Generator[str]:
    log = scratch / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - constant arguments, no shell
            [shutil.which("node") or "node", *arguments, "--port", "0"],
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{_port(process, log)}"
    finally:
        process.terminate()
        try:
            process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until the server has logged its port; return the port."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        started = _STARTED.search(log.read_text(encoding="utf-8", errors="replace"))
        if started:
            return int(started[1])
        time.sleep(0.05)  # waits for another process, so in real time
    raise RuntimeError(f"the test server did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
