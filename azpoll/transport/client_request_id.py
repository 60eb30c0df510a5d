"""The header `x-ms-client-request-id`, by which Azure correlates the requests of one operation (rule 45)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.transport.library import HTTPRequest

CLIENT_REQUEST_ID = "x-ms-client-request-id"
_RAW_NAME = CLIENT_REQUEST_ID.encode()


def client_request_id_of(request: HTTPRequest) -> str | None:
    """Return the client request id of a request; None if it is absent or not printable ASCII."""
    # The look-up of `httpx.Headers` would decode all headers.
    values = [value for name, value in request.headers.raw if name.lower() == _RAW_NAME]
    text = b", ".join(values).decode("latin-1")
    return text if values and text.isascii() and text.isprintable() else None
