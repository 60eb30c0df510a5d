"""Response headers: the ones that azpoll reads, and conversion between bytes and text.

A response of Azure has some 14 headers, of which azpoll reads a few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.kept_headers import KEPT_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.protocol.answer import RawHeaders

READ_HEADERS = KEPT_HEADERS | {"content-encoding", "set-cookie"}
"""The headers of a response that are read, in lower case: those that an `Answer` keeps, and two of the transport.

The transport reads `content-encoding` to decode the body, and stores `set-cookie` in the client."""


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """Return the kept headers, lower-case name to value, in the form of `fold_headers`.

    Bytes are decoded as Latin-1, which cannot fail. The readers in `protocol` reject a value that is not plain text.
    """
    folded: dict[str, str] = {}
    for name, value in raw:
        key = (name if isinstance(name, str) else name.decode("latin-1")).lower()
        if key in READ_HEADERS and key not in folded:
            text = (value if isinstance(value, str) else value.decode("latin-1")).strip(" \t")
            if text:
                folded[key] = text
    return folded


def text_of(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text; the inverse of `bytes_of`."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def bytes_of(raw: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return headers as bytes, for the response classes of the libraries."""
    return [(_to_bytes(name), _to_bytes(value)) for name, value in raw]


def _to_bytes(text: bytes | str) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
