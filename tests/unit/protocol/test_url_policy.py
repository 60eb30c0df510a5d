"""Rules 8 to 13: which URLs may be asked, and what is asked for them."""

from __future__ import annotations

import re

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.url_policy import MAX_URL, Origin, RejectedURL, URLPolicy, before_path, lists, origin_of
from tests.support.protocol_rows import HOST, RESOURCE, TRUST, url

BASE = f"{HOST}/a/b/op?t=secret"
GATEWAY = "https://gw.contoso.net"


def target(named: str, url_policy: URLPolicy = TRUST, base: str = BASE) -> str | RejectedURL:
    """Return the resolved URL for one that an answer of `base` names."""
    return url_policy.resolve(named, base=base, resource_url=RESOURCE)


def origin(text: str) -> Origin:
    """Return the origin of a URL."""
    return origin_of(httpx.URL(text))


def trust_of(initial: str, *allowed: str, rebase_to: str | None = None) -> URLPolicy:
    """Return the trust of an operation begun at `initial`."""
    return URLPolicy(httpx.URL, origin(initial), frozenset(map(origin, allowed)), rebase_to)


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("/op", url("/op")),
        ("/a//b", url("/a//b")),
        ("op2", url("/a/b/op2")),
        ("../op2", url("/a/op2")),
        ("?t=2", url("/a/b/op?t=2")),
        ("//management.azure.com/op", url("/op")),
        (HOST, url("")),
    ],
)
def test_rule_8_relative_urls_resolve_against_the_answer_that_carried_them(named: str, asked: str) -> None:
    """Not against the initial request."""
    assert target(named) == asked


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("a b", "a blank"),
        ("?a b", "a blank"),
        (" /a", "a blank"),
        ("//a b/c", "a blank"),
        ("https://a b/c", "a blank"),
        ("https://a /c", "a blank"),
        ("https: //a/c", "no host"),
        ("/a b#x", "a fragment"),
        ("/a\tb", "a control"),
        ("/a\r\nX: y", "a control"),
        ("/a\x00", "a control"),
        ("/ä", "non-ASCII"),
        ("/op#x", "a fragment"),
        ("\\\\evil", "a backslash"),
        ("https://user:pw@management.azure.com/op", "user information"),
        ("https://@management.azure.com/op", "user information"),
        ("//user@management.azure.com/op", "user information"),
        ("https:///op", "no host"),
        ("https:/op", "no host"),
        ("https:op", "no host"),
        ("///op", "no host"),
        ("//", "no host"),
        ("//?op", "no host"),
        ("https://[::1", "not a URL"),
        ("https://management.azure.com:x/", "not a URL"),
        ("ftp://management.azure.com/op", "not a URL"),
        ("javascript:alert", "not a URL"),
        ("management.azure.com:443/op", "not a URL"),
        ("https://bad^host/", "not a URL"),
        ("https://a..b/", "not a URL"),
        ("https://*.azure.com/", "not a URL"),
        ("https://management%2eazure%2ecom/", "not a URL"),
        ("https://management.azure.com:99999/", "not a URL"),
        ("https://management.azure.com:0/", "not a URL"),
    ],
)
def test_rule_8_an_invalid_url_is_refused(named: str, why: str) -> None:
    """Blanks, control characters, userinfo, fragments and an empty host are errors, with nothing to resume at."""
    refused = target(named)
    assert isinstance(refused, RejectedURL)
    assert why in refused.reason
    assert refused.reason in {
        "it holds a blank, a control or non-ASCII character, a backslash or a fragment",
        "it carries user information",
        "it names no host",
        "it is not a URL",
    }
    assert (refused.url, refused.is_malformed, refused.advice) == (None, True, "")


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        (f"{HOST}/locations/South Central US/op?r=West US", url("/locations/South%20Central%20US/op?r=West%20US")),
        ("/a  b", url("/a%20%20b")),
        ("//management.azure.com/a b", url("/a%20b")),
        (f"{HOST}?r=a b", url("?r=a%20b")),
        ("/a%20b c", url("/a%20b%20c")),
        ("HTTPS://MANAGEMENT.AZURE.COM/a b", "HTTPS://MANAGEMENT.AZURE.COM/a%20b?api-version=1"),
    ],
)
def test_rule_8_a_raw_blank_in_path_or_query_is_percent_encoded(named: str, asked: str) -> None:
    """HDInsight, Kusto and PostgreSQL name regions with blanks; nothing else of the URL changes."""
    assert target(named) == asked


@pytest.mark.parametrize("scheme", ["ftp", "javascript", "file"])
def test_rule_8_only_http_and_https_have_an_origin(scheme: str) -> None:
    """The error names the scheme alone."""
    with pytest.raises(ValueError, match=f"^not an http or https URL: scheme '{scheme}'$"):
        origin(f"{scheme}://host/path")


@pytest.mark.parametrize(
    "named", ["a b", "https://user:pw@management.azure.com/op", "https:///op", "https:op", "///op"]
)
def test_rule_8_a_rebased_url_must_be_valid(named: str) -> None:
    """Moving a URL to a gateway hides nothing that is wrong with it."""
    assert isinstance(target(named, trust_of(GATEWAY, rebase_to=f"{GATEWAY}/arm"), f"{GATEWAY}/arm/op"), RejectedURL)


@pytest.mark.parametrize(
    ("initial", "named", "trusted"),
    [
        (HOST, f"{HOST}:443/op", True),
        (HOST, f"{HOST}:0443/op", True),
        (HOST, f"{HOST}:/op", True),
        (HOST, "HTTPS://MANAGEMENT.AZURE.COM/op", True),
        (f"{HOST}:443", f"{HOST}/op", True),
        (HOST, f"{HOST}:8443/op", False),
        (HOST, f"{HOST}:80/op", False),
        (HOST, "http://management.azure.com/op", False),
        (HOST, "http://management.azure.com:443/op", False),
        (HOST, "https://management.azure.com./op", False),
        (HOST, "https://eu.management.azure.com/op", False),
        (HOST, "https://azure.com/op", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/op", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1/op", False),
        ("http://127.0.0.1:8080", "https://127.0.0.1:8080/op", False),
        ("http://[::1]:8080", "http://[::1]:8080/op", True),
        ("https://bücher.example", "https://xn--bcher-kva.example/op", True),
    ],
)
def test_rule_9_the_origin_must_be_that_of_the_initial_request(initial: str, named: str, trusted: bool) -> None:  # noqa: FBT001 - a row
    """Scheme, lower-case IDNA host and effective port; `:443` equals none."""
    asked = target(named, trust_of(initial))
    if trusted:
        assert asked == f"{named}?api-version=1"
    else:
        assert isinstance(asked, RejectedURL)
        assert asked.url == named


@pytest.mark.parametrize(
    ("initial", "allowed", "named", "trusted"),
    [
        (HOST, "https://eu.azure.com", "https://eu.azure.com/op", True),
        (HOST, "https://eu.azure.com", "https://eu.azure.com:443/op", True),
        (HOST, "https://eu.azure.com", "https://a.eu.azure.com/op", False),
        (HOST, "https://eu.azure.com", "http://eu.azure.com/op", False),
        (HOST, "http://eu.azure.com", "http://eu.azure.com/op", False),
        ("http://localhost", "http://eu.azure.com", "http://eu.azure.com/op", True),
        ("http://localhost", "https://eu.azure.com", "https://eu.azure.com/op", True),
        ("http://localhost", "https://eu.azure.com", "http://eu.azure.com/op", False),
    ],
)
def test_rule_9_the_origin_may_be_one_that_the_caller_listed(
    initial: str,
    allowed: str,
    named: str,
    trusted: bool,  # noqa: FBT001 - a row
) -> None:
    """Exactly; and plain http only where the initial request used it."""
    asked = target(named, trust_of(initial, allowed))
    assert asked == named if trusted else isinstance(asked, RejectedURL)


REGIONS = "https://*.analysis.windows.net"


@pytest.mark.parametrize(
    ("named", "trusted"),
    [
        ("https://wabi-west-us.analysis.windows.net/op", True),
        ("https://WABI.Analysis.Windows.Net:443/op", True),
        ("https://analysis.windows.net/op", False),
        ("https://a.b.analysis.windows.net/op", False),
        ("https://a.analysis.windows.net.evil.example/op", False),
        ("https://.analysis.windows.net/op", False),
        ("https://*.analysis.windows.net/op", False),
        ("https://xanalysis.windows.net/op", False),
        ("https://a.analysis.windows.net:8443/op", False),
        ("https://a.analysis.windows.net./op", False),
        ("http://a.analysis.windows.net/op", False),
    ],
)
def test_rule_9_a_wildcard_stands_for_one_whole_leading_label(named: str, trusted: bool) -> None:  # noqa: FBT001 - a row
    """At the default port, with https."""
    assert (target(named, trust_of(HOST, REGIONS)) == named) is trusted


MONITOR = "https://contoso.sharepoint.example/op"


def policy_of(*allowed: str, anonymous: tuple[str, ...], initial: str = HOST) -> URLPolicy:
    """Return the trust with anonymous origins."""
    return trust_of(initial, *allowed)._replace(anonymous=frozenset(map(origin, anonymous)))


@pytest.mark.parametrize(
    ("url_policy", "anonymous"),
    [
        (policy_of(anonymous=("https://contoso.sharepoint.example",)), True),
        (policy_of(anonymous=("https://*.sharepoint.example",)), True),
        (policy_of("https://*.sharepoint.example", anonymous=("https://*.sharepoint.example",)), True),
        (policy_of("https://*.sharepoint.example", anonymous=("https://contoso.sharepoint.example",)), True),
        (policy_of("https://contoso.sharepoint.example", anonymous=("https://contoso.sharepoint.example",)), True),
        (policy_of("https://contoso.sharepoint.example", anonymous=("https://*.sharepoint.example",)), False),
        (policy_of("https://*.sharepoint.example", anonymous=("https://other.example",)), False),
        (policy_of("https://*.sharepoint.example", anonymous=()), False),
        (policy_of(anonymous=("https://*.sharepoint.example",), initial="https://contoso.sharepoint.example"), True),
    ],
)
def test_rule_9_an_anonymous_origin_gets_no_credentials(url_policy: URLPolicy, anonymous: bool) -> None:  # noqa: FBT001 - a row
    """Also where it is trusted too; only an exact entry among the trusted ones outweighs a wildcard."""
    assert target(MONITOR, url_policy) in (MONITOR, f"{MONITOR}?api-version=1")
    assert url_policy.is_anonymous(MONITOR) is anonymous
    assert not url_policy.is_anonymous(BASE)


def test_rule_10_urls_of_anonymous_origins_do_not_move_to_the_gateway() -> None:
    """It serves other paths, with credentials."""
    listed = ("https://*.sharepoint.example", "https://*.contoso.net")
    url_policy = policy_of(GATEWAY, anonymous=listed, initial=GATEWAY)._replace(rebase_to=GATEWAY)
    assert target(MONITOR, url_policy, GATEWAY) == MONITOR
    assert target(f"{HOST}/op", url_policy, GATEWAY) == f"{GATEWAY}/op?api-version=1"
    assert not url_policy.is_anonymous(f"{GATEWAY}/op")


ALLOWED, ANONYMOUS, REBASE = "allowed_origins", "anonymous_origins", "rebase_to"


@pytest.mark.parametrize(
    ("initial", "named", "option"),
    [
        (HOST, "https://evil.example/op", ALLOWED),
        (HOST, "https://azure.com/op", ALLOWED),
        (HOST, "https://a.b.management.azure.com/op", ALLOWED),
        (HOST, f"{HOST}:8443/op", ALLOWED),
        ("https://contoso.com", "https://api.contoso.com/op", ALLOWED),
        ("https://api.fabric.microsoft.com", "https://wabi-west.analysis.windows.net/op", ALLOWED),
        (HOST, "https://contoso.sharepoint.com/op", ANONYMOUS),
        (HOST, "https://a.blob.core.windows.net/op", ANONYMOUS),
        (HOST, "https://a.westus.cloudapp.azure.com/op", ANONYMOUS),
        ("https://a.azurewebsites.net", "https://b.a.azurewebsites.net/op", ANONYMOUS),
        (HOST, "https://eastus2euap.management.azure.com/op", REBASE),
        ("https://centraluseuap.management.azure.com", f"{HOST}/op", REBASE),
        ("https://a.scm.azurewebsites.net", "http://a.scm.azurewebsites.net/op", REBASE),
        (HOST, "http://10.0.0.1:8080/op", REBASE),
        (HOST, "http://evil.example/op", REBASE),
        (HOST, "https://u@evil.example/op", None),
        (HOST, "https:///op", None),
        (HOST, "/op".ljust(MAX_URL + 1, "x"), None),
    ],
)
def test_rule_9_the_advice_names_the_option_that_helps(initial: str, named: str, option: str | None) -> None:
    """One alone, and none for a URL that no option can make acceptable."""
    rejected = target(named, trust_of(initial), initial)
    assert isinstance(rejected, RejectedURL)
    assert [each for each in (ALLOWED, ANONYMOUS, REBASE) if each in rejected.advice] == ([option] if option else [])
    if option == REBASE:
        moved = target(named, trust_of(initial, initial, rebase_to=initial), initial)
        assert moved in (f"{initial}/op", f"{initial}/op?api-version=1")


@pytest.mark.parametrize(
    ("named", "advice"),
    [
        ("https://evil.example/op", "If you trust that origin, list it in allowed_origins"),
        (
            "https://a.blob.core.windows.net/op",
            (
                "Anyone may register a host beside it. If the URL needs no credential, list its origin in"
                " anonymous_origins"
            ),
        ),
        (
            "https://westus.management.azure.com/op",
            f"If it is a regional host of the same service, give rebase_to='{HOST}'",
        ),
        (
            "http://evil.example/op",
            f"If the same paths work at {HOST}, give rebase_to='{HOST}', since plain http is not used",
        ),
    ],
)
def test_rule_9_the_advice_is_one_clause(named: str, advice: str) -> None:
    rejected = target(named)
    assert isinstance(rejected, RejectedURL)
    assert rejected.advice == advice


@pytest.mark.parametrize(
    ("listed", "host", "is_listed"),
    [
        ("eu.azure.com", "eu.azure.com", True),
        ("*.azure.com", "eu.azure.com", True),
        ("*.azure.com", "azure.com", False),
        ("*.azure.com", ".azure.com", False),
        ("*", "localhost", False),
        ("*.", "localhost.", False),
    ],
)
def test_rule_9_a_wildcard_stands_for_one_label_before_others(listed: str, host: str, *, is_listed: bool) -> None:
    assert lists(frozenset({Origin("https", listed, 443)}), Origin("https", host, 443)) is is_listed


def test_rule_9_a_refusal_names_both_origins_and_no_query() -> None:
    """So that a person can tell what to list."""
    refused = target("https://evil.example:8443/op?sig=canary")
    assert isinstance(refused, RejectedURL)
    assert "https://evil.example:8443" in refused.reason
    assert HOST in refused.reason
    assert "canary" not in repr(refused)


def test_rule_45_of_a_refused_origin_300_characters_are_shown() -> None:
    """A name of DNS is shorter; whatever else a service puts there does not fill the log."""
    refused = target(f"https://{'.'.join(['x' * 60] * 20)}/op")
    assert isinstance(refused, RejectedURL)
    shown = refused.reason.partition(" is neither ")[0].removeprefix("its origin ")
    assert (len(shown), shown[:10], shown[-1]) == (300, "https://xx", "…")


@pytest.mark.parametrize(
    "text", [HOST, "http://localhost:8080", "http://[::1]:8080", "https://[2001:db8::1]", "https://h:80", "http://h"]
)
def test_rule_9_an_origin_is_written_as_it_can_be_listed(text: str) -> None:
    """With brackets around an IPv6 address, and without the port of the scheme."""
    assert str(origin(text)) == text
    assert origin(str(origin(text))) == origin(text)
    assert (origin(HOST).port, origin("http://h").port) == (443, 80)


@pytest.mark.parametrize(
    ("rebase_to", "named", "asked"),
    [
        (GATEWAY, f"{HOST}/op?t=1", f"{GATEWAY}/op?t=1&api-version=1"),
        (f"{GATEWAY}/arm/", f"{HOST}/op?api-version=2", f"{GATEWAY}/arm/op?api-version=2"),
        (f"{GATEWAY}/arm", f"{GATEWAY}/arm/op", f"{GATEWAY}/arm/op?api-version=1"),
        (f"{GATEWAY}/X/", f"{HOST}/op", f"{GATEWAY}/X/op?api-version=1"),
        (f"{GATEWAY}/arm", f"{HOST}?t=1", f"{GATEWAY}/arm?t=1&api-version=1"),
        (GATEWAY, "https://evil.example/op", f"{GATEWAY}/op?api-version=1"),
        (GATEWAY, "/op", f"{GATEWAY}/op?api-version=1"),
    ],
)
def test_rule_10_urls_of_other_origins_move_to_the_gateway(rebase_to: str, named: str, asked: str) -> None:
    """URLs of the gateway stay, and so does a URL that was moved before."""
    url_policy = trust_of(GATEWAY, rebase_to=rebase_to)
    assert target(named, url_policy, f"{GATEWAY}/x") == asked
    assert target(asked, url_policy, f"{GATEWAY}/x") == asked


def test_rule_10_a_gateway_is_trusted_only_if_the_caller_says_so() -> None:
    """The check of rule 9 comes after the move."""
    assert isinstance(target(f"{HOST}:8443/op", trust_of(HOST, rebase_to=GATEWAY)), RejectedURL)
    assert target(f"{HOST}/op", trust_of(HOST, GATEWAY, rebase_to=GATEWAY)) == f"{GATEWAY}/op"


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("/op", "/op?api-version=1"),
        ("/op?t=1", "/op?t=1&api-version=1"),
        ("/op?api-version=2", "/op?api-version=2"),
        ("/op?API-Version=2&t=1", "/op?API-Version=2&t=1"),
        ("/op?api%2Dversion=2", "/op?api%2Dversion=2"),
        ("/op?api-version=", "/op?api-version="),
        ("/op?x-api-version=2", "/op?x-api-version=2&api-version=1"),
        ("/op?q=api-version=2", "/op?q=api-version=2&api-version=1"),
        ("/op?q=?api-version=2", "/op?q=?api-version=2&api-version=1"),
        ("/op?api-version=2=3", "/op?api-version=2=3"),
        ("/op?api-version", "/op?api-version"),
        ("/o%2Fp//x;y?a=%20&a=b", "/o%2Fp//x;y?a=%20&a=b&api-version=1"),
    ],
)
def test_rule_12_an_api_version_is_kept_or_added_and_nothing_else_is_rewritten(named: str, asked: str) -> None:
    """Its name matches without case; Operational Insights breaks where another is put in its place."""
    assert target(HOST + named) == HOST + asked
    assert target(named) == HOST + asked


@pytest.mark.parametrize("resource", [f"{HOST}/vm", f"{HOST}/vm?t=1", f"{HOST}/vm?API-version=7"])
def test_rule_12_the_api_version_is_that_of_the_initial_request_unchanged(resource: str) -> None:
    """None is invented."""
    added = "?API-version=7" if "API" in resource else ""
    assert TRUST.resolve("/op", base=BASE, resource_url=resource) == f"{HOST}/op{added}"


def test_rule_12_no_api_version_goes_to_another_origin() -> None:
    """It is of the initial one."""
    assert target("https://eu.azure.com/op", trust_of(HOST, "https://eu.azure.com")) == "https://eu.azure.com/op"


@pytest.mark.parametrize(("longer", "fits"), [(0, True), (1, False)])
@pytest.mark.parametrize("version", ["?api-version=2", ""])
def test_rule_13_urls_of_8_kib_work(longer: int, fits: bool, version: str) -> None:  # noqa: FBT001 - a row
    """Longer ones do not, the api-version that rule 12 adds included."""
    assert MAX_URL == 8 * 1024
    whole = version or "?api-version=1"
    path = "/op".ljust(MAX_URL - len(HOST) - len(whole) + longer, "x")
    asked = target(HOST + path + version)
    assert asked == (HOST + path + whole if fits else RejectedURL(f"it is longer than {MAX_URL} characters"))


def test_rule_13_a_url_of_another_origin_can_be_resumed_at_if_it_is_not_too_long() -> None:
    """To the character."""
    longest = "https://evil.example/".ljust(MAX_URL, "x")
    kept = [refused.url for refused in (target(longest), target(f"{longest}x")) if isinstance(refused, RejectedURL)]
    assert kept == [longest, None]


@pytest.mark.parametrize("named", ["https://evil.example/" + "x" * MAX_URL, "/" + "x" * 70_000])
def test_rule_13_a_long_url_cannot_be_resumed_at(named: str) -> None:
    """With any other defect too."""
    refused = target(named)
    assert isinstance(refused, RejectedURL)
    assert refused.url is None


HOSTILE = st.text(st.sampled_from("/\\@:?#.%[]-;&=+ \t\n0127aefhilmnostvzA\u3002\uff0e")) | st.text()
STARTS = st.sampled_from(
    ["", "/", "//", "https:", "https:/", "https://", "{home}", "{home}/", "{home}:", "http://", "{home}@", "h:"]
)
HOMES = st.sampled_from([HOST, f"{HOST}:8443", "http://10.0.0.1:80", "https://[::1]", "http://[::1]:8080"])


@given(home=HOMES, start=STARTS, rest=HOSTILE, rebase_to=st.none() | st.just(f"{GATEWAY}/arm"))
def test_rule_9_only_trusted_origins_are_requested_for_any_named_url(
    home: str, start: str, rest: str, rebase_to: str | None
) -> None:
    """By the class that checks and by the other one that may send; and checking again changes nothing."""
    url_policy = trust_of(home, GATEWAY, rebase_to=rebase_to)
    asked = target(start.format(home=home) + rest, url_policy)
    if isinstance(asked, str):
        assert re.fullmatch(r"[\x21-\x7e]{1,8300}", asked)
        for parsed in (httpx.URL(asked), httpx2.URL(asked)):
            assert origin_of(parsed) in {url_policy.initial, *url_policy.allowed}
            assert not parsed.userinfo
            assert not parsed.fragment
        assert target(asked, url_policy) == asked
    else:
        assert isinstance(asked, RejectedURL)


@pytest.mark.parametrize(
    ("named", "before"),
    [
        ("https://h:8/a/b?c=/d", "https://h:8"),
        ("http://h/", "http://h"),
        ("https://u@h?a", "https://u@h?a"),
        ("https://h", "https://h"),
    ],
)
def test_the_part_of_a_url_before_its_path_decides_its_origin(named: str, before: str) -> None:
    """It also has the query if there is no path."""
    assert before_path(named) == before


@pytest.mark.parametrize("segment", ["..", ".", "%2e%2e", "%2E%2e", ".%2e", "%2e", "%2E."])
@pytest.mark.parametrize("rest", ["", "/b", "/b?x=1", "?x=1"])
def test_rule_12_a_url_with_a_segment_of_dots_is_refused(segment: str, rest: str) -> None:
    """HTTP libraries remove such segments, so that another path than the checked one would be requested."""
    policy = policy_of(anonymous=(), initial="https://management.azure.com")
    base = "https://management.azure.com/subscriptions/s/op"
    refused = policy.resolve(f"https://management.azure.com/a/{segment}{rest}", base=base, resource_url=base)
    assert isinstance(refused, RejectedURL)
    assert refused.reason == "its path has a segment of dots, which not every HTTP library sends as it is named"
    assert refused.is_malformed


@pytest.mark.parametrize("path", ["/...", "/a/.b", "/a/%2eb", "/a/b..", "/a?x=/../y", "/a?x=%2e%2e", "/a..b/c"])
def test_rule_12_dots_elsewhere_are_kept(path: str) -> None:
    policy = policy_of(anonymous=(), initial="https://management.azure.com")
    base = "https://management.azure.com/subscriptions/s/op"
    url = f"https://management.azure.com{path}"
    assert policy.resolve(url, base=base, resource_url=base) == url
