"""The peak of the memory of this process, as Linux counts it: with the memory of compiled libraries."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path
from typing import Final

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")

IS_KNOWN: Final = _RESET.exists()
"""Whether this system is Linux."""


def reset_peak() -> int:
    """Return unused memory to the system and reset the peak of the resident memory; return it in bytes.

    It is 0 where it is unknown.
    """
    if not IS_KNOWN:
        return 0
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
    if trim is not None:
        trim(0)
    _RESET.write_text("5", encoding="ascii")
    return _kib("VmRSS") * 1024


def peak() -> int:
    """Return the peak of the resident memory in bytes; 0 where it is unknown."""
    return _kib("VmHWM") * 1024 if IS_KNOWN else 0


def _kib(field: str) -> int:
    lines = _STATUS.read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
