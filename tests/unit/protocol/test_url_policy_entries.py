"""Rule 9 at every entry: no hostile URL of a service, or of a forged token, is ever requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.resume_token import decode, encode, state_of
from azpoll.protocol.states import Fetching, Pending, Polling, Succeeded, Unknown, UnknownReason
from azpoll.protocol.token_content import InvalidToken, Token
from azpoll.protocol.url_policy import MAX_URL, RejectedURL
from tests.support.protocol_rows import (
    HOST,
    RESOURCE,
    TRUST,
    History,
    accepted,
    monitor,
    plan,
    polling,
    reply,
    resource,
    run,
    run_from,
    url,
)

if TYPE_CHECKING:
    from collections.abc import Callable

AAO = {"Azure_AsyncOperation": "/op"}
LONG = f"{HOST}/op?api-version=1&t="

HOSTILE = {
    "another host": "https://evil.example/op",
    "a host below the trusted one": "https://management.azure.com.evil.example/op",
    "a host above it": "https://azure.com/op",
    "userinfo": "https://user:pw@management.azure.com/op",
    "userinfo that looks like the host": "https://management.azure.com@evil.example/op",
    "empty userinfo": "https://@management.azure.com/op",
    "backslash at": "https://evil.example\\@management.azure.com/op",
    "backslashes for slashes": "\\\\evil.example\\op",
    "tab": "https://management.azure.com\t.evil.example/op",
    "blank in the host": "https://management.azure .com/op",
    "blank after the host": "https://management.azure.com /op",
    "blank in a relative path": "op 2",
    "CRLF": "https://management.azure.com/op\r\nX-Evil: 1",
    "NUL": "https://management.azure.com/op\0",
    "%2e": "https://management%2eazure%2ecom/op",
    "full-width dot": "https://management\uff0eazure.com/op",
    "ideographic dot": "https://management\u3002azure.com/op",
    "letter of another script": "https://mana\u0261ement.azure.com/op",
    "no scheme": "//evil.example/op",
    "three slashes": "///evil.example/op",
    "one slash": "https:/evil.example/op",
    "slash and backslash": "https:/\\evil.example/op",
    "no slash": "https:evil.example/op",
    "downgrade": "http://management.azure.com/op",
    "downgrade by port": f"{HOST}:80/op",
    "file": "file:///etc/passwd",
    "script": "javascript:alert(1)",
    "IPv4": "https://169.254.169.254/metadata",
    "decimal IPv4": "https://2852039166/metadata",
    "octal IPv4": "https://0251.0376.0251.0376/metadata",
    "hexadecimal IPv4": "https://0xa9fea9fe/metadata",
    "IPv6-mapped": "https://[::ffff:169.254.169.254]/metadata",
    "broken IPv6": "https://[::1/op",
    "trailing dot": "https://management.azure.com./op",
    "other port": f"{HOST}:8443/op",
    "port 0": f"{HOST}:0/op",
    "port beyond all ports": f"{HOST}:99999/op",
    "fragment": f"{HOST}/op#x",
    "8 KiB + 1": LONG.ljust(MAX_URL + 1, "x"),
    "100 KiB": LONG.ljust(100_000, "x"),
}

HARMLESS = {
    "explicit port": (f"{HOST}:443/op", f"{HOST}:443/op?api-version=1"),
    "upper case": ("HTTPS://MANAGEMENT.AZURE.COM/op", "HTTPS://MANAGEMENT.AZURE.COM/op?api-version=1"),
    "blank": ("https://management.azure.com/West US/op?r=West US", url("/West%20US/op?r=West%20US")),
    "blank, absolute path": ("/West US/op", url("/West%20US/op")),
    "blank, no scheme": ("//management.azure.com/West US/op", url("/West%20US/op")),
    "absolute path": ("/op2?t=%2e", url("/op2?t=%2e")),
    "another host in the path": ("/https://evil.example", url("/https://evil.example")),
    "another host in the query": ("/op2?to=https://evil@evil.example/", url("/op2?to=https://evil@evil.example/")),
    "8 KiB": (LONG.ljust(MAX_URL, "x"), LONG.ljust(MAX_URL, "x")),
}


def of_token(**urls: str) -> History | None:
    """Return the story after resuming a token with these URLs; None if the token is refused."""
    members = {"method": "POST", "resource_url": RESOURCE, "pattern": "Location", "url": url("/op")} | urls
    try:
        token = decode(encode(Token(**members)))  # type: ignore[arg-type]  # - no other member is named
    except InvalidToken:
        return None
    state = state_of(token, plan("POST", resource_url=token.resource_url))
    return None if isinstance(state, RejectedURL) else run_from(state)


def redirected(state: Pending, named: str) -> History:
    """Return the story after a redirect."""
    return run_from(state, reply(307, Location=named))


def fetching(method: str) -> Fetching:
    """Return an operation whose result is still to be read."""
    state = run_from(polling(method, final_state_via=FinalStateVia.ORIGINAL_URI), monitor("Succeeded")).end
    assert isinstance(state, Fetching)
    return state


ENTRIES: dict[str, Callable[[str], History | None]] = {
    "initial Azure-AsyncOperation": lambda named: run(plan(), accepted(Azure_AsyncOperation=named)),
    "initial Operation-Location": lambda named: run(plan("POST"), accepted(Operation_Location=named)),
    "initial Location": lambda named: run(plan("DELETE"), accepted(Location=named)),
    "initial Location, for later": lambda named: run(
        plan("POST"), accepted(**AAO, Location=named), monitor("Succeeded")
    ),
    "later Azure-AsyncOperation": lambda named: run_from(polling(), monitor("Running", Azure_AsyncOperation=named)),
    "later Operation-Location": lambda named: run_from(polling(), monitor("Running", Operation_Location=named)),
    "later Location": lambda named: run(plan(), accepted(Location="/l"), accepted(Location=named)),
    "later Location, of a 200": lambda named: run(
        plan(), accepted(Location="/l"), resource("Updating", Location=named)
    ),
    "last Location": lambda named: run_from(polling("POST"), monitor("Succeeded", Location=named)),
    "resourceLocation": lambda named: run_from(
        polling(), reply(200, {"status": "Succeeded", "resourceLocation": named})
    ),
    "redirect of a poll": lambda named: redirected(polling(), named),
    "redirect of a confirmation": lambda named: redirected(run_from(polling("DELETE"), reply(404)).next, named),
    "redirect of the final GET": lambda named: redirected(fetching("PUT"), named),
    "second redirect": lambda named: run_from(polling(), reply(302, Location="/1"), reply(302, Location=named)),
    "Location of a result not there yet": lambda named: run_from(fetching("PUT"), accepted(Location=named)),
    "token": lambda named: of_token(url=named),
    "token, fetching": lambda named: of_token(url=named, pattern="fetching"),
}


BESIDE_A_MONITOR = {"initial Location, for later", "last Location"}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("form", HOSTILE)
def test_rule_9_no_hostile_url_is_requested(entry: str, form: str) -> None:
    """At no entry and in no form; the error is `UNTRUSTED` and keeps the operation.

    A malformed `Location` beside a monitor is ignored.
    """
    history = ENTRIES[entry](HOSTILE[form])
    rejected = TRUST.resolve(HOSTILE[form], base=RESOURCE, resource_url=RESOURCE)
    assert isinstance(rejected, RejectedURL)
    if entry in BESIDE_A_MONITOR and rejected.is_malformed:
        assert history is not None
        assert isinstance(history.end, Succeeded)
    elif history is not None:
        assert history.unknown.reason is UnknownReason.UNTRUSTED
        assert not any("evil" in asked for asked in history.urls)
        assert "evil.example/op" not in history.unknown.detail
        assert entry.startswith("initial") or history.unknown.last is not None


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("form", HARMLESS)
def test_rule_9_harmless_urls_are_requested_unchanged(entry: str, form: str) -> None:
    """With the api-version of rule 12."""
    named, asked = HARMLESS[form]
    history = ENTRIES[entry](named)
    assert history is not None
    assert history.next.next_request.url == asked


@pytest.mark.parametrize("form", HOSTILE)
@pytest.mark.parametrize("member", ["location", "fallback", "resource_url"])
def test_rule_42_every_url_of_a_token_is_checked(member: str, form: str) -> None:
    """Including URLs that would be requested later."""
    history = of_token(**{member: HOSTILE[form]})
    # A fallback that fits into no token is left out.
    assert history is None or (form == "100 KiB" and isinstance(history.end, Polling) and history.end.fallback is None)


@pytest.mark.parametrize("form", HOSTILE)
def test_rule_9_a_foreign_location_that_is_not_used_is_ignored(form: str) -> None:
    """Beside a status monitor it is for the final GET alone, and a PUT reads the resource."""
    history = run(plan(), accepted(**AAO, Location=HOSTILE[form]), monitor("Running"), monitor("Succeeded"), reply(200))
    assert history.urls == (url("/op"), url("/op"), RESOURCE)


@pytest.mark.parametrize("entry", ENTRIES)
def test_rule_9_an_operation_can_be_resumed_once_its_origin_is_trusted(entry: str) -> None:
    """There, or where it was named; the refusal alone ends nothing."""
    eu = plan(url_policy=TRUST).url_policy.parse("https://eu.azure.com/op")
    history = ENTRIES[entry](str(eu))
    if history is not None and isinstance(unknown := history.end, Unknown):
        assert isinstance(unknown.last, Pending)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
def test_rule_9_an_operation_whose_first_url_is_refused_can_be_resumed(method: str) -> None:
    """At that URL with its pattern. If it is no URL, a PUT or PATCH resumes at its resource, and others do not."""
    foreign = run(plan(method), accepted(Operation_Location="https://eu.azure.com/op")).unknown.last
    assert isinstance(foreign, Polling)
    assert (foreign.pattern.name, foreign.url) == ("Operation-Location", "https://eu.azure.com/op")
    last = run(plan(method), accepted(Operation_Location="//a b/")).unknown.last
    if method in {"PUT", "PATCH"}:
        assert isinstance(last, Polling)
        assert (last.pattern.name, last.url) == ("resource", RESOURCE)
    else:
        assert last is None


def test_rule_9_a_redirect_to_a_foreign_host_does_not_move_the_operation() -> None:
    """A captive portal in one answer: who resumes without trusting it polls where the operation is."""
    for state in (polling(), fetching("PUT")):
        last = redirected(state, "https://portal.example/login").unknown.last
        assert last is not None
        assert last.url == state.url


def test_rule_9_a_foreign_url_in_one_answer_keeps_the_trusted_url() -> None:
    """So that the operation is still resumable for those who do not trust it."""
    last = run_from(polling(), monitor("Running", Azure_AsyncOperation="https://evil.example/op")).unknown.last
    assert isinstance(last, Polling)
    assert (last.url, last.fallback) == ("https://evil.example/op", url("/op"))
    assert last.next_request.url == last.url
