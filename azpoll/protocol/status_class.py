"""The class of an answer by its HTTP status code alone, which selects the row of a transition table."""

from __future__ import annotations

from enum import StrEnum


class StatusClass(StrEnum):
    """The meaning of a status code for a poll."""

    READABLE = "2xx"
    REDIRECT = "301, 302, 303, 307, 308"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    MISSING = "404, 410"
    TRANSIENT = "408, 429, 5xx"
    REFUSED = "other 4xx"
    UNEXPECTED = "any other"


_UNEXPECTED = StatusClass.UNEXPECTED
_BY_CODE = {
    **dict.fromkeys(range(200, 300), StatusClass.READABLE),
    **dict.fromkeys(range(400, 500), StatusClass.REFUSED),
    **dict.fromkeys(range(500, 600), StatusClass.TRANSIENT),
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
    """Return the class of a status code (rules 11, 21, 25-28); a 5xx that no rule names is transient too."""
    return _BY_CODE.get(status_code, _UNEXPECTED)
