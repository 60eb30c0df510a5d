"""Headers mean the same whether a transport delivers them as bytes or as text.

The client request id of a request is repeated by its polls only if it is printable ASCII (rule 45).
"""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.transport.headers import (
    CLIENT_REQUEST_ID,
    READ_HEADERS,
    client_request_id_of,
    read_headers,
)
from tests.support.folded_headers import fold_headers

URL = "https://management.azure.com"

LIBRARY = pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)

READ = sorted(READ_HEADERS)
LATIN = st.text(st.characters(max_codepoint=0xFF))
NAMES = st.sampled_from([*READ, *(name.title() for name in READ), "x-other", "n" * 5000]) | LATIN
PAIRS = st.lists(st.tuples(NAMES, LATIN | st.sampled_from(["", " ", "\t5 "])))


@given(pairs=PAIRS)
def test_text_and_bytes_are_read_alike(pairs: list[tuple[str, str]]) -> None:
    """The headers that are read have the values that `fold_headers` gives them."""
    read = {name: value for name, value in fold_headers(pairs).items() if name in READ_HEADERS}
    in_bytes = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    assert read_headers(pairs) == read_headers(in_bytes) == read


@pytest.mark.parametrize(
    ("pairs", "headers"),
    [
        ([], {}),
        ([("Retry-After", "17")], {"retry-after": "17"}),
        ([("RETRY-AFTER", "1"), ("retry-after", "2")], {"retry-after": "1"}),
        ([("Location", ""), ("location", " \t"), ("LOCATION", " /op ")], {"location": "/op"}),
        ([("Location", " "), ("Date", "now")], {"date": "now"}),
        ([("Location", "\u00a0X\x0b ")], {"location": "\u00a0X\x0b"}),
        ([("Location", "\tX-X ")], {"location": "X-X"}),
    ],
)
def test_rule_1_the_first_non_blank_value_of_a_header_counts(
    pairs: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    """Names match without case, and a blank header is absent."""
    assert read_headers(pairs) == headers


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
