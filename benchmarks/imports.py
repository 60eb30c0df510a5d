"""How long it takes to import azpoll, beyond the HTTP library that its user imports anyway."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measures import Figures

TIMED = "import time, asyncio, {0}; begun = time.process_time(); import {1}; print((time.process_time() - begun) * 1e3)"
"""An asynchronous program has imported asyncio before, and an installed package has been compiled."""


def imports(client: str, rounds: int) -> Figures:
    """CPU milliseconds of fresh interpreters."""
    with tempfile.TemporaryDirectory() as compiled:
        _import_ms(client, "azpoll", compiled)
        return {
            "azpoll_ms": statistics.median(_import_ms(client, "azpoll", compiled) for _ in range(rounds)),
            "client_ms": statistics.median(_import_ms("time", client, compiled) for _ in range(rounds)),
        }


def _import_ms(first: str, then: str, compiled: str) -> float:
    command = [sys.executable, "-c", TIMED.format(first, then)]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603 - ours
    return float(done.stdout)
