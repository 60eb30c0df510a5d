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
    "x-ms-correlation-request-id",
    "x-ms-error-code",
    "x-ms-ratelimit-remaining-resource",
    "x-ms-ratelimit-remaining-subscription-global-reads",
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-tenant-reads",
    "x-ms-request-id",
    "x-ms-retry-after-ms",
)
"""Lower-case names of all headers that `protocol` reads."""

_READ = {name.encode(): name for name in READ}


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return lower-case name to value of the headers that are read, as `fold_headers` makes it.

    Values are taken as Latin-1, which no byte can fail in; what is no plain text is refused where it matters.
    """
    folded: dict[str, str] = {}
    for key, value in raw:
        name = _READ.get(key) or _READ.get(key.lower())
        if name is not None and name not in folded and (text := value.strip(b" \t")):
            folded[name] = text.decode("latin-1")
    return folded
