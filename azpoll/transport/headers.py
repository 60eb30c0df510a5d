"""The headers that azpoll reads, out of the raw ones; decoding them all would cost more than the rest of a poll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.protocol.answer import RawHeaders

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

_READ = frozenset(READ)
_Names: TypeAlias = dict[Any, str | None]
_of_bytes: _Names = {}
_of_text: _Names = {}


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """Return lower-case name to value of the headers that are read, as `fold_headers` makes it.

    Bytes are taken as Latin-1, in which none can fail; what is no plain text is refused where it matters.
    """
    names = _of_text if raw and isinstance(raw[0][0], str) else _of_bytes
    folded: dict[str, str] = {}
    for key, value in raw:
        try:
            name = names[key]
        except KeyError:
            name = _name(key, names)
        if name is not None and name not in folded:
            text = value if isinstance(value, str) else value.decode("latin-1")
            if text := text.strip(" \t"):
                folded[name] = text
    return folded


def _name(key: bytes | str, names: _Names) -> str | None:
    """Return the name a header is read by, None for one that is not; services send the same few in each answer."""
    if len(key) > LONGEST_KEPT:  # none that is read is so long
        return None
    if len(names) >= NAMES_KEPT:
        names.clear()
    name = (key if isinstance(key, str) else key.decode("latin-1")).lower()
    return names.setdefault(key, name if name in _READ else None)


def text_of(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text, for a transport that takes no other; the inverse of `bytes_of`."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def bytes_of(raw: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return headers as bytes, for whoever makes a response of them."""
    return [(_bytes(name), _bytes(value)) for name, value in raw]


def _bytes(text: bytes | str) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
