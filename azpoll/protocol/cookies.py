"""The cookies that a service sets for one operation (rule 52): sent with its later requests, and with no other.

A service binds an operation to one of its instances by such a cookie. All operations of a client share its cookie jar,
so a cookie in it could reach, or break, the requests of other operations. These cookies are part of the state instead.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.plan import Cookie, Plan
from azpoll.protocol.reading import SET_COOKIE
from azpoll.protocol.retry_after import answered_at
from azpoll.protocol.states import Confirming, Pending, is_anonymous
from azpoll.protocol.url_policy import ParsedURL, before_path, origin_of

MAX_SIZE = 16 * 1024
"""The greatest size of the cookies of one operation, in bytes of a `Cookie` header."""

MAX_COOKIE = 4096
"""The greatest size of a cookie with its name, in bytes; browsers have the same limit (RFC 6265 6.1)."""

MAX_COUNT = 50
"""The greatest number of cookies of one operation, and of the `Set-Cookie` headers of an answer that are read."""

_SEPARATOR = "; "
_MAX_DATE = 64

# The parts of a cookie's date, in the order in which each word is tried (RFC 6265 5.1.1).
_DATE_PARTS = (
    ("time", "([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])"),
    ("day", "([0-9]{1,2})(?![0-9])"),
    ("month", "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"),
    ("year", "([0-9]{2,4})(?![0-9])"),
)
_DATE_DELIMITERS = r"[\t -/;-@\[-`{-~]+"
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"

Cookies: TypeAlias = tuple[Cookie, ...]
ParseURL: TypeAlias = Callable[[str], ParsedURL]
"""The URL class that sends the requests."""


class _Setting(NamedTuple):
    """One `Set-Cookie` header: a cookie, or the deletion of one."""

    cookie: Cookie
    deletes: bool


def with_cookies(state: Pending, outcome: Answer | RequestFailure) -> Pending:
    """Return a state whose later requests carry the cookies that an answer sets; an anonymous request keeps none."""
    answer = outcome if isinstance(outcome, Answer) else outcome.head
    if answer is None or is_anonymous(state):
        return state
    plan = plan_with_cookies(state.plan, answer)
    if plan is state.plan:
        return state
    if isinstance(state, Confirming):
        return state._replace(polling=state.polling._replace(plan=plan))
    return state._replace(plan=plan)


def plan_with_cookies(plan: Plan, answer: Answer) -> Plan:
    """Return a plan with the cookies that an answer sets; the same plan if it sets none."""
    options, policy = plan.request_options, plan.url_policy
    if policy.is_anonymous(answer.url):
        return plan
    cookies = cookies_after(options.cookies, answer, policy.parse)
    return plan if cookies == options.cookies else with_kept(plan, cookies)


def with_kept(plan: Plan, cookies: Cookies) -> Plan:
    """Return a plan with these cookies."""
    return plan._replace(request_options=plan.request_options._replace(cookies=cookies))


def cookies_after(cookies: Cookies, answer: Answer, parse: ParseURL) -> Cookies:
    """Return the cookies of an operation after an answer, within the limits; the oldest give way."""
    kept = {(each.origin, each.path, each.name): each for each in cookies}
    for cookie, deletes in _settings(answer, parse):
        key = (cookie.origin, cookie.path, cookie.name)
        kept.pop(key, None)
        if not deletes:
            kept[key] = cookie
    oldest_first = list(kept.values())
    size = sum(len(each.pair) + len(_SEPARATOR) for each in oldest_first)
    while size > MAX_SIZE or len(oldest_first) > MAX_COUNT:
        size -= len(oldest_first.pop(0).pair) + len(_SEPARATOR)
    return tuple(oldest_first)


def cookies_for(cookies: Cookies, url: str, parse: ParseURL) -> tuple[str, ...]:
    """Return those cookies of an operation that go to a URL, each as `name=value`."""
    if not cookies:
        return ()
    origin, path = origin_of(parse(url)), _path_of(url)
    return tuple(each.pair for each in cookies if each.origin == origin and _covers(each.path, path))


def joined(sent: str | None, own: tuple[str, ...]) -> str:
    """Return the `Cookie` header of a request: the client's cookies, and those of the operation in place of namesakes.

    Args:
        sent: the `Cookie` header of the client; None for none.
        own: from `cookies_for`.
    """
    names = {_name_of(pair) for pair in own}
    kept = [] if sent is None else [pair for pair in sent.split(";") if _name_of(pair) not in names]
    return _SEPARATOR.join([*filter(None, map(str.strip, kept)), *own])


def _settings(answer: Answer, parse: ParseURL) -> Iterator[_Setting]:
    """Yield the readable `Set-Cookie` headers of an answer."""
    lines: list[str] = []
    for name, value in answer.raw_headers:
        if (name if isinstance(name, str) else name.decode("latin-1")).lower() == SET_COOKIE:
            lines.append(value if isinstance(value, str) else value.decode("latin-1"))
    if not lines:
        return
    origin = origin_of(parse(answer.url))
    default_path = _path_of(answer.url).rpartition("/")[0] or "/"
    for line in lines[-MAX_COUNT:]:
        pair, _, rest = line.partition(";")
        name, equals, value = (part.strip(" \t") for part in pair.partition("="))
        attributes = _attributes(rest)
        domain = attributes.get("domain", "").lower().removeprefix(".")
        if not (name and equals) or (domain and domain != origin.host and not origin.host.endswith(f".{domain}")):
            continue
        if "secure" in attributes and origin.scheme != "https":
            continue
        pair = f"{name}={value}"
        path = attributes.get("path", "")
        cookie = Cookie(origin, path if path.startswith("/") else default_path, name, pair)
        if len(pair) <= MAX_COOKIE and pair.isascii() and pair.isprintable() and len(path) <= MAX_COOKIE:
            yield _Setting(cookie, _is_past(attributes, answer))


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a `Set-Cookie` header by lower-case name; the last of a name counts (RFC 6265 5.2)."""
    pairs = (part.partition("=") for part in text.split(";")[:MAX_COUNT])
    return {name.strip(" \t").lower(): value.strip(" \t") for name, _, value in pairs}


def _is_past(attributes: dict[str, str], answer: Answer) -> bool:
    """Whether a cookie has expired, which deletes it. Any later time is after the end of the operation."""
    age = attributes.get("max-age", "")
    if age.removeprefix("-").isdecimal() and age.isascii():
        return age.startswith("-") or set(age) == {"0"}
    date = cookie_date(attributes.get("expires", "")[:_MAX_DATE])
    return date is not None and date <= answered_at(answer)


def cookie_date(text: str) -> datetime | None:
    """Return the time of an `Expires` attribute, whatever the order of its parts; None if one is absent or impossible.

    A year of two digits is one from 1970 to 2069. Source: RFC 6265 5.1.1.
    """
    parts: dict[str, re.Match[str]] = {}
    for word in re.split(_DATE_DELIMITERS, text.lower()):
        for name, pattern in _DATE_PARTS:
            if name not in parts and (match := re.match(pattern, word)):
                parts[name] = match
                break
    if len(parts) < len(_DATE_PARTS):
        return None
    year, month = int(parts["year"][1]), _MONTHS.index(parts["month"][1]) // 3 + 1
    if year < 100:  # noqa: PLR2004 - two digits
        year += 1900 if year >= 70 else 2000  # noqa: PLR2004 - as above
    hour, minute, second = map(int, parts["time"].groups())
    try:
        return datetime(year, month, int(parts["day"][1]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _path_of(url: str) -> str:
    return url[len(before_path(url)) :].partition("?")[0] or "/"


def _covers(path: str, requested: str) -> bool:
    """Whether the path of a cookie matches that of a request (RFC 6265 5.1.4)."""
    return requested == path or requested.startswith(path if path.endswith("/") else f"{path}/")


def _name_of(pair: str) -> str:
    return pair.partition("=")[0].strip()
