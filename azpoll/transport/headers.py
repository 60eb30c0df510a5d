"""The headers that azpoll reads, out of the raw ones; decoding them all would cost more than the rest of a poll."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

READ = (
    "azure-asyncoperation",
    "content-encoding",
    "content-type",
    "date",
    "location",
    "operation-location",
    "retry-after",
    "retry-after-ms",
    "set-cookie",
    "x-ms-correlation-request-id",
    "x-ms-error-code",
    "x-ms-ratelimit-remaining-resource",
    "x-ms-ratelimit-remaining-subscription-deletes",
    "x-ms-ratelimit-remaining-subscription-global-deletes",
    "x-ms-ratelimit-remaining-subscription-global-reads",
    "x-ms-ratelimit-remaining-subscription-global-writes",
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-ratelimit-remaining-tenant-deletes",
    "x-ms-ratelimit-remaining-tenant-reads",
    "x-ms-ratelimit-remaining-tenant-writes",
    "x-ms-request-id",
    "x-ms-retry-after-ms",
)
"""Lower-case names of all headers that `protocol` reads, and of that for the client."""

NAMES_KEPT = 1024
LONGEST_KEPT = 64

_READ = {name.encode(): name for name in READ}
_names: dict[bytes, str | None] = {}


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return lower-case name to value of the headers that are read, as `fold_headers` makes it.

    Values are taken as Latin-1, which no byte can fail in; what is no plain text is refused where it matters.
    """
    folded: dict[str, str] = {}
    for key, value in raw:
        try:
            name = _names[key]
        except KeyError:
            name = _name(key)
        if name is not None and name not in folded and (text := value.strip(b" \t")):
            folded[name] = text.decode("latin-1")
    return folded


def _name(key: bytes) -> str | None:
    """Return the name a header is read by, None for one that is not; services send the same few in each answer."""
    if len(key) > LONGEST_KEPT:  # none that is read is so long
        return None
    if len(_names) >= NAMES_KEPT:
        _names.clear()
    return _names.setdefault(key, _READ.get(key.lower()))
