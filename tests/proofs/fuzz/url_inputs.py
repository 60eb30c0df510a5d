"""URLs that a service names: as a polling URL, a Location, a redirect, in a body; each must be trusted or refused.

The first byte chooses where the URL stands, the second who trusts whom; the rest is the URL.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import httpx2

from azpoll.errors import error_of
from azpoll.protocol.machine import advance, start
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Pending, Plan, Unknown, UnknownReason
from azpoll.protocol.url_policy import RejectedURL, URLPolicy, origin_of
from azpoll.transport.shortcuts.url_cache import URLCache
from tests.proofs.fuzz.answer_inputs import HOST, answer
from tests.proofs.fuzz.byte_mutation import havoc, one_of
from tests.proofs.fuzz.input_kind import Broken, Kind
from tests.proofs.fuzz.value_checks import judge_end, judge_state, judge_text, judge_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from azpoll.protocol.states import State

GATEWAY = "https://gw.contoso.net:8443"
LOOPBACK = "http://127.0.0.1:8080"


class Stage:
    """Operations under way, begun at one origin with one trust."""

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


STAGES = (
    Stage(httpx.URL, HOST),
    Stage(httpx2.URL, HOST),
    Stage(httpx.URL, LOOPBACK, GATEWAY, "http://[::1]"),
    Stage(httpx2.URL, GATEWAY, rebase_to=f"{GATEWAY}/arm"),
    Stage(httpx.URL, "https://[2001:db8::1]", HOST),
)


def _alone(stage: Stage, named: str) -> str | RejectedURL:
    return stage.url_policy.resolve(named, base=f"{stage.home}/a/b?c", resource_url=stage.resource_url)


def _initial(stage: Stage, named: str) -> State:
    return start(stage.plan, answer(202, {"azure-asyncoperation": named}, url=stage.resource_url))


def _later(stage: Stage, named: str) -> State:
    return advance(stage.putting, answer(202, {"operation-location": named}, url=f"{stage.home}/op"))


def _redirect(stage: Stage, named: str) -> State:
    return advance(stage.putting, answer(307, {"location": named}, url=f"{stage.home}/op"))


def _in_body(stage: Stage, named: str) -> State:
    body = json.dumps({"status": "Succeeded", "resourceLocation": named}).encode()
    return advance(stage.putting, answer(200, {}, body, url=f"{stage.home}/op"))


def _last(stage: Stage, named: str) -> State:
    return advance(stage.posting, answer(200, {"location": named}, b'{"status": "Succeeded"}', url=f"{stage.home}/op"))


ENTRIES: tuple[Callable[[Stage, str], str | RejectedURL | State], ...] = (
    *(_alone, _alone, _alone, _initial, _later, _redirect, _in_body, _last),
)


def _entry(data: bytes) -> Callable[[Stage, str], str | RejectedURL | State]:
    return ENTRIES[data[0] % len(ENTRIES)] if data else _alone


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
    bytes([number % len(ENTRIES), number % len(STAGES)]) + url.encode()
    for number, url in enumerate(
        (
            *(f"{HOST}/op?t=1", f"{HOST}:443/op", "/op", "op?t=2", "../op", "?t=3", "//management.azure.com/op", HOST),
            *("https://evil.example/op", "https:op", "///op", f"{LOOPBACK}/op", f"{GATEWAY}/arm/op", "http://[::1]/op"),
            *("//user@management.azure.com", "https://[2001:db8::1]:443/x", f"{HOST}/op#x", f"{HOST}/" + "x" * 700),
            *("https://management.azure.com\\@evil.example", "https://h@management.azure.com", f"{HOST}/%2e%2e/op;x=y"),
        )
    )
)


def mutated(chance: Random, data: bytes) -> bytes:
    """Put a URL together anew from parts that are right or famous, or change any byte."""
    turn = chance.random()
    places = bytes([int(chance.random() * len(ENTRIES)), int(chance.random() * len(STAGES))])
    if turn < 0.45:
        return places + "".join([one_of(chance, part) for part in PARTS]).encode()
    if turn < 0.5:
        return places + data[2:]
    if turn < 0.6:
        part = one_of(chance, one_of(chance, PARTS)).encode()
        place = 2 + int(chance.random() * len(data))
        return data[:place] + part + data[place:]
    return data[:2] + havoc(chance, data[2:])


def check(data: bytes) -> None:
    """Name a URL somewhere; what is asked then must be trusted, and what is said of it harmless."""
    stage = STAGES[data[1] % len(STAGES)] if len(data) > 1 else STAGES[0]
    entry = _entry(data)
    named = data[2:].decode(*("utf-8", "surrogateescape") if entry in {_alone, _in_body} else ("latin-1",))
    if entry is _alone:
        judge_text(masked_url(named), 512)
    outcome = entry(stage, named)
    if isinstance(outcome, str):
        judge_url(outcome, stage.url_policy.allowed | {stage.url_policy.initial})
        _judge_sent(stage, outcome)
    elif isinstance(outcome, RejectedURL):
        judge_text(outcome.reason, 9000)
    else:
        judge_state(outcome)
        judge_end(outcome)
        if isinstance(outcome, Unknown):
            if outcome.reason is not UnknownReason.UNTRUSTED:
                raise Broken(f"verdict is another: {outcome.reason}")
            judge_text(str(error_of(outcome, "an operation", None, None)))


def _judge_sent(stage: Stage, url: str) -> None:
    """Hold that the URL object which is sent is the one that was checked."""
    sent, parsed = stage.sent_by.of(url), stage.parse(url)
    if (sent.scheme, sent.raw_host, sent.port, sent.raw_path) != (
        *(parsed.scheme, parsed.raw_host, parsed.port, parsed.raw_path),
    ):
        raise Broken(f"URL is sent as another: {url[:200]!r}")


def shown(data: bytes) -> str:
    """Return an input in words."""
    stage = STAGES[data[1] % len(STAGES)] if len(data) > 1 else STAGES[0]
    return f"{_entry(data).__name__.strip('_')}, home {stage.home}: {data[2:]!r}"


URLS = Kind("urls", CORPUS, mutated, check, shown)
