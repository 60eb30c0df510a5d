"""Attacks in the head: cookies, redirects, waits, URLs, sizes and status codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.proofs.adversary.wire_answer import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.adversary.wire_answer import Draft

_COOKIES = (
    "region=M\xfcnchen".encode("latin-1"),
    b"a=b; Domain=127.0.0.1; Path=/",
    b"a=b; Domain=.0.1",
    b"a=b; Domain=localhost",
    b"a=b; Domain=com; Secure; HttpOnly",
    b"=;;;=",
    b"",
    b"a",
    b"a=b; Expires=never; Max-Age=-1e9",
    b"a=b; Max-Age=99999999999999999999",
    b"a=b; Expires=Thu, 99 Foo 99999 99:99:99 GMT",
    b"own=stolen; Path=/",
    b'a="\\"; b=c',
    b"a=\x80\xff",
    b'a=b; Port="1"; Version=1; Comment=x',
)


def _cookie(draft: Draft) -> None:
    draft.headers.append((b"Set-Cookie", draft.rng.choice(_COOKIES)))


def _long_cookie(draft: Draft) -> None:
    draft.headers.append((b"Set-Cookie", b"c%d=%s" % (draft.rng.randrange(1000), b"x" * 4000)))


def _many_cookies(draft: Draft) -> None:
    start = draft.rng.randrange(10**6)
    draft.headers += [(b"Set-Cookie", b"c%d=%s" % (start + number, b"x" * 50)) for number in range(60)]


COOKIES: dict[str, Callable[[Draft], None]] = {
    "cookie": _cookie,
    "long cookie": _long_cookie,
    "many cookies": _many_cookies,
}


def _foreign_urls(draft: Draft) -> list[str]:
    foreign, host = draft.place.foreign, draft.place.foreign.partition("//")[2]
    here = draft.place.here.partition("//")[2]
    return [
        f"{foreign}/x",
        f"//{host}/x",
        f"http://{here}@{host}/x",
        f"http:///{host}/x",
        f"http:\\\\{host}\\x",
        f"\\\\{host}/x",
        f"http://{here}\\@{host}/x",
        f"http://{here}#@{host}/x",
        f"HTTP://{host.replace('127.0.0.1', '2130706433')}/x",
        f"http://{host.replace('127.0.0.1', '0x7f.1')}/x",
        f"http://{host.replace('127.0.0.1', '[::ffff:127.0.0.1]')}/x",
        f"http://user:password@{host}/x",
        f"https://{here}/x",
        "file:///etc/passwd",
        "data:application/json,{}",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/x",
    ]


def _malformed_urls(draft: Draft) -> list[str]:
    here, path = draft.place.here, draft.place.path
    return [
        "",
        " ",
        "http://",
        "://",
        "http://[::1",
        f"{here}:99999/x",
        f"{here}{path}/a\tb",
        f"{here}{path}/a b\r",
        f"{here}{path}/\xe9",
        f"{here}{path}/%zz",
        f"{here}{path}/" + "a" * 9000,
        f"http://{'a.' * 300}/",
        f"{here}{path}#x",
        "?",
        "http://xn--a/",
    ]


def _near_urls(draft: Draft) -> list[str]:
    here, path = draft.place.here, draft.place.path
    return [
        f"{here}{path}/%2e%2e/x",
        f"{here}{path}/../x",
        f"{path}?a=%00",
        f"{here}{path}?{'a=b&' * 1000}",
        f"{here}{path}//x",
        f"{here}{path};x",
        f"{path}?q='\"<>",
    ]


def _location(draft: Draft, url: str) -> None:
    draft.set_header(b"Location", url.encode("latin-1", "replace"))


def _redirect(urls: Callable[[Draft], list[str]]) -> Callable[[Draft], None]:
    def attack(draft: Draft) -> None:
        draft.status, draft.reason = draft.rng.choice([301, 302, 303, 307, 308, 300]), b"Moved"
        _location(draft, draft.rng.choice(urls(draft)))

    return attack


def _loop(draft: Draft) -> list[str]:
    return [draft.place.path, f"{draft.place.here}{draft.place.path}", ".", f"{draft.place.path}?n=1"]


REDIRECTS: dict[str, Callable[[Draft], None]] = {
    "redirect loop": _redirect(_loop),
    "redirect to a foreign URL": _redirect(_foreign_urls),
    "redirect to a malformed URL": _redirect(_malformed_urls),
    "redirect nearby": _redirect(_near_urls),
}


def _named(urls: Callable[[Draft], list[str]]) -> Callable[[Draft], None]:
    def attack(draft: Draft) -> None:
        url = draft.rng.choice(urls(draft))
        place = draft.rng.choice(["Azure-AsyncOperation", "Operation-Location", "Location", "body"])
        if place == "body":
            draft.body = json.dumps({"status": "Succeeded", "resourceLocation": url, "nextLink": url}).encode()
            draft.verdicts = frozenset({"succeeded"})
        else:
            draft.set_header(place.encode(), url.encode("latin-1", "replace"))

    return attack


URLS: dict[str, Callable[[Draft], None]] = {
    "foreign URL": _named(_foreign_urls),
    "malformed URL": _named(_malformed_urls),
    "URL nearby": _named(_near_urls),
}

_WAITS = (
    *(b"31536000000", b"9" * 400, b"-1", b"0", b"1e308", b"NaN", b"inf", b"0.0001", b"\xb2", b"0x10", b"1,2", b""),
    *(b"Wed, 31 Dec 9999 23:59:59 GMT", b"Thu, 01 Jan 1970 00:00:00 GMT", b"Fri, 99 Foo 0000 99:99:99 GMT"),
    *(b"Sunday, 06-Nov-94 08:49:37 GMT", b"soon"),
)


def _wait(draft: Draft) -> None:
    name = draft.rng.choice([b"Retry-After", b"retry-after-ms", b"x-ms-retry-after-ms"])
    draft.set_header(name, draft.rng.choice(_WAITS))


def _throttled(draft: Draft) -> None:
    draft.status, draft.reason = draft.rng.choice([429, 429, 503]), b"Too Many"
    code = draft.rng.choice(["SubscriptionRequestsThrottled", "TooManyRequests", "OperationNotAllowed"])
    draft.body, draft.verdicts = json.dumps({"error": {"code": code}}).encode(), NOTHING
    _wait(draft)


def _remaining(draft: Draft) -> None:
    level = draft.rng.choice([b"subscription", b"subscription-global", b"tenant", b"resource"])
    value = draft.rng.choice([b"0", b"-1", b"9" * 300, b"x", b"1", b"Microsoft.Fake/x;0,Microsoft.Fake/y;0"])
    draft.set_header(b"x-ms-ratelimit-remaining-%s-reads" % level, value)


WAITS: dict[str, Callable[[Draft], None]] = {"wait": _wait, "throttled": _throttled, "remaining reads": _remaining}


def _status_code(draft: Draft) -> None:
    draft.status = draft.rng.choice([*range(200, 227), *range(300, 309), *range(400, 452), *range(500, 512), 599, 999])
    draft.reason = draft.rng.choice([b"OK", b"", b"\xff", b"x" * 3000])
    if draft.status in {204, 304}:
        draft.body, draft.coded = b"", None


def _huge_header(draft: Draft) -> None:
    draft.headers.append((b"X-Huge", b"x" * draft.rng.choice([60_000, 90_000, MAX_HEAD])))


def _many_headers(draft: Draft) -> None:
    draft.headers += [(b"X-%d" % number, b"y") for number in range(draft.rng.choice([90, 3000, 20_000]))]


def _odd_headers(draft: Draft) -> None:
    pair = draft.rng.choice([(b"X\x00", b"y"), (b"X Y", b"z"), (b"X", b"a\x00b"), (b"", b"y"), (b"X", b"a\r\n b")])
    draft.headers.append(pair)


def _long_ids(draft: Draft) -> None:
    draft.headers += [(b"x-ms-request-id", b"r" * 50_000), (b"x-ms-correlation-request-id", b"\x1b[2J" * 1000)]


MAX_HEAD = 1_000_000

HEADS: dict[str, Callable[[Draft], None]] = {
    "status code": _status_code,
    "huge header": _huge_header,
    "many headers": _many_headers,
    "odd headers": _odd_headers,
    "long ids": _long_ids,
}
