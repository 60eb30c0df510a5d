"""One cached token, which one request at a time renews for all.

A credential may start a process for each call, so a fleet must not call it for each request. The times of a token are
kept on the clock of the event loop (rule 36).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import anyio

from azpoll.eventloop.clock import loop_clock, running_loop
from azpoll.identity.credential import CredentialFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.identity.credential import FetchedToken, TokenRequest

EARLY_S = 300.0
"""Seconds before its expiry at which a token is renewed, if the credential does not name the time."""

RETRY_S = 30.0
"""Seconds between attempts to renew a token that still serves, and the longest time of such an attempt."""

SHARED_S = 0.5
"""Seconds for which requests that were refused share a failure. A tracker polls again after a second at least."""

_log = logging.getLogger("azpoll")


class _CachedToken(NamedTuple):
    """A token, and when it is due on the clock of the event loop."""

    fetched: FetchedToken
    refresh_s: float
    expires_s: float


class TokenCache:
    """The token of one credential, tenant and scope, for one event loop at a time.

    Args:
        request: fetches the token.
    """

    def __init__(self, request: TokenRequest) -> None:
        self._request = request
        self._token: _CachedToken | None = None
        self._fetches = 0
        self._failure: CredentialFailed | None = None
        self._answered: tuple[str, str | None] | None = None
        self._loop: object = None
        self._now: Callable[[], float] = time.monotonic
        self._lock = anyio.Lock()
        self._next_attempt_s = self._failed_s = float("-inf")

    async def get(self) -> str:
        """Return the token. If it expires soon, one caller renews it, and meanwhile the others get the old one.

        Raises:
            CredentialFailed: there is no valid token, and the credential returned none.
        """
        if (loop := running_loop()) != self._loop:
            self._enter_loop(loop)
        now_s = self._now()
        token = self._token
        if token is None or now_s >= token.expires_s:
            return await self._first(token)
        if now_s >= token.refresh_s and now_s >= self._next_attempt_s:
            return await self._renewed_early(token)
        return token.fetched.text

    async def replace(self, rejected: str, claims: str | None = None) -> str | None:
        """Return a token in place of one that the service rejected; None if the credential has no other one.

        One caller fetches it for all that had the same token. Each challenge is answered once.

        Args:
            rejected: the text of the token.
            claims: JSON text out of the service's claims challenge; None for none.

        Raises:
            CredentialFailed: the credential returned no token.
        """
        before = self._fetches
        async with self._lock:
            token = self._token
            if token is not None and token.fetched.text != rejected and self._now() < token.expires_s:
                return token.fetched.text
            self._raise_failure_since(before, self._failed_s + SHARED_S)
            challenge = (rejected, claims)
            if challenge != self._answered or self._now() >= self._next_attempt_s:
                token = await self._fetch(claims)
                self._answered = challenge
        return None if token is None or token.fetched.text == rejected else token.fetched.text

    async def _first(self, old: _CachedToken | None) -> str:
        """Return the token that one caller fetches, since there is none that is valid."""
        before = self._fetches
        async with self._lock:
            token = self._token
            if token is None or token is old:
                self._raise_failure_since(before)
                token = await self._fetch()
        return token.fetched.text

    async def _renewed_early(self, old: _CachedToken) -> str:
        """Return a newer token, or the old one if the credential fails or is slow."""
        self._next_attempt_s = self._now() + RETRY_S
        with anyio.move_on_after(RETRY_S):
            async with self._lock:
                if self._token is old:
                    try:
                        await self._fetch()
                    except CredentialFailed as error:
                        left_s = max(old.expires_s - self._now(), 0.0)
                        _log.warning("%s. The old token is used for another %.0f s", error, left_s)
        token = self._token
        return old.fetched.text if token is None else token.fetched.text

    async def _fetch(self, claims: str | None = None) -> _CachedToken:
        """Fetch a token and keep it. The caller holds the lock."""
        self._next_attempt_s = self._now() + RETRY_S
        try:
            fetched = await self._request.fetch(claims)
        except CredentialFailed as error:
            self._fetches += 1
            self._failure, self._failed_s = error, self._now()
            raise
        self._fetches += 1
        self._failure = None
        self._token = token = self._timed(fetched)
        return token

    def _raise_failure_since(self, before: int, shared_until_s: float = float("-inf")) -> None:
        """Raise the failure of a fetch that ended while the caller waited for the lock, or is shared until a time."""
        failure = self._failure
        if failure is not None and (self._fetches != before or self._now() < shared_until_s):
            raise CredentialFailed(str(failure)) from failure.__cause__

    def _timed(self, fetched: FetchedToken) -> _CachedToken:
        """Return a token with its times on the clock of the event loop.

        A token that seems expired is used for `RETRY_S`, since the clock of this machine may be wrong.
        """
        now_s, unix_s = self._now(), time.time()
        left_s = max(fetched.expires_on - unix_s, RETRY_S)
        refresh_s = left_s - min(EARLY_S, left_s / 2)
        if fetched.refresh_on is not None:
            refresh_s = min(max(fetched.refresh_on - unix_s, 0.0), left_s)
        return _CachedToken(fetched, now_s + refresh_s, now_s + left_s)

    def _enter_loop(self, loop: object) -> None:
        """Take the clock and a lock of another event loop, and convert the times of the token."""
        self._loop = loop
        self._lock = anyio.Lock()
        self._next_attempt_s = self._failed_s = float("-inf")
        self._now = loop_clock()
        if self._token is not None:
            fetched = self._token.fetched
            self._token = None if fetched.expires_on <= time.time() else self._timed(fetched)
