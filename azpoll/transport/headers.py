"""The headers that azpoll reads, out of the raw ones; decoding them all would cost more than the rest of a poll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

SHAPES_KEPT = 256
LONGEST_KEPT = 2048
"""So many shapes are remembered, of so many characters each at most."""


class LazyHeaders:
    """Raw headers that their transport looks up by name; all of them are decoded only for whoever iterates."""

    __slots__ = ()

    def read(self, names: frozenset[str]) -> dict[str, str]:
        """Return lower-case name to value of those of the `names` that are there, as `fold_headers` makes it."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Return all of them."""
        raise NotImplementedError


_READ = frozenset(READ)
_Names: TypeAlias = tuple[bytes, ...] | tuple[str, ...]
_Shape: TypeAlias = tuple[tuple[int, str], ...]
_of_bytes: dict[_Names, _Shape] = {}
_of_text: dict[_Names, _Shape] = {}


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """Return lower-case name to value of the headers that are read, as `fold_headers` makes it.

    Bytes are taken as Latin-1, in which none can fail; what is no plain text is refused where it matters.
    """
    if isinstance(raw, LazyHeaders):
        return raw.read(_READ)
    pairs: Any = raw if isinstance(raw, list) else list(raw)
    if not pairs:
        return {}
    names: _Names = next(zip(*pairs, strict=True))
    is_text = isinstance(names[0], str)
    shapes = _of_text if is_text else _of_bytes
    folded: dict[str, str] = {}
    for place, name in shapes[names] if names in shapes else _shape_of(names, shapes):
        if name not in folded:
            value = pairs[place][1]
            if text := (value if is_text else value.decode("latin-1")).strip(" \t"):
                folded[name] = text
    return folded


def _shape_of(names: _Names, shapes: dict[_Names, _Shape]) -> _Shape:
    """Return which of an answer's headers are read, and by which names: a service's answers are all of a few shapes."""
    text = [(name if isinstance(name, str) else name.decode("latin-1")).lower() for name in names]
    shape = tuple((place, name) for place, name in enumerate(text) if name in _READ)
    if sum(map(len, text)) > LONGEST_KEPT:
        return shape
    if len(shapes) >= SHAPES_KEPT:
        shapes.clear()
    return shapes.setdefault(names, shape)


def text_of(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text, for a transport that takes no other; the inverse of `bytes_of`."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def bytes_of(raw: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return headers as bytes, for whoever makes a response of them."""
    return [(_bytes(name), _bytes(value)) for name, value in raw]


def _bytes(text: bytes | str) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
