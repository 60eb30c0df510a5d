"""`Tracker.trusts`: whether requests with the client's credentials may go to the origin of a URL (rule 9)."""

from __future__ import annotations

import pytest

import azpoll
from azpoll.testing import FakeARM
from tests.support.clients import LIBRARIES, ORIGIN, Library, client_of


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        (f"{ORIGIN}/subscriptions/s", True),
        ("/subscriptions/s", True),
        ("subscriptions/s?next=https://elsewhere.example/x", True),
        ("https://listed.example/x", True),
        ("https://LISTED.example:443/x", True),
        ("https://one.wild.example/x", True),
        ("https://listed.example:8443/x", False),
        ("http://listed.example/x", False),
        ("https://anonymous.example/x", False),
        ("https://elsewhere.example/x", False),
        ("https://two.one.wild.example/x", False),
        ("https://user@listed.example/x", None),
        ("https://listed.example@elsewhere.example/x", None),
        (r"https://elsewhere.example\@listed.example/x", None),
        ("https://[broken/x", None),
        ("https://listed.example:99999/x", None),
    ],
)
@pytest.mark.anyio
@pytest.mark.parametrize("library", LIBRARIES)
async def test_an_origin_is_trusted_if_the_client_or_a_list_names_it(
    library: Library, url: str, *, trusted: bool | None
) -> None:
    """None stands for a URL that is none: a `ValueError`."""
    async with client_of(FakeARM(), library) as client:
        tracker = azpoll.Tracker(
            client,
            allowed_origins=["https://listed.example", "https://*.wild.example"],
            anonymous_origins=["https://anonymous.example"],
        )
        if trusted is None:
            with pytest.raises(ValueError, match="the URL"):
                tracker.trusts(url)
        else:
            assert tracker.trusts(url) is trusted
