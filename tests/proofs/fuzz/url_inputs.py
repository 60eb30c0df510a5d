"""URLs of a service as a polling URL, a Location, a redirect or in a body; each is trusted or rejected.

The first byte chooses the place of the URL, the second the URL policy; the rest is the URL.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import httpx2

from azpoll.errors import error_of
from azpoll.protocol.machine import advance, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Pending, Unknown, UnknownReason
from azpoll.protocol.url_policy import RejectedURL, URLPolicy, origin_of
from azpoll.transport.shortcuts.url_cache import URLCache
from tests.proofs.fuzz.answer_inputs import HOST, answer
from tests.proofs.fuzz.byte_mutation import mutate_bytes, one_of
from tests.proofs.fuzz.input_kind import InputKind, RuleBroken
from tests.proofs.fuzz.value_checks import check_end, check_state, check_text, check_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from azpoll.protocol.states import State

GATEWAY = "https://gw.contoso.net:8443"
LOOPBACK = "http://127.0.0.1:8080"


class TrustSetup:
    """Pending operations of one origin with one URL policy."""

    def __init__(
        self, parse: type[httpx.URL | httpx2.URL], home: str, *allowed: str, rebase_to: str | None = None
    ) -> None:
        self.parse = parse
        self.home = home
        self.sent_by = URLCache(parse)
        origins = frozenset(origin_of(parse(url)) for url in allowed)
        self.url_policy = URLPolicy(parse, origin_of(parse(home)), origins, rebase_to)
        self.resource_url = f"{home}/rg/t?api-version=1"
        self.plan = Plan("PUT", self.resource_url, self.url_policy)
        self.putting = self._begun(self.plan)
        self.posting = self._begun(Plan("POST", self.resource_url, self.url_policy))

    def _begun(self, plan: Plan) -> Pending:
        state = start(plan, answer(202, {"azure-asyncoperation": f"{self.home}/op"}, url=self.resource_url))
        assert isinstance(state, Pending)
        return state


TRUST_SETUPS = (
    TrustSetup(httpx.URL, HOST),
    TrustSetup(httpx2.URL, HOST),
    TrustSetup(httpx.URL, LOOPBACK, GATEWAY, "http://[::1]"),
    TrustSetup(httpx2.URL, GATEWAY, rebase_to=f"{GATEWAY}/arm"),
    TrustSetup(httpx.URL, "https://[2001:db8::1]", HOST),
)


def _resolve(setup: TrustSetup, named: str) -> str | RejectedURL:
    return setup.url_policy.resolve(named, base=f"{setup.home}/a/b?c", resource_url=setup.resource_url)


def _initial(setup: TrustSetup, named: str) -> State:
    return start(setup.plan, answer(202, {"azure-asyncoperation": named}, url=setup.resource_url))


def _later(setup: TrustSetup, named: str) -> State:
    return advance(setup.putting, answer(202, {"operation-location": named}, url=f"{setup.home}/op"))


def _redirect(setup: TrustSetup, named: str) -> State:
    return advance(setup.putting, answer(307, {"location": named}, url=f"{setup.home}/op"))


def _in_body(setup: TrustSetup, named: str) -> State:
    body = json.dumps({"status": "Succeeded", "resourceLocation": named}).encode()
    return advance(setup.putting, answer(200, {}, body, url=f"{setup.home}/op"))


def _last(setup: TrustSetup, named: str) -> State:
    return advance(setup.posting, answer(200, {"location": named}, b'{"status": "Succeeded"}', url=f"{setup.home}/op"))


ENTRIES: tuple[Callable[[TrustSetup, str], str | RejectedURL | State], ...] = (
    *(_resolve, _resolve, _resolve, _initial, _later, _redirect, _in_body, _last),
)


def _entry(data: bytes) -> Callable[[TrustSetup, str], str | RejectedURL | State]:
    return ENTRIES[data[0] % len(ENTRIES)] if data else _resolve


SCHEMES = ("https:", "http:", "HTTPS:", "hTTp:", "ftp:", "javascript:", "file:", "ws:", "", "", "h:", "https%3a", "1:")
SLASHES = ("//", "//", "//", "/", "", "///", "\\\\", "/\\", "//@", "////", "/%2f", "//%2f")
USERS = ("", "", "", "", "", "user:pw@", "@", "management.azure.com@", "a@b@", "%40", "management.azure.com%40", ":@")
HOSTS = (
    *("management.azure.com", "management.azure.com", "management.azure.com", "MANAGEMENT.AZURE.COM", "evil.example"),
    *("management.azure.com.evil.example", "azure.com", "management.azure.com.", "management%2eazure%2ecom", "", "."),
    *(
        "management\uff0eazure\u3002com",
        "mana\u0261ement.azure.com",
        "management.azure.com\\.evil.example",
        "127.0.0.1",
    ),
    *(
        "169.254.169.254",
        "2852039166",
        "0251.0376.0251.0376",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "[::1",
        "[::1]",
    ),
    *("[::1%25eth0]", "[2001:db8::1]", "[2001:DB8:0::1]", "gw.contoso.net", "xn--bcher-kva.example", "xn--", "a" * 300),
    *("127.1", "0177.0.0.1", "\u0661\u0662\u0667.0.0.1", "127.0.0.1\t", "man\tagement.azure.com", "*.azure.com", "-a-"),
)
PORTS = (
    "",
    "",
    "",
    ":443",
    ":80",
    ":8080",
    ":8443",
    ":0",
    ":0443",
    ":99999",
    ":-1",
    ":",
    ":4 43",
    ":x",
    ":\uff14",
    "::1",
)
PATHS = (
    "",
    "/",
    "/op",
    "/a/../../b",
    "/%2e%2e/x",
    "/a//b",
    "/a b",
    "/;p",
    "/\r\nX: y",
    "/@h",
    "/:80",
    "/ä",
    "/%",
    "\\@h",
)
QUERIES = (
    "",
    "",
    "?",
    "?t=1",
    "?api-version=2",
    "?API%2DVERSION=2",
    "?a=b&&=",
    "?to=//evil@h/",
    "?\0",
    "?" + "&" * 200,
)
TAILS = ("", "", "", "", "#", "#x", "#@evil.example/", " ", "\t", "\r\n", "\u2028")
PARTS = (SCHEMES, SLASHES, USERS, HOSTS, PORTS, PATHS, QUERIES, TAILS)

CORPUS = tuple(
    bytes([number % len(ENTRIES), number % len(TRUST_SETUPS)]) + url.encode()
    for number, url in enumerate(
        (
            *(f"{HOST}/op?t=1", f"{HOST}:443/op", "/op", "op?t=2", "../op", "?t=3", "//management.azure.com/op", HOST),
            *("https://evil.example/op", "https:op", "///op", f"{LOOPBACK}/op", f"{GATEWAY}/arm/op", "http://[::1]/op"),
            *("//user@management.azure.com", "https://[2001:db8::1]:443/x", f"{HOST}/op#x", f"{HOST}/" + "x" * 700),
            *("https://management.azure.com\\@evil.example", "https://h@management.azure.com", f"{HOST}/%2e%2e/op;x=y"),
        )
    )
)


def mutate(rng: Random, data: bytes) -> bytes:
    """Combine a URL from valid and tricky parts, insert a part, or change any byte."""
    roll = rng.random()
    places = bytes([int(rng.random() * len(ENTRIES)), int(rng.random() * len(TRUST_SETUPS))])
    if roll < 0.45:
        return places + "".join([one_of(rng, part) for part in PARTS]).encode()
    if roll < 0.5:
        return places + data[2:]
    if roll < 0.6:
        part = one_of(rng, one_of(rng, PARTS)).encode()
        place = 2 + int(rng.random() * len(data))
        return data[:place] + part + data[place:]
    return data[:2] + mutate_bytes(rng, data[2:])


def check(data: bytes) -> None:
    """Name a URL at an entry; check that the next request is trusted and that all texts are harmless."""
    setup = TRUST_SETUPS[data[1] % len(TRUST_SETUPS)] if len(data) > 1 else TRUST_SETUPS[0]
    entry = _entry(data)
    named = data[2:].decode(*("utf-8", "surrogateescape") if entry in {_resolve, _in_body} else ("latin-1",))
    if entry is _resolve:
        check_text(masked_url(named), 512)
    outcome = entry(setup, named)
    if isinstance(outcome, str):
        check_url(outcome, setup.url_policy.allowed | {setup.url_policy.initial})
        _check_sent(setup, outcome)
    elif isinstance(outcome, RejectedURL):
        check_text(outcome.reason, 9000)
    else:
        check_state(outcome)
        check_end(outcome)
        if isinstance(outcome, Unknown):
            if outcome.reason is not UnknownReason.UNTRUSTED:
                raise RuleBroken(f"unexpected reason: {outcome.reason}")
            check_text(str(error_of(outcome, "an operation", None, None)))


def _check_sent(setup: TrustSetup, url: str) -> None:
    """Check that the URL object that is sent equals the checked one."""
    sent, parsed = setup.sent_by.of(url), setup.parse(url)
    if (sent.scheme, sent.raw_host, sent.port, sent.raw_path) != (
        *(parsed.scheme, parsed.raw_host, parsed.port, parsed.raw_path),
    ):
        raise RuleBroken(f"URL changes when sent: {url[:200]!r}")


def text_of(data: bytes) -> str:
    """Return an input as readable text."""
    setup = TRUST_SETUPS[data[1] % len(TRUST_SETUPS)] if len(data) > 1 else TRUST_SETUPS[0]
    return f"{_entry(data).__name__.strip('_')}, home {setup.home}: {data[2:]!r}"


URLS = InputKind("urls", CORPUS, mutate, check, text_of)
