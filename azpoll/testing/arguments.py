"""Check the arguments of the fake's public names, so that a mistake is an error at the call and not at a later request.

The module shares no code with azpoll's own checks, as the whole fake does not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_types(values: Mapping[str, object], kind: type | tuple[type, ...], named: str) -> None:
    """Check that each value is of a kind; a Boolean is no number.

    Raises:
        TypeError: one is not; the message has its name.
    """
    for name, value in values.items():
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{name} must be {named}, not {type(value).__name__}")


def check_seconds(name: str, value: Any, *, is_finite: bool = False) -> None:  # noqa: ANN401 - it is checked
    """Check a number of seconds, 0 or more.

    Raises:
        TypeError: it is no number.
        ValueError: it is below 0 or no number (NaN), or infinite where that makes no sense.
    """
    check_types({name: value}, (int, float), "a number of seconds")
    if not value >= 0 or (is_finite and math.isinf(value)):
        raise ValueError(f"{name} must be 0 or more{' and finite' if is_finite else ''}, not {value}")


def check_callable(name: str, value: object) -> None:
    """Check that a value can be called; a TypeError if it cannot."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {type(value).__name__}")
