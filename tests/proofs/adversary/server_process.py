"""A server in a process of its own, so that its CPU time and memory are not those of azpoll."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_LONGEST_REPORT = 64 * 2**20


class ServerProcess:
    """A running server.

    Attributes:
        origins: as it printed them.
    """

    def __init__(self, process: asyncio.subprocess.Process, origins: list[str]) -> None:
        self.origins = origins
        self._process = process

    async def report(self) -> dict[str, Any]:
        """End the server and return its report."""
        output, _ = await self._process.communicate(b"")
        report: dict[str, Any] = json.loads(output)
        return report


@asynccontextmanager
async def serve(module: str, *arguments: str) -> AsyncGenerator[ServerProcess]:
    """Run a module of this package as a server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.proofs.adversary.{module}",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_REPORT,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield ServerProcess(process, json.loads(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
