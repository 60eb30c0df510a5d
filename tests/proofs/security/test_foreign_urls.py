"""R6: over real sockets, no credential of any kind reaches a second server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx
import pytest

import azpoll
from azpoll.protocol.url_policy import Origin, RejectedURL, URLPolicy
from tests.proofs.security.credential_clients import (
    COOKIE,
    CREDENTIALS,
    SCHEMES,
    SECRET,
    WITH_HOOK,
    Scheme,
    open_tracker,
    printable_text,
    run,
    stored_text,
)
from tests.proofs.security.two_host_network import HOME
from tests.proofs.security.url_entries import ENTRIES, NOT_FOLLOWED, CallResult, OpenTracker, answer
from tests.proofs.security.url_forms import FOREIGN, foreign_urls, home_urls
from tests.support.canary import CANARY
from tests.support.clients import LIBRARIES, Library
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import SCALE, scaled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proofs.security.two_host_network import Network

pytestmark = pytest.mark.slow

SECRETS = (CANARY, COOKIE)
COMBINATIONS = len(SCHEMES) * len(CREDENTIALS)

EACH_HOME = pytest.mark.parametrize("scheme", SCHEMES)
EACH_CREDENTIAL = pytest.mark.parametrize("credential", CREDENTIALS)


def is_refused(entry: str, form: str, url: str, error: azpoll.AzpollError | ValueError | None) -> bool:
    """Whether the error is a rejection of the URL that leaves a way to continue."""
    if form.startswith("NUL") and not entry.startswith(("a token", "cancel", "a list", "resource")):
        return True  # a header cannot contain it: the library rejects the whole answer
    if entry in NOT_FOLLOWED:
        return error is None
    if entry == "the last Location" and error is None and is_malformed(url):
        return True  # it is ignored, and the body of the monitor is the result
    if entry == "cancel_url":
        return type(error) is ValueError
    if entry.startswith("a token") and type(error) is azpoll.InvalidResumeToken:
        return True
    tracked = not entry.startswith(("the first", "a token", "a list"))
    return type(error) is azpoll.UntrustedPollingURL and (error.resume_token is not None or not tracked)


def is_malformed(url: str) -> bool:
    """Whether it is no URL at all, of any origin."""
    policy, home = URLPolicy(httpx.URL, Origin("https", HOME, 443)), f"https://{HOME}/o"
    rejected = policy.resolve(url, base=home, resource_url=home)
    return isinstance(rejected, RejectedURL) and rejected.is_malformed


def cases_of(urls: Mapping[str, str], library: Library, scheme: Scheme, credential: str) -> list[tuple[str, str, str]]:
    """Return the cases (entry, form, URL) of one scheme and credential; at night all cases."""
    index = SCHEMES.index(scheme) * len(CREDENTIALS) + list(CREDENTIALS).index(credential)
    cases = [(entry, form, url) for entry in ENTRIES for form, url in urls.items()]
    first = (index + 3 * LIBRARIES.index(library)) % COMBINATIONS
    return cases[first::COMBINATIONS] if SCALE == "push" else cases


def received(network: Network) -> str:
    """Return the connections and bytes of the foreign server as text; empty if there are none."""
    foreign = network.foreign
    return (
        f"{network.foreign_addresses} {bytes(foreign.received)!r}"
        if network.foreign_addresses or foreign.connections
        else ""
    )


def violations(case: tuple[str, str, str], result: CallResult, opened: OpenTracker, network: Network) -> list[str]:
    """Return the violations after a foreign URL."""
    found = [f"the foreign server received: {seen}"] if (seen := received(network)) else []
    entry, form, url = case
    if not is_refused(entry, form, url, result.error):
        found.append(f"not rejected, but {result.error!r}")
    if any(secret in printable_text(result) for secret in (*SECRETS, SECRET)):
        found.append(f"a secret is shown: {printable_text(result)}")
    if not all(CANARY.encode() in request for request in opened.home.requests):
        found.append("a request without the credential")
    network.foreign_addresses.clear()
    network.foreign.connections = 0
    return [f"{entry}, {form}: {each}" for each in found]


@EACH_LIBRARY
@EACH_HOME
@EACH_CREDENTIAL
def test_no_foreign_url_is_requested_from_any_entry_in_any_form(
    library: Library, scheme: Scheme, credential: str
) -> None:
    """No connection is made, the error shows no secret, and only the home server gets the credential."""

    async def main() -> list[str]:
        found: list[str] = []
        cases = cases_of(foreign_urls(scheme, SECRET), library, scheme, credential)
        async with open_tracker(library, scheme, credential) as (opened, network):
            for case in cases:
                entry, _, url = case
                found += violations(case, await ENTRIES[entry](opened, url), opened, network)
        return found

    assert run(main) == []


@EACH_LIBRARY
@EACH_HOME
@EACH_CREDENTIAL
def test_every_form_of_a_url_of_the_home_server_is_requested(library: Library, scheme: Scheme, credential: str) -> None:
    """So the rejections above are not caused by the form alone; every request has the credential."""

    async def main() -> list[str]:
        found: list[str] = []
        cases = cases_of(home_urls(scheme), library, scheme, credential)
        async with open_tracker(library, scheme, credential) as (opened, network):
            for entry, form, url in cases:
                if entry == "a token's resource" and not url.lower().startswith(scheme):
                    continue  # the resource in a token is an absolute URL
                result = await ENTRIES[entry](opened, url)
                requests = opened.home.requests
                hosts = {request.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0] for request in requests}
                if result.error is not None or received(network) or hosts != {HOME.encode()}:
                    found.append(f"{entry}, {form}: {result.error!r} {hosts} {received(network)}")
                if not all(CANARY.encode() in request for request in requests):
                    found.append(f"{entry}, {form}: a request without the credential")
        return found

    assert run(main) == []


@EACH_LIBRARY
def test_every_form_is_tried_at_every_entry_with_each_library(library: Library) -> None:
    """On a push with one scheme and credential, at night with all of them."""
    cases = [case for scheme in SCHEMES for each in CREDENTIALS for case in cases_of(FOREIGN, library, scheme, each)]
    assert set(cases) == {(entry, form, url) for entry in ENTRIES for form, url in FOREIGN.items()}
    assert len(cases) == len(ENTRIES) * len(FOREIGN) * scaled(push=1, nightly=COMBINATIONS)


@EACH_LIBRARY
@EACH_CREDENTIAL
def test_the_foreign_server_records_requests_that_are_sent(library: Library, credential: str) -> None:
    """A user who lists the foreign origin sends it the credential, so the checks above can fail."""

    async def main() -> dict[str, tuple[azpoll.AzpollError | ValueError | None, bytes]]:
        seen: dict[str, tuple[azpoll.AzpollError | ValueError | None, bytes]] = {}
        async with open_tracker(library, "http", credential, ["http://evil.example"]) as (opened, network):
            for entry, call in ENTRIES.items():
                network.foreign.received.clear()
                result = await call(opened, "http://evil.example/op")
                seen[entry] = (result.error, bytes(network.foreign.received))
        return seen

    results = run(main)
    assert all(error is None for error, _ in results.values())
    assert {entry for entry, (_, received) in results.items() if received} == results.keys() - NOT_FOLLOWED
    redirected = {entry for entry in results if "redirect" in entry}
    assert {
        entry for entry, (_, received) in results.items() if CANARY.encode() in received
    } == results.keys() - redirected
    assert not any(COOKIE.encode() in received for _, received in results.values())
    assert not any(extra_headers(results[entry][1]) for entry in redirected)


BARE = {b"host", b"accept", b"accept-encoding", b"user-agent"}


def extra_headers(received: bytes) -> set[bytes]:
    """Return the names of headers that a request without credentials does not need; a POST has a length."""
    heads = received.split(b"\r\n\r\n")[:-1]
    names = {line.partition(b":")[0].lower() for head in heads for line in head.split(b"\r\n")[1:]}
    return names - BARE - ({b"content-length"} if received.startswith(b"POST ") else set())


@EACH_LIBRARY
@pytest.mark.parametrize("credential", WITH_HOOK)
def test_an_anonymous_origin_gets_nothing_but_a_bare_request(library: Library, credential: str) -> None:
    """From every entry. The home server still gets the credential."""

    async def main() -> list[str]:
        found: list[str] = []
        origins = ["http://evil.example"]
        async with open_tracker(library, "http", credential, (), origins) as (opened, network):
            for entry, call in ENTRIES.items():
                network.foreign.received.clear()
                network.foreign.script.append(answer(200, {"status": "Succeeded", "value": []}, Set_Cookie="theirs=1"))
                result = await call(opened, "http://evil.example/op?t=1")
                received = bytes(network.foreign.received)
                network.foreign.script.clear()
                if result.error is not None or bool(received) is (entry in NOT_FOLLOWED):
                    found.append(f"{entry}: {result.error!r}, {received!r}")
                if extra_headers(received) or any(each.encode() in received for each in SECRETS):
                    found.append(f"{entry}: {received!r}")
                if not all(CANARY.encode() in request for request in opened.home.requests):
                    found.append(f"{entry}: a request to the home server without the credential")
                if any(b"theirs" in request for request in opened.home.requests):
                    found.append(f"{entry}: a cookie of the anonymous origin was stored")
        return found

    assert run(main) == []


SHOWN_FORMS = ("another host, http", "another host, https", "userinfo with a password, https", "no scheme", "tab, http")


def is_httpcore_debug(record: logging.LogRecord) -> bool:
    """Whether httpcore at DEBUG logged the line; it logs the headers of answers (SECURITY.md)."""
    return record.name.startswith("httpcore") and record.levelno == logging.DEBUG


@EACH_LIBRARY
@EACH_CREDENTIAL
def test_no_log_line_traceback_or_pickle_holds_a_credential(
    library: Library, credential: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Holds at DEBUG of all loggers, in tracebacks and in pickles. No line of azpoll shows a URL's signature."""
    caplog.set_level(logging.DEBUG)

    async def main() -> list[str]:
        stored: list[str] = []
        urls = foreign_urls("http", SECRET)
        async with open_tracker(library, "http", credential) as (opened, _):
            for number, call in enumerate(ENTRIES.values()):
                form = SHOWN_FORMS[(number + list(CREDENTIALS).index(credential)) % len(SHOWN_FORMS)]
                stored.append(stored_text(await call(opened, urls[form])))
        return stored

    texts = run(main)
    assert sum(map(bool, texts)) > len(texts) / 2
    assert not [text for text in texts if CANARY in text]
    records = [(record, logging.Formatter().format(record)) for record in caplog.records]
    assert {"azpoll", library} <= {record.name for record, _ in records}
    assert not [line for _, line in records if CANARY in line]
    assert not [
        line for record, line in records if not is_httpcore_debug(record) and (SECRET in line or COOKIE in line)
    ]
