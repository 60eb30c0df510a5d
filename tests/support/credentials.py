"""Fake credentials: asynchronous and synchronous ones, with either method of azure-core's protocols."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import anyio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.identity import TokenRequestOptions

Kind = Literal["async info", "async token", "info", "token"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class FakeToken(NamedTuple):
    """As `azure.core.credentials.AccessToken`."""

    token: str
    expires_on: int


@dataclass(frozen=True)
class FakeTokenInfo:
    """As `azure.core.credentials.AccessTokenInfo`."""

    token: str
    expires_on: int
    token_type: str = "Bearer"
    refresh_on: int | None = None


@dataclass
class TokenSource:
    """Issues tokens and counts the requests for them.

    Attributes:
        lifetime_s: of each token.
        refresh_after_s: from the issue of a token to its `refresh_on`; None for no `refresh_on`.
        latency_s: of an asynchronous credential, in seconds of the event loop.
        errors: raised by the next requests, one each; None for a request that succeeds.
        names: of the next tokens; then `token-1`, `token-2` and so on.
        options: of each request.
        threads: in which a request was made.
    """

    lifetime_s: float = 3600
    refresh_after_s: float | None = None
    latency_s: float = 0.0
    errors: list[Exception | None] = field(default_factory=list[Exception | None])
    names: list[str] = field(default_factory=list[str])
    options: list[TokenRequestOptions] = field(default_factory=list["TokenRequestOptions"])
    scopes: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    threads: set[int] = field(default_factory=set[int])

    @property
    def fetches(self) -> int:
        """The number of requests so far."""
        return len(self.options)

    def issue(self, scopes: Iterable[str], options: TokenRequestOptions | None) -> FakeTokenInfo:
        """Return a token, or raise the next error."""
        self.options.append(options or {})
        self.scopes.append(tuple(scopes))
        self.threads.add(threading.get_ident())
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        now_s = time.time()
        name = self.names.pop(0) if self.names else f"token-{self.fetches}"
        tenant = (options or {}).get("tenant_id")
        refresh_on = None if self.refresh_after_s is None else int(now_s + self.refresh_after_s)
        text = name if tenant is None else f"{name}-of-{tenant}"
        return FakeTokenInfo(text, int(now_s + self.lifetime_s), refresh_on=refresh_on)


class AsyncInfoCredential:
    """An asynchronous credential with `get_token_info`, as those of `azure.identity.aio`."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> FakeTokenInfo:
        await anyio.sleep(self.source.latency_s)
        return self.source.issue(scopes, options)


class AsyncTokenCredential:
    """An asynchronous credential with `get_token` alone."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source

    async def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, enable_cae: bool = False
    ) -> FakeToken:
        await anyio.sleep(self.source.latency_s)
        info = self.source.issue(scopes, options_of(claims, tenant_id, enable_cae=enable_cae))
        return FakeToken(info.token, info.expires_on)


class InfoCredential:
    """A synchronous credential with `get_token_info`, as those of `azure.identity`."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> FakeTokenInfo:
        return self.source.issue(scopes, options)


class TokenCredential:
    """A synchronous credential with `get_token` alone."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, enable_cae: bool = False
    ) -> FakeToken:
        info = self.source.issue(scopes, options_of(claims, tenant_id, enable_cae=enable_cae))
        return FakeToken(info.token, info.expires_on)


def options_of(claims: str | None, tenant_id: str | None, *, enable_cae: bool) -> TokenRequestOptions:
    """Return keywords of `get_token` as the options of `get_token_info`."""
    options: TokenRequestOptions = {"enable_cae": enable_cae}
    if claims is not None:
        options["claims"] = claims
    if tenant_id is not None:
        options["tenant_id"] = tenant_id
    return options


FakeCredential = AsyncInfoCredential | AsyncTokenCredential | InfoCredential | TokenCredential

_CLASSES: dict[Kind, type[FakeCredential]] = {
    "async info": AsyncInfoCredential,
    "async token": AsyncTokenCredential,
    "info": InfoCredential,
    "token": TokenCredential,
}


def credential_of(source: TokenSource, kind: Kind = "async info") -> FakeCredential:
    """Return a credential of the kind, which issues the tokens of a source."""
    return _CLASSES[kind](source)
