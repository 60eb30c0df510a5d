"""The interval between two requests of a source of hints."""

from __future__ import annotations


def checked_interval(every_s: float) -> float:
    """Return an interval in seconds.

    Raises:
        ValueError: it is not above 0 and finite.
    """
    if not 0 < every_s < float("inf"):
        raise ValueError(f"every_s must be above 0 and finite, not {every_s}")
    return every_s
