"""The arguments of sources of hints. They are checked when a source is made, since its task can only log an error."""

from __future__ import annotations


def checked_interval(every_s: object) -> float:
    """Return an interval in seconds.

    Raises:
        TypeError: it is no number.
        ValueError: it is not above 0 and finite.
    """
    if isinstance(every_s, bool) or not isinstance(every_s, (int, float)):
        raise TypeError(f"every_s must be a number of seconds, not {type(every_s).__name__}")
    if not 0 < every_s < float("inf"):
        raise ValueError(f"every_s must be above 0 and finite, not {every_s}")
    return every_s


def checked_url(name: str, url: object) -> str:
    """Return an absolute URL.

    Raises:
        TypeError: it is not text.
        ValueError: it is not absolute.
    """
    if not isinstance(url, str):
        raise TypeError(f"{name} must be text, not {type(url).__name__}")
    if not url.lower().startswith(("https://", "http://")):
        raise ValueError(f"{name} must be absolute: it begins with https://")
    return url
