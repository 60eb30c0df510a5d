"""The client request id of a request is repeated by its polls only if it is printable ASCII (rule 45)."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest

from azpoll.transport.client_request_id import CLIENT_REQUEST_ID, client_request_id_of

URL = "https://management.azure.com"

LIBRARY = pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)


@LIBRARY
@pytest.mark.parametrize(("sent", "kept"), [("a-1", "a-1"), ("\u00e9", None), ("a\tb", None)])
def test_a_client_request_id_is_repeated_only_if_it_is_plain(sent: str, kept: str | None, library: Any) -> None:
    """T13: the caller cannot inject a second header."""
    raw = [(CLIENT_REQUEST_ID.encode(), sent.encode("latin-1"))]
    assert client_request_id_of(library.Request("PUT", URL, headers=raw)) == kept
    assert client_request_id_of(library.Request("PUT", URL)) is None


@LIBRARY
def test_repeated_client_request_ids_are_one_list(library: Any) -> None:
    """RFC 9110 5.3: lines of one name are one list; httpx reads them in the same way."""
    request = library.Request("PUT", URL, headers=[("X-MS-Client-Request-ID", "a"), ("x-ms-client-request-id", "b")])
    assert client_request_id_of(request) == request.headers[CLIENT_REQUEST_ID] == "a, b"
