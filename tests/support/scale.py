"""How much a proof does: on every push, or through a night.

AZPOLL_SCALE=nightly python -m pytest -o timeout=0 tests
"""

from __future__ import annotations

import os

SCALE = os.environ.get("AZPOLL_SCALE", "push")
if SCALE not in ("push", "nightly"):
    raise ValueError(f"AZPOLL_SCALE is push or nightly, not {SCALE!r}")


def scaled(*, push: int, nightly: int) -> int:
    """Return how many cases, operations or seconds this run takes."""
    return nightly if SCALE == "nightly" else push
