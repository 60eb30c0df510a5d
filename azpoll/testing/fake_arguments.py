"""Check the arguments of a `FakeARM`, but for its times."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import TypeVar

from azpoll.testing.arguments import check_callable, check_types
from azpoll.testing.rate_limits import Limits
from azpoll.testing.script import Script

DefaultT = TypeVar("DefaultT")


def checked_default(default: DefaultT) -> DefaultT:
    """Return the default script of a fake; a TypeError if it is neither a script, a function nor None."""
    if not isinstance(default, Script) and default is not None:
        check_callable("default", default)
    return default


def check_settings(*, limits: object, clock: object, epoch: object, log_size: object, client_header: object) -> None:
    """Check the arguments of that name.

    Raises:
        TypeError: one has another type.
        ValueError: `log_size` is below 1, `epoch` has no time zone, or `client_header` is blank.
    """
    check_callable("clock", clock)
    check_types({"limits": limits}, (Limits, NoneType), "an azpoll.testing.Limits or None")
    check_types({"epoch": epoch}, datetime, "a datetime")
    check_types({"log_size": log_size}, int, "an integer")
    check_types({"client_header": client_header}, (str, NoneType), "text or None")
    if isinstance(epoch, datetime) and epoch.tzinfo is None:
        raise ValueError("epoch must have a time zone")
    if isinstance(log_size, int) and log_size < 1:
        raise ValueError(f"log_size must be 1 or more, not {log_size}")
    if isinstance(client_header, str) and not client_header.strip():
        raise ValueError("client_header must not be blank")
