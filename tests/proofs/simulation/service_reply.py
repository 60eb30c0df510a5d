"""What a service says to one request, and what that means to whoever judges: two things told apart on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import FailureKind


class Effect(Enum):
    """What an answer means to a careful client, by the rules alone."""

    RUNS = "the operation runs, or its result is not there yet"
    ENDS = "the operation ended"
    RESULT = "the result of the final GET"
    STANDS = "the resource of a DELETE is still there, or not to be seen"
    FAILS = "nothing readable, come again"
    MISSES = "403, 404 or 410"
    UNAUTHORIZED = "401"
    REDIRECTS = "a redirect that may be followed"
    REFUSES = "a failure that will come again"
    FOREIGN = "it names a URL that must not be asked"

    __hash__ = object.__hash__  # that of Enum is Python code


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One answer.

    Attributes:
        name: for histories and scripts; unique.
        headers: lower-case name to value.
        told_s: seconds it asks to wait, as the server meant it: capped at 3600; None where it asks for nothing.
        fault: why no answer comes; None where one does.
        foreign_location: whether it names a foreign `Location`, which matters only to a final GET.
    """

    name: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    effect: Effect = Effect.RUNS
    told_s: float | None = None
    fault: FailureKind | None = None
    foreign_location: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Retry:
    """One way to tell a client when to come again, and what is meant by it."""

    name: str
    headers: Mapping[str, str]
    told_s: float | None


_DATE = "Wed, 06 Nov 2024 12:00:00 GMT"
_LONG_AGO = "Sun, 06 Nov 1994 08:49:37 GMT"

RETRIES = (
    Retry("no Retry-After", {}, None),
    Retry("7", {"retry-after": "7"}, 7.0),
    Retry("2.5", {"retry-after": "2.5"}, 2.5),
    Retry("17 and a date", {"retry-after": "17", "date": _DATE}, 17.0),
    Retry("5000 ms", {"retry-after-ms": "5000", "retry-after": "60"}, 5.0),
    Retry("1500 x-ms", {"x-ms-retry-after-ms": "1500"}, 1.5),
    Retry("IMF date", {"retry-after": "Wed, 06 Nov 2024 12:00:09 GMT", "date": _DATE}, 9.0),
    Retry("RFC 850 date", {"retry-after": "Wednesday, 06-Nov-24 12:00:04 GMT", "date": _DATE}, 4.0),
    Retry("asctime date", {"retry-after": "Wed Nov  6 12:00:11 2024", "date": _DATE}, 11.0),
    Retry("a clock far behind", {"retry-after": "Sun, 06 Nov 1994 08:49:45 GMT", "date": _LONG_AGO}, 8.0),
)
"""Told by honest services."""

ODD_RETRIES = (
    Retry("0", {"retry-after": "0"}, None),
    Retry("-5", {"retry-after": "-5"}, None),
    Retry("soon", {"retry-after": "soon"}, None),
    Retry("inf", {"retry-after": "inf"}, None),
    Retry("nan", {"retry-after": "nan"}, None),
    Retry("1e3", {"retry-after": "1e3"}, None),
    Retry("0x10", {"retry-after": "0x10"}, None),
    Retry("full-width digits", {"retry-after": "\uff15"}, None),
    Retry("a date gone by", {"retry-after": _LONG_AGO, "date": _DATE}, None),
    Retry("no date", {"retry-after": "Wed, 31 Feb 2024 12:00:00 GMT"}, None),
    Retry("broken ms", {"retry-after-ms": "x", "retry-after": "6"}, 6.0),
    Retry("30 days", {"retry-after": "2592000"}, 3600.0),
    Retry("60 digits", {"retry-after": "9" * 60}, 3600.0),
)
"""Told by odd ones; 3600 s is the cap of rule 35."""
