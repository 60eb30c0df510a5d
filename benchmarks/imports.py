"""CPU time of importing azpoll, beside that of the HTTP library which its user imports anyway."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.jobs import Figures

TIMED = """
import time, asyncio, {0}
begun = time.process_time()
from {1} import {2}
print((time.process_time() - begun) * 1e3)
"""
"""The program has imported asyncio before, as asynchronous programs have."""

USED = {"azpoll": "Tracker", "httpx": "AsyncClient"}
"""The name of each module that its users need. azpoll imports a module of its own when a name of it is first used."""


def imports(module: str, after: str, repeats: int) -> Figures:
    """CPU milliseconds of importing a compiled module in a fresh interpreter, median of `repeats`."""
    with tempfile.TemporaryDirectory() as compiled:
        _import_ms(module, after, compiled)
        return {"ms": statistics.median(_import_ms(module, after, compiled) for _ in range(repeats))}


def _import_ms(module: str, after: str, compiled: str) -> float:
    command = [sys.executable, "-c", TIMED.format(after, module, USED[module])]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603 - ours
    return float(done.stdout)
