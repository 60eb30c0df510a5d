"""How long it takes to import azpoll, beyond the HTTP library that its user imports anyway."""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measures import Figures

TIMED = "import time, {0}; begun = time.process_time(); import {1}; print((time.process_time() - begun) * 1e3)"


def imports(client: str, rounds: int) -> Figures:
    """CPU milliseconds of fresh interpreters."""
    return {
        "azpoll_ms": statistics.median(_import_ms(client, "azpoll") for _ in range(rounds)),
        "client_ms": statistics.median(_import_ms("time", client) for _ in range(rounds)),
    }


def _import_ms(first: str, then: str) -> float:
    command = [sys.executable, "-c", TIMED.format(first, then)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
