"""The number and the time of failed polls after which azpoll gives up (rules 25 to 27)."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, Self


class _Bounds(NamedTuple):
    attempts: int
    seconds: float
    grace_attempts: int
    grace_seconds: float
    auth_attempts: int


class Patience(_Bounds):
    """The bounds after which azpoll gives up an operation whose status cannot be read.

    The operation itself may still run, so the error that follows carries a resume token. Both bounds of a pair must be
    passed. A readable answer starts the counts again.

    Attributes:
        attempts: transient failures in a row: 408, 429, 5xx, lost connections, unreadable answers; 1 or more (rule 25).
        seconds: seconds since the first of them, 0 or more and finite.
        grace_attempts: 403, 404 and 410 in a row, 1 or more (rule 27).
        grace_seconds: seconds since the first of them, 0 or more and finite.
        auth_attempts: errors in a row that the client's auth raised, 1 or more. One bound is enough here: also
            `grace_seconds` since the first of them (rule 26).

    Raises:
        TypeError: a bound is not a number.
        ValueError: a bound is out of its range.
    """

    __slots__ = ()

    def __new__(
        cls,
        attempts: int = 10,
        seconds: float = 600.0,
        grace_attempts: int = 5,
        grace_seconds: float = 60.0,
        auth_attempts: int = 3,
    ) -> Self:
        """Check the bounds."""
        counts: dict[str, object] = {
            "attempts": attempts,
            "grace_attempts": grace_attempts,
            "auth_attempts": auth_attempts,
        }
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int):
                raise TypeError(f"{name} must be an integer, not {type(count).__name__}")
            if count < 1:
                raise ValueError(f"{name} must be 1 or more, not {count}")
        times: dict[str, object] = {"seconds": seconds, "grace_seconds": grace_seconds}
        for name, time_s in times.items():
            if isinstance(time_s, bool) or not isinstance(time_s, (int, float)):
                raise TypeError(f"{name} must be a number of seconds, not {type(time_s).__name__}")
            if not 0 <= time_s < math.inf:
                raise ValueError(f"{name} must be 0 seconds or more and finite, not {time_s}")
        return super().__new__(cls, attempts, seconds, grace_attempts, grace_seconds, auth_attempts)

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # - mypy declares it for all tuples
        """Check the bounds of `_replace` too."""
        return cls(*iterable)


DEFAULT_PATIENCE = Patience()
