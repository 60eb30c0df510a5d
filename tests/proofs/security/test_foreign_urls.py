"""R6: real sockets, real libraries, a credential of each kind, and a second machine that must not hear of any."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

import azpoll
from tests.proofs.security.credential_clients import (
    COOKIE,
    CREDENTIALS,
    SCHEMES,
    SECRET,
    Scheme,
    kept,
    printed,
    run,
    scene,
)
from tests.proofs.security.two_host_network import HOME
from tests.proofs.security.url_entries import ENTRIES, NOT_FOLLOWED, Scene, Told
from tests.proofs.security.url_forms import FOREIGN, foreign_urls, homely_urls
from tests.support.canary import CANARY
from tests.support.clients import LIBRARIES, Library
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import SCALE, scaled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proofs.security.two_host_network import Network

SECRETS = (CANARY, COOKIE)
PLACES = len(SCHEMES) * len(CREDENTIALS)

EACH_HOME = pytest.mark.parametrize("scheme", SCHEMES)
EACH_CREDENTIAL = pytest.mark.parametrize("credential", CREDENTIALS)


def is_refused(entry: str, form: str, error: azpoll.AzpollError | None) -> bool:
    """Whether what the caller was told is a refusal of the URL, with a way to go on."""
    if form.startswith("NUL") and not entry.startswith(("a token", "cancel", "a list", "resource")):
        return True  # no header holds it: the client's library takes the answer for none at all
    if entry in NOT_FOLLOWED:
        return error is None
    if entry == "cancel_url":
        return type(error) is azpoll.CancelFailed
    if entry.startswith("a token") and type(error) is azpoll.InvalidResumeToken:
        return True
    tracked = not entry.startswith(("the first", "a token", "a list"))
    return type(error) is azpoll.UntrustedPollingURL and (error.resume_token is not None or not tracked)


def share(urls: Mapping[str, str], library: Library, scheme: Scheme, credential: str) -> list[tuple[str, str, str]]:
    """Return entry, form and URL of the cases that fall to one home and credential; at night all do to each."""
    place = SCHEMES.index(scheme) * len(CREDENTIALS) + list(CREDENTIALS).index(credential)
    cases = [(entry, form, url) for entry in ENTRIES for form, url in urls.items()]
    first = (place + 3 * LIBRARIES.index(library)) % PLACES
    return cases[first::PLACES] if SCALE == "push" else cases


def heard(network: Network) -> str:
    """Return what is known of the foreign machine; empty if nothing is."""
    foreign = network.foreign
    return f"{network.strangers} {bytes(foreign.heard)!r}" if network.strangers or foreign.connections else ""


def wrongs(entry: str, form: str, told: Told, home: Scene, network: Network) -> list[str]:
    """Return what is wrong with how a foreign URL was met."""
    found = [f"the foreign machine heard: {there}"] if (there := heard(network)) else []
    if not is_refused(entry, form, told.error):
        found.append(f"it is not refused, but {told.error!r}")
    if any(secret in printed(told) for secret in (*SECRETS, SECRET)):
        found.append(f"a secret is shown: {printed(told)}")
    if not all(CANARY.encode() in request for request in home.home.requests):
        found.append("home is asked without the credential")
    network.strangers.clear()
    network.foreign.connections = 0
    return [f"{entry}, {form}: {each}" for each in found]


@EACH_LIBRARY
@EACH_HOME
@EACH_CREDENTIAL
def test_no_foreign_url_is_asked_wherever_it_is_named_and_in_whatever_form(
    library: Library, scheme: Scheme, credential: str
) -> None:
    """No connection is made; the caller is told why, without a secret; and home, only home, gets the credential."""

    async def main() -> list[str]:
        found: list[str] = []
        cases = share(foreign_urls(scheme, SECRET), library, scheme, credential)
        async with scene(library, scheme, credential) as (home, network):
            for entry, form, url in cases:
                found += wrongs(entry, form, await ENTRIES[entry](home, url), home, network)
        return found

    assert run(main) == []


@EACH_LIBRARY
@EACH_HOME
@EACH_CREDENTIAL
def test_homes_own_urls_are_asked_in_whatever_form(library: Library, scheme: Scheme, credential: str) -> None:
    """So that nothing above is refused for its looks alone; and with the credential."""

    async def main() -> list[str]:
        found: list[str] = []
        cases = share(homely_urls(scheme), library, scheme, credential)
        async with scene(library, scheme, credential) as (home, network):
            for entry, form, url in cases:
                if entry == "a token's resource" and not url.lower().startswith(scheme):
                    continue  # a token names its resource in full
                told = await ENTRIES[entry](home, url)
                requests = home.home.requests
                hosts = {request.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0] for request in requests}
                if told.error is not None or heard(network) or hosts != {HOME.encode()}:
                    found.append(f"{entry}, {form}: {told.error!r} {hosts} {heard(network)}")
                if not all(CANARY.encode() in request for request in requests):
                    found.append(f"{entry}, {form}: home is asked without the credential")
        return found

    assert run(main) == []


@EACH_LIBRARY
def test_each_url_is_named_at_each_entry_by_each_library(library: Library) -> None:
    """With one home and credential on a push, with all of them at night."""
    pushed = [case for scheme in SCHEMES for each in CREDENTIALS for case in share(FOREIGN, library, scheme, each)]
    assert set(pushed) == {(entry, form, url) for entry in ENTRIES for form, url in FOREIGN.items()}
    assert len(pushed) == len(ENTRIES) * len(FOREIGN) * scaled(push=1, nightly=PLACES)


@EACH_LIBRARY
@EACH_CREDENTIAL
def test_the_foreign_machine_would_have_heard_it(library: Library, credential: str) -> None:
    """Whoever lists its origin gives it the credential: so the silence above is azpoll's doing."""

    async def main() -> dict[str, tuple[azpoll.AzpollError | None, bytes]]:
        there: dict[str, tuple[azpoll.AzpollError | None, bytes]] = {}
        async with scene(library, "http", credential, ["http://evil.example"]) as (home, network):
            for entry, play in ENTRIES.items():
                network.foreign.heard.clear()
                told = await play(home, "http://evil.example/op")
                there[entry] = (told.error, bytes(network.foreign.heard))
        return there

    told = run(main)
    assert all(error is None for error, _ in told.values())
    assert {entry for entry, (_, heard) in told.items() if CANARY.encode() in heard} == told.keys() - NOT_FOLLOWED
    assert not any(COOKIE.encode() in heard for _, heard in told.values())


SHOWN_FORMS = ("another host, http", "another host, https", "userinfo with a password, https", "no scheme", "tab, http")


def is_home_speaking(record: logging.LogRecord) -> bool:
    """Whether a line is of httpcore at DEBUG, which logs the headers of answers (SECURITY.md)."""
    return record.name.startswith("httpcore") and record.levelno == logging.DEBUG


@EACH_LIBRARY
@EACH_CREDENTIAL
def test_nothing_that_is_logged_or_kept_holds_a_credential(
    library: Library, credential: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG of all loggers; in tracebacks and pickles; and a URL's signature is in no line of azpoll's."""
    caplog.set_level(logging.DEBUG)

    async def main() -> list[str]:
        kept_of: list[str] = []
        urls = foreign_urls("http", SECRET)
        async with scene(library, "http", credential) as (home, _):
            for number, play in enumerate(ENTRIES.values()):
                form = SHOWN_FORMS[(number + list(CREDENTIALS).index(credential)) % len(SHOWN_FORMS)]
                kept_of.append(kept(await play(home, urls[form])))
        return kept_of

    texts = run(main)
    assert sum(map(bool, texts)) > len(texts) / 2
    assert not [text for text in texts if CANARY in text]
    records = [(record, logging.Formatter().format(record)) for record in caplog.records]
    assert {"azpoll", library} <= {record.name for record, _ in records}
    assert not [line for _, line in records if CANARY in line]
    assert not [line for record, line in records if not is_home_speaking(record) and (SECRET in line or COOKIE in line)]
