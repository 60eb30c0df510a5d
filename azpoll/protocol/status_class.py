"""The first sorting of an answer, by its HTTP status code alone."""

from __future__ import annotations

from enum import StrEnum


class StatusClass(StrEnum):
    """What a status code means for the one who asks for a status."""

    READABLE = "2xx"
    REDIRECT = "301, 302, 303, 307, 308"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    MISSING = "404, 410"
    TRANSIENT = "408, 429, 5xx"
    REFUSED = "other 4xx"
    UNEXPECTED = "any other"


_BY_CLASS = {2: StatusClass.READABLE, 4: StatusClass.REFUSED, 5: StatusClass.TRANSIENT}
_BY_CODE = {
    301: StatusClass.REDIRECT,
    302: StatusClass.REDIRECT,
    303: StatusClass.REDIRECT,
    307: StatusClass.REDIRECT,
    308: StatusClass.REDIRECT,
    401: StatusClass.UNAUTHORIZED,
    403: StatusClass.FORBIDDEN,
    404: StatusClass.MISSING,
    408: StatusClass.TRANSIENT,
    410: StatusClass.MISSING,
    429: StatusClass.TRANSIENT,
}


def status_class(status_code: int) -> StatusClass:
    """Return what a status code means (rules 11, 21, 25-28); other 5xx are as transient as those named."""
    return _BY_CODE.get(status_code) or _BY_CLASS.get(status_code // 100, StatusClass.UNEXPECTED)
