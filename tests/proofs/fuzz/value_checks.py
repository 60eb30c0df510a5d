"""Checks that hold for every state, delay, URL and text."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import httpx
import httpx2

from azpoll.protocol.resume_token import MAX_TOKEN, decode, encode, token_of
from azpoll.protocol.states import Confirming, Fetching, Pending, Polling, Succeeded, Unknown
from azpoll.protocol.stored_url import StoredURL
from azpoll.protocol.url_policy import Origin, origin_of
from tests.proofs.fuzz.input_kind import RuleBroken

if TYPE_CHECKING:
    from azpoll.protocol.states import State
    from azpoll.protocol.token_content import Token

MAX_TEXT = 1500
MAX_URL = 8192
PARSERS = (httpx.URL, httpx2.URL)


def check_text(text: str, limit: int = MAX_TEXT) -> None:
    """Check that a text is one line without control characters and is bounded (rule 45)."""
    if not text.isprintable():
        odd = {each for each in text if not each.isprintable() and unicodedata.category(each) != "Zs"}
        if odd:
            raise RuleBroken(f"text controls a terminal: {odd!r}")
    if len(text) > limit:
        raise RuleBroken(f"text is long: {len(text)} characters")


def check_delay(seconds: float, floor_s: float, cap_s: float) -> None:
    """Check that a delay is finite and within floor and cap (rule 35)."""
    if not math.isfinite(seconds) or not floor_s <= seconds <= cap_s:
        raise RuleBroken(f"delay out of bounds: {seconds!r} s")


@lru_cache(maxsize=256)
def check_url(url: str, origins: frozenset[Origin]) -> None:
    """Check that a URL is valid, and of an allowed origin for each parser (rules 8, 9, 13)."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > MAX_URL:
        raise RuleBroken(f"URL is not valid: {url[:200]!r}")
    for parse in PARSERS:
        parsed = parse(url)
        if origin_of(parsed) not in origins:
            raise RuleBroken(f"URL is foreign: {url[:200]!r}")
        if parsed.userinfo or parsed.fragment:
            raise RuleBroken(f"URL has userinfo or fragment: {url[:200]!r}")


def check_state(state: State, *, resumed: bool = False) -> None:
    """Check that the URLs of a state are trusted, and that its delay is within bounds."""
    if isinstance(state, Pending):
        delay_limits = state.plan.delay_limits
        at_once = resumed or bool(state.next_request.redirects) or isinstance(state, (Confirming, Fetching))
        check_delay(state.next_request.delay.seconds, 0.0 if at_once else delay_limits.floor, delay_limits.cap)
        url_policy = state.plan.url_policy
        origins = url_policy.allowed | {url_policy.initial}
        for url in urls_of(state):
            check_url(url, origins)


def urls_of(state: Pending) -> set[str]:
    """Return the URLs that a pending state may request, now or later."""
    urls = {state.next_request.url, state.url}
    polling = state.polling if isinstance(state, Confirming) else state
    if isinstance(polling, Polling):
        kept = (polling.location, polling.fallback, polling.stale)
        urls |= {str(url) for url in kept if isinstance(url, str | StoredURL)}
    return urls


def check_end(state: State) -> None:
    """Check that an operation without success can be resumed from a token, if it has a URL to poll."""
    last = state.last if isinstance(state, Unknown) else None if isinstance(state, Succeeded) else state
    if isinstance(last, (Polling, Confirming, Fetching)):
        _check_token(token_of(last, 0.0))


def _check_token(token: Token) -> None:
    text = encode(token)
    if len(text) > MAX_TOKEN or decode(text) != token:
        raise RuleBroken("token changes in a round trip:")
