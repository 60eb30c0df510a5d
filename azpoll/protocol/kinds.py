"""The first sorting of an answer, by its HTTP status code alone."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a status code means for the one who asks for a status."""

    READABLE = "2xx"
    REDIRECT = "301, 302, 303, 307, 308"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    GONE = "404, 410"
    TRANSIENT = "408, 429, 5xx"
    REFUSED = "other 4xx"
    ODD = "any other"


_BY_CLASS = {2: Kind.READABLE, 4: Kind.REFUSED, 5: Kind.TRANSIENT}
_BY_CODE = {
    301: Kind.REDIRECT,
    302: Kind.REDIRECT,
    303: Kind.REDIRECT,
    307: Kind.REDIRECT,
    308: Kind.REDIRECT,
    401: Kind.UNAUTHORIZED,
    403: Kind.FORBIDDEN,
    404: Kind.GONE,
    408: Kind.TRANSIENT,
    410: Kind.GONE,
    429: Kind.TRANSIENT,
}


def kind_of(status_code: int) -> Kind:
    """Return what a status code means (rules 11, 21, 25-28); other 5xx are as transient as those named."""
    return _BY_CODE.get(status_code) or _BY_CLASS.get(status_code // 100, Kind.ODD)
