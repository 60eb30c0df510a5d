"""The headers that azpoll reads of a response, and the client request id of a request.

A response of Azure has some 14 headers, of which azpoll reads a few.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from azpoll.protocol import arm_error, json_body, query_quota, reading, retry_after, throttling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import RawHeaders
    from azpoll.transport.library import HTTPRequest

CLIENT_REQUEST_ID = "x-ms-client-request-id"
"""The header by which Azure correlates the requests of one operation (rule 45)."""

_DECLARED = (
    *(reading.HEADERS, retry_after.HEADERS, throttling.HEADERS, query_quota.HEADERS),
    *(arm_error.HEADERS, json_body.HEADERS),
)

READ_HEADERS = frozenset({"content-encoding"}).union(*_DECLARED)
"""The headers of a response that are read, in lower case: those that a reader in `protocol` declares beside its code,
and `content-encoding`, by which the transport decodes the body."""

_NAMES: Mapping[str | bytes, str] = {each: name for name in READ_HEADERS for each in (name, name.encode())}
"""The same headers by their names as text and as bytes, so that the names of the other headers are not decoded."""


class HeaderLookup(Sequence[tuple[str, str]]):
    """All headers of a response, which a transport decodes only when they are read."""

    @abstractmethod
    def read(self, names: frozenset[str]) -> dict[str, str]:
        """Return the headers of these names as `read_headers` does."""


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """Return the headers that are read: lower-case name to the first value that is not blank (rule 1).

    Bytes are decoded as Latin-1, which cannot fail. The readers in `protocol` reject a value that is not plain text.
    """
    if isinstance(raw, HeaderLookup):
        return raw.read(READ_HEADERS)
    folded: dict[str, str] = {}
    for name, value in raw:
        lower = name.lower()
        if lower in _NAMES and (key := _NAMES[lower]) not in folded:
            text = (value if isinstance(value, str) else value.decode("latin-1")).strip(" \t")
            if text:
                folded[key] = text
    return folded


def client_request_id_of(request: HTTPRequest) -> str | None:
    """Return the client request id of a request; None if it is absent or not printable ASCII."""
    text: str | None = request.headers.get(CLIENT_REQUEST_ID)
    return text if text is not None and text.isascii() and text.isprintable() else None
