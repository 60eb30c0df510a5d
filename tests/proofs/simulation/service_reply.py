"""One reply of the service and its effect. The core sees the reply alone, the checker the effect alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import FailureKind


class Effect(Enum):
    """The meaning of a reply for a client that follows the rules."""

    RUNS = "the operation runs, or its result is not there yet"
    ENDS = "the operation ended"
    RESULT = "the result of the final GET"
    EXISTS = "the resource of a DELETE still exists, or its absence is not visible"
    FAILS = "no readable answer; the poll is repeated"
    AUTH_FAILS = "the client's auth raised an error; the poll is repeated twice"
    MISSES = "403, 404 or 410"
    UNAUTHORIZED = "401"
    REDIRECTS = "a redirect that may be followed"
    REFUSES = "a permanent failure"
    FOREIGN = "it names a URL that must not be requested"

    __hash__ = object.__hash__  # that of Enum is Python code


@dataclass(frozen=True, slots=True, eq=False)
class ServiceReply:
    """One reply of the service.

    Attributes:
        name: the unique name of the reply in histories and scripts.
        headers: lower-case name to value.
        retry_after_s: the delay that the server means, in seconds, capped at 3600; None without a RetryAfter-After.
        fault: the kind of failure when no answer arrives, else None.
        foreign_location: whether the reply names a foreign `Location`, which matters only to a final GET.
    """

    name: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    effect: Effect = Effect.RUNS
    retry_after_s: float | None = None
    fault: FailureKind | None = None
    foreign_location: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Headers that ask for a delay, and the delay that they mean."""

    name: str
    headers: Mapping[str, str]
    seconds: float | None


_DATE = "Wed, 06 Nov 2024 12:00:00 GMT"
_LONG_AGO = "Sun, 06 Nov 1994 08:49:37 GMT"

RETRIES = (
    RetryAfter("no RetryAfter-After", {}, None),
    RetryAfter("7", {"retry-after": "7"}, 7.0),
    RetryAfter("2.5", {"retry-after": "2.5"}, 2.5),
    RetryAfter("17 and a date", {"retry-after": "17", "date": _DATE}, 17.0),
    RetryAfter("5000 ms", {"retry-after-ms": "5000", "retry-after": "60"}, 5.0),
    RetryAfter("1500 x-ms", {"x-ms-retry-after-ms": "1500"}, 1.5),
    RetryAfter("IMF date", {"retry-after": "Wed, 06 Nov 2024 12:00:09 GMT", "date": _DATE}, 9.0),
    RetryAfter("RFC 850 date", {"retry-after": "Wednesday, 06-Nov-24 12:00:04 GMT", "date": _DATE}, 4.0),
    RetryAfter("asctime date", {"retry-after": "Wed Nov  6 12:00:11 2024", "date": _DATE}, 11.0),
    RetryAfter("a clock far behind", {"retry-after": "Sun, 06 Nov 1994 08:49:45 GMT", "date": _LONG_AGO}, 8.0),
)
"""Valid headers."""

ODD_RETRIES = (
    RetryAfter("0", {"retry-after": "0"}, None),
    RetryAfter("-5", {"retry-after": "-5"}, None),
    RetryAfter("soon", {"retry-after": "soon"}, None),
    RetryAfter("inf", {"retry-after": "inf"}, None),
    RetryAfter("nan", {"retry-after": "nan"}, None),
    RetryAfter("1e3", {"retry-after": "1e3"}, None),
    RetryAfter("0x10", {"retry-after": "0x10"}, None),
    RetryAfter("full-width digits", {"retry-after": "\uff15"}, None),
    RetryAfter("a past date", {"retry-after": _LONG_AGO, "date": _DATE}, None),
    RetryAfter("no date", {"retry-after": "Wed, 31 Feb 2024 12:00:00 GMT"}, None),
    RetryAfter("broken ms", {"retry-after-ms": "x", "retry-after": "6"}, 6.0),
    RetryAfter("30 days", {"retry-after": "2592000"}, 3600.0),
    RetryAfter("60 digits", {"retry-after": "9" * 60}, 3600.0),
)
"""Invalid and extreme headers; 3600 s is the cap of rule 35."""
