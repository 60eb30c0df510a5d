"""Threat T13: no text of the user becomes a separate header."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import azpoll
from azpoll.testing import FakeARM, Script, run_virtual
from azpoll.transport.headers import client_request_id_of
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY

THING = "/subscriptions/s/resourceGroups/g/things/t?api-version=1"
REQUEST_ID = "x-ms-client-request-id"
HOSTILE = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "X-Evil\0"]


@EACH_LIBRARY
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", [REQUEST_ID, "User-Agent", "x-api-key"])
def test_a_header_with_a_line_break_is_not_sent(name: str, value: str, library: Library) -> None:
    """The HTTP library rejects the header; the error says that nothing was sent and does not quote it."""
    arm = FakeARM(default=Script(duration_s=2, retry_after=1))

    async def run() -> None:
        async with (
            arm.serve() as base,
            new_client(library, base_url=base, trust_env=False) as client,
            azpoll.Tracker(client) as tracker,
        ):
            with pytest.raises(azpoll.InitialRequestFailed, match="Nothing was sent") as caught:
                await tracker.begin("DELETE", THING, headers={name: value})
            assert "Evil" not in str(caught.value)

    run_virtual(run, allow_sockets=True)
    assert not arm.requests


@given(text=st.text(st.characters(max_codepoint=255)) | st.sampled_from(HOSTILE))
def test_a_client_request_id_is_repeated_unchanged_or_not_at_all(text: str) -> None:
    """Only printable ASCII is repeated, which cannot end a header; tokens follow the same rule."""
    request = httpx.Request(
        "PUT", "https://management.azure.com/", headers=[(b"x-ms-client-request-id", text.encode("latin-1"))]
    )
    repeated = client_request_id_of(request)
    assert repeated is None or (repeated == text and repeated.isascii() and repeated.isprintable())
    assert repeated is not None or not text.isascii() or not text.isprintable()
