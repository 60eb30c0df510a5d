"""The headers that the caller adds to the polls of one operation (`poll_headers`, rule 45)."""

from typing import TypeAlias

HeaderPairs: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, in the order of the caller."""

MAX_HEADERS = 64
"""The greatest number of headers."""

MAX_HEADER = 8192
"""The greatest length of a value, in characters; a name has at most 256."""

_MAX_NAME = 256
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_OF_THE_LIBRARY = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
)
"""Headers that describe the connection or the message; the HTTP library sets them."""


def header_problem(name: str, value: str) -> str | None:
    """Return the reason why a header cannot be sent, without its value (rule 45); None if it can."""
    if not name or len(name) > _MAX_NAME or not _TOKEN.issuperset(name.lower()):
        return f"{name[:64]!r} is not the name of a header"
    if name.lower() in _OF_THE_LIBRARY:
        return f"{name} is set by the HTTP library"
    if len(value) > MAX_HEADER or not value.isascii() or not value.isprintable() or value != value.strip():
        return f"the value of {name} is not printable ASCII text of at most {MAX_HEADER} characters"
    return None
