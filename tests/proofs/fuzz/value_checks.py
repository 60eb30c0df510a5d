"""What holds of every state, wait, URL and text, whatever came."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import httpx
import httpx2

from azpoll.protocol.resume_token import MAX_TOKEN, Token, decode, encode, token_of
from azpoll.protocol.states import Confirming, Fetching, Pending, Polling, Succeeded, Unknown
from azpoll.protocol.url_policy import Origin, origin_of
from tests.proofs.fuzz.input_kind import Broken

if TYPE_CHECKING:
    from azpoll.protocol.states import State

MOST_TEXT = 1500
MOST_URL = 8192
PARSERS = (httpx.URL, httpx2.URL)


def judge_text(text: str, most: int = MOST_TEXT) -> None:
    """Hold that a text is one line without controls, which can be encoded and is not endless (rule 45)."""
    if not text.isprintable():
        odd = {each for each in text if not each.isprintable() and unicodedata.category(each) != "Zs"}
        if odd:
            raise Broken(f"text acts on a terminal: {odd!r}")
    if len(text) > most:
        raise Broken(f"text is long: {len(text)} characters")


def judge_wait(seconds: float, floor_s: float, cap_s: float) -> None:
    """Hold that a wait is finite and within floor and cap (rule 35)."""
    if not math.isfinite(seconds) or not floor_s <= seconds <= cap_s:
        raise Broken(f"wait out of bounds: {seconds!r} s")


@lru_cache(maxsize=256)
def judge_url(url: str, origins: frozenset[Origin]) -> None:
    """Hold that a URL which may be asked is proper, and of an allowed origin for whoever parses it (rules 8, 9, 13)."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > MOST_URL:
        raise Broken(f"URL is not proper: {url[:200]!r}")
    for parse in PARSERS:
        parsed = parse(url)
        if origin_of(parsed) not in origins:
            raise Broken(f"URL is foreign: {url[:200]!r}")
        if parsed.userinfo or parsed.fragment:
            raise Broken(f"URL holds more: {url[:200]!r}")


def judge_state(state: State, *, resumed: bool = False) -> None:
    """Hold that what a state asks next is trusted, and not too soon or too late."""
    if isinstance(state, Pending):
        delay_limits = state.plan.delay_limits
        at_once = resumed or bool(state.next_request.redirects) or isinstance(state, (Confirming, Fetching))
        judge_wait(state.next_request.delay.seconds, 0.0 if at_once else delay_limits.floor, delay_limits.cap)
        url_policy = state.plan.url_policy
        origins = url_policy.allowed | {url_policy.initial}
        for url in urls_of(state):
            judge_url(url, origins)


def urls_of(state: Pending) -> set[str]:
    """Return all that a pending state may ask, now or later."""
    urls = {state.next_request.url, state.url}
    polling = state.polling if isinstance(state, Confirming) else state
    if isinstance(polling, Polling):
        urls |= {url for url in (polling.location, polling.fallback, polling.stale) if isinstance(url, str)}
    return urls


def judge_end(state: State) -> None:
    """Hold that whatever has not succeeded can be taken up from a token, if there is anything to ask."""
    last = state.last if isinstance(state, Unknown) else None if isinstance(state, Succeeded) else state
    if isinstance(last, (Polling, Confirming, Fetching)):
        _judge_token(token_of(last, 0.0))


@lru_cache(maxsize=256)
def _judge_token(token: Token) -> None:
    text = encode(token)
    if len(text) > MAX_TOKEN or decode(text) != token:
        raise Broken("token is not read as it was written:")
