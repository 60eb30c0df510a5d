"""The size of a proof: that of every push, or that of a nightly run.

AZPOLL_SCALE=nightly python -m pytest -o timeout=0 tests
"""

from __future__ import annotations

import os

SCALE = os.environ.get("AZPOLL_SCALE", "push")
if SCALE not in ("push", "nightly"):
    raise ValueError(f"AZPOLL_SCALE is push or nightly, not {SCALE!r}")


def scaled(*, push: int, nightly: int) -> int:
    """Return the number of cases, operations or seconds at the scale of this run."""
    return nightly if SCALE == "nightly" else push
