"""Rule 9: the lists of origins that a caller may give, and the entries that are refused."""

from __future__ import annotations

import httpx
import httpx2
import pytest

from azpoll.protocol.url_policy import Origin, URLPolicy
from azpoll.tracking.origins import checked_url_policy

PARSERS = pytest.mark.parametrize("parse", [httpx.URL, httpx2.URL])


def origins_of(allowed: list[str], anonymous: list[str], parse: type[httpx.URL | httpx2.URL] = httpx.URL) -> URLPolicy:
    """Return checked lists."""
    return checked_url_policy(allowed, anonymous, None, "", parse)


@PARSERS
@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        ("https://host", Origin("https", "host", 443)),
        ("https://Host.Example:8443/", Origin("https", "host.example", 8443)),
        ("http://10.0.0.1:8080", Origin("http", "10.0.0.1", 8080)),
        ("https://[2001:db8::1]", Origin("https", "2001:db8::1", 443)),
        ("https://b\u00fccher.example", Origin("https", "xn--bcher-kva.example", 443)),
        ("https://*.analysis.windows.net", Origin("https", "*.analysis.windows.net", 443)),
        ("https://*.contoso.com:8443", Origin("https", "*.contoso.com", 8443)),
        ("https://*.B\u00fccher.example", Origin("https", "*.xn--bcher-kva.example", 443)),
        ("https://contoso.sharepoint.com", Origin("https", "contoso.sharepoint.com", 443)),
    ],
)
def test_rule_9_an_entry_is_an_origin_or_a_wildcard(
    entry: str, origin: Origin, parse: type[httpx.URL | httpx2.URL]
) -> None:
    """In both lists."""
    listed = origins_of([entry], [], parse)
    assert (set(listed.allowed), set(listed.anonymous)) == ({origin}, set())
    listed = origins_of([], [entry], parse)
    assert (set(listed.allowed), set(listed.anonymous)) == (set(), {origin})


@PARSERS
@pytest.mark.parametrize("name", ["allowed_origins", "anonymous_origins"])
@pytest.mark.parametrize(
    "entry",
    [
        *("https://*", "https://*.com", "https://*.", "https://*..com", "https://*.a.b.", "https://*.*.contoso.com"),
        *("https://a*.contoso.com", "https://a.*.contoso.com", "https://**.contoso.com", "http://*.contoso.com"),
        *("https://*.0.0.1", "https://*.contoso.com/path", "*.contoso.com", "https://a b", "https://a.b:99999"),
        *("https://a.b:x", "https://a.b/path", "https://a.b?x", "https://a.b#x", "https://u:secret@a.b", "https://"),
        *("", "ftp://a.b", "a.b", "https://a^b", "https://a..b", "https://a%2eb", "https://*.u:secret@a.b.c"),
    ],
)
def test_rule_9_a_bad_entry_is_refused_with_what_is_allowed(
    entry: str, name: str, parse: type[httpx.URL | httpx2.URL]
) -> None:
    """Before anything is sent, and without its user information."""
    lists = {"allowed_origins": list[str](), "anonymous_origins": list[str](), name: [entry]}
    with pytest.raises(ValueError, match=f"^{name}: .*https://\\*") as caught:
        origins_of(lists["allowed_origins"], lists["anonymous_origins"], parse)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "suffix",
    ["sharepoint.com", "blob.core.windows.net", "z6.web.core.windows.net", "azurewebsites.net", "cloudapp.azure.com"],
)
def test_rule_9_a_wildcard_over_strangers_gets_no_credentials(suffix: str) -> None:
    """`anonymous_origins` accepts it, and the error says so."""
    wildcard = f"https://*.{suffix}"
    with pytest.raises(ValueError, match="anonymous_origins"):
        origins_of([wildcard], [])
    assert origins_of([], [wildcard]).anonymous == {Origin("https", f"*.{suffix}", 443)}


def test_a_gateway_is_trusted_and_the_initial_origin_is_that_of_the_client() -> None:
    listed = checked_url_policy([], [], "https://gw.example/arm", "https://home.example/base", httpx.URL)
    gateway, home = Origin("https", "gw.example", 443), Origin("https", "home.example", 443)
    assert (listed.initial, set(listed.allowed), set(listed.anonymous)) == (home, {gateway}, set())
    assert listed.rebase_to == "https://gw.example/arm"


@pytest.mark.parametrize("lists", [("https://a.b", []), ([], "https://a.b")])
def test_a_list_is_not_one_text(lists: tuple[list[str], list[str]]) -> None:
    with pytest.raises(TypeError, match="collection of URLs"):
        origins_of(*lists)
