"""`scope_of`: the read-limit scope of a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.schedule.scopes import Scope, names_scopes, scope_of

HOST = "https://management.azure.com"


@pytest.mark.parametrize(
    ("path", "subscription", "sub_scope"),
    [
        (
            "/subscriptions/S1/providers/Microsoft.Compute/locations/westeurope/operations/o",
            "s1",
            "microsoft.compute/westeurope",
        ),
        (
            "/subscriptions/S1/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
            "s1",
            "microsoft.storage/",
        ),
        (
            "/subscriptions/s/providers/A.A/locations/x/providers/B.B/widgets/w",
            "s",
            "b.b/",
        ),
        ("/subscriptions/s/resourceGroups/g", "s", ""),
        ("/subscriptions/s", "s", ""),
        ("/subscriptions", "", ""),
        ("/providers/Microsoft.Management/managementGroups/m", "", "microsoft.management/"),
        ("/", "", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_scope_and_sub_scope_are_read_from_the_path(path: str, subscription: str, sub_scope: str) -> None:
    """Subscription or tenant; the last provider, and the location after it."""
    assert scope_of(f"{HOST}{path}?api-version=1", "") == (Scope(HOST, subscription, ""), sub_scope)


def test_a_gateway_with_a_path_keeps_the_subscriptions_apart() -> None:
    """As `rebase_to` may name one; the subscriptions of a management group are those of its tenant."""
    for path in ("arm/subscriptions/A/x", "a/b/subscriptions/a/x"):
        assert scope_of(f"{HOST}/{path}", "")[0] == Scope(HOST, "a", "")
    group = "providers/Microsoft.Management/managementGroups/g/subscriptions/s"
    assert scope_of(f"{HOST}/{group}", "")[0] == Scope(HOST, "", "")
    assert scope_of(f"{HOST}/subscriptions/s/topics/t/subscriptions/u", "")[0] == Scope(HOST, "s", "")


def test_the_query_does_not_matter() -> None:
    scope, sub_scope = scope_of(f"{HOST}/x?y=/subscriptions/s/providers/p", "")
    assert (scope.subscription, sub_scope) == ("", "")


def test_case_does_not_matter() -> None:
    assert scope_of("HTTPS://Host/SUBSCRIPTIONS/A/x", "p") == scope_of("https://host/subscriptions/a/x", "p")


@pytest.mark.parametrize(
    ("spelling", "origin"),
    [
        ("https://Management.Azure.COM", HOST),
        ("HTTPS://management.azure.com:443", HOST),
        ("https://management.azure.com:0443", HOST),
        ("https://management.azure.com:", HOST),
        ("https://management.azure.com:0444", f"{HOST}:444"),
        ("https://management.azure.com:80", f"{HOST}:80"),
        ("http://localhost:0080", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://[::1]:0443", "https://[::1]"),
        ("https://[::1]", "https://[::1]"),
        ("https://[::443]:8443", "https://[::443]:8443"),
    ],
)
def test_rule_54_all_spellings_of_an_origin_share_a_scope(spelling: str, origin: str) -> None:
    """Case, leading zeros and a written default port make no second scope with a budget of its own."""
    assert scope_of(f"{spelling}/subscriptions/s/x/1", "")[0] == Scope(origin, "s", "")


def test_each_principal_and_origin_has_a_scope() -> None:
    url = f"{HOST}/subscriptions/s/x"
    other = url.replace("azure.com", "azure.cn")
    assert len({scope_of(url, "")[0], scope_of(url, "me")[0], scope_of(other, "")[0]}) == 3


def test_a_scope_is_shown_without_empty_parts() -> None:
    assert str(Scope(HOST, "", "")) == HOST
    assert str(Scope(HOST, "s", "me")) == f"{HOST} s me"


@pytest.mark.parametrize(
    ("collection", "naming"),
    [
        (f"{HOST}/Subscriptions", True),
        ("x/providers", True),
        ("x/LOCATIONS", True),
        ("x/operations", False),
        ("", False),
    ],
)
def test_members_of_some_collections_have_different_scopes(collection: str, naming: bool) -> None:  # noqa: FBT001 - a table
    assert names_scopes(collection) is naming


SPELLINGS = st.tuples(
    st.sampled_from(["https", "HTTPS", "hTTps"]),
    st.sampled_from(["management.azure.com", "MANAGEMENT.azure.COM", "management.azure.com."]),
    st.sampled_from(["", ":", ":443", ":0443", ":000443"]),
    st.sampled_from(["subscriptions", "Subscriptions", "%73ubscriptions", "/subscriptions", "%53UBSCRIPTIONS"]),
    st.sampled_from(["0a-1B", "0A-1b", "%30a-1b", "0%61-1%42", "0a%2D1b", "0a%2d1b", "/0a-1b"]),
    st.sampled_from(["Microsoft.Compute", "microsoft.compute", "Microsoft%2ECompute", "/Microsoft.Compute"]),
    st.sampled_from(["west", "WEST", "w%65st", "w%45st"]),
    st.sampled_from(["", "?x=1", "?subscriptions=other", "?/providers/Other/locations/east"]),
)


@given(SPELLINGS)
def test_rule_54_all_spellings_of_a_url_share_a_scope_and_a_provider(spelling: tuple[str, ...]) -> None:
    scheme, host, port, collection, subscription, provider, location, query = spelling
    path = f"{collection}/{subscription}/providers/{provider}/locations/{location}/operations/o{query}"
    scope, sub_scope = scope_of(f"{scheme}://{host}{port}/{path}", "")
    assert scope == Scope("https://management.azure.com", "0a-1b", "")
    assert sub_scope == "microsoft.compute/west"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_rule_54_any_url_has_a_scope_in_lower_case(rest: str) -> None:
    scope, sub_scope = scope_of(f"https://{rest}", "")
    assert scope.origin == scope.origin.lower()
    assert scope.subscription == scope.subscription.lower()
    assert sub_scope == sub_scope.lower()
