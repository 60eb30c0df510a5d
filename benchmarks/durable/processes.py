"""Processes that begin their work together."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

from tests.support.repository import ROOT

READY = "ready"
"""The line that a process prints before it waits for a line of its standard input."""


async def started(module: str, *arguments: object) -> Process:
    """Start a module; returns when it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *map(str, arguments)), stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == f"{READY}\n".encode()
    return process


async def finished(process: Process) -> bytes:
    """Start the work of a process, and return its output when it has ended."""
    printed, _ = await process.communicate(b"begin\n")
    assert process.returncode == 0
    return printed


async def wait_to_begin() -> None:
    """Report that this process is ready, and wait until it may begin."""
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
