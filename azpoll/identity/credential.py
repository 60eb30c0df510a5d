"""Credentials: objects that return access tokens, as those of azure-identity do.

The protocols here are structural, so neither azure-identity nor azure-core is imported.
"""

from __future__ import annotations

import math
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypedDict

from anyio import to_thread

from azpoll.errors import AzpollError
from azpoll.transport.caller_error import QuotableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_OF_APPLICATION = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
_ADVICE = {
    "AzureCliCredential": "run `az login`",
    "AzureDeveloperCliCredential": "run `azd auth login`",
    "AzurePowerShellCredential": "run `Connect-AzAccount`",
    "DefaultAzureCredential": f"run `az login`, {_OF_APPLICATION}, or give this machine a managed identity",
    "EnvironmentCredential": _OF_APPLICATION,
    "ManagedIdentityCredential": "give this machine a managed identity, or name the client_id of one that it has",
    "WorkloadIdentityCredential": "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE",
}
"""Name of a credential class to the advice after its failure; any other class gets `_OTHER_ADVICE`."""

_OTHER_ADVICE = "check the arguments of the credential, such as its tenant, client id and secret"


class CredentialFailed(AzpollError, QuotableError):
    """A credential returned no usable token. The credential's own exception, if it raised one, is the `__cause__`.

    The text names the class of the credential and what to do, and quotes no other exception.
    """


class AccessToken(Protocol):
    """A token as `azure.core.credentials.AccessToken` and `AccessTokenInfo` hold it.

    An optional attribute `refresh_on` is the Unix time after which the token should be replaced.
    """

    @property
    def token(self) -> str:
        """The text of the token."""
        ...

    @property
    def expires_on(self) -> int:
        """The Unix time at which the token expires."""
        ...


class TokenRequestOptions(TypedDict, total=False):
    """The options of a request for a token, as `azure.core.credentials.TokenRequestOptions` has them.

    Attributes:
        claims: JSON text of the claims that the token needs.
        tenant_id: the tenant that issues the token.
        enable_cae: whether the caller answers claims challenges.
    """

    claims: str
    tenant_id: str
    enable_cae: bool


class SupportsGetToken(Protocol):
    """A credential with `get_token`, a function or a coroutine function."""

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, enable_cae: bool = False
    ) -> AccessToken | Awaitable[AccessToken]:
        """Return a token for these scopes."""
        ...


class SupportsGetTokenInfo(Protocol):
    """A credential with `get_token_info`, a function or a coroutine function. It is preferred to `get_token`."""

    def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessToken | Awaitable[AccessToken]:
        """Return a token for these scopes."""
        ...


Credential: TypeAlias = SupportsGetToken | SupportsGetTokenInfo
"""Any credential of `azure.identity` or `azure.identity.aio`, or another object with one of their two methods."""


class FetchedToken(NamedTuple):
    """A token, checked.

    Attributes:
        text: what follows `Bearer `.
        expires_on: Unix time.
        refresh_on: Unix time after which the token should be replaced; None if the credential does not say.
    """

    text: str
    expires_on: float
    refresh_on: float | None

    def __repr__(self) -> str:  # without the text, which is secret
        return f"<FetchedToken until {self.expires_on}>"


class TokenRequest(NamedTuple):
    """A credential, and which of its tokens is wanted.

    Attributes:
        tenant_id: the tenant that issues the token; None for the credential's own.
    """

    credential: Credential
    scopes: tuple[str, ...]
    tenant_id: str | None = None

    @property
    def name(self) -> str:
        """The class of the credential."""
        return type(self.credential).__name__

    async def fetch(self, claims: str | None = None) -> FetchedToken:
        """Return a token from the credential. A credential that is not asynchronous is called in a worker thread.

        Args:
            claims: JSON text out of a claims challenge; None for none.

        Raises:
            CredentialFailed: the credential raised an exception, or returned no usable token.
        """
        options: TokenRequestOptions = {"enable_cae": True}
        if claims is not None:
            options["claims"] = claims
        if self.tenant_id is not None:
            options["tenant_id"] = self.tenant_id
        try:
            return _checked(await _called(_method_of(self.credential, self.scopes, options)))
        except _UnusableTokenError as error:
            raise CredentialFailed(f"{self.name} returned {error}") from None
        except Exception as error:
            asked = " ".join(self.scopes)
            tenant = "" if self.tenant_id is None else f" of tenant {self.tenant_id}"
            reason = f"{type(error).__name__}: {_ADVICE.get(self.name, _OTHER_ADVICE)}"
            raise CredentialFailed(f"{self.name} returned no token for {asked}{tenant} ({reason})") from error


class _UnusableTokenError(Exception):
    """A credential returned something else than a bearer token; the text says what."""


def _method_of(credential: Credential, scopes: tuple[str, ...], options: TokenRequestOptions) -> Callable[[], object]:
    """Return the call of a credential that returns the token, or an awaitable of it."""
    get_token_info: Callable[..., object] | None = getattr(credential, "get_token_info", None)
    if get_token_info is not None:
        return partial(get_token_info, *scopes, options=options)
    get_token: Callable[..., object] = getattr(credential, "get_token")  # noqa: B009 - one of two protocols has it
    return partial(get_token, *scopes, **options)


async def _called(function: Callable[[], object]) -> object:
    is_async: bool = iscoroutinefunction(function)
    if is_async:
        token = function()
    else:  # in a list, since trio raises an error for a coroutine that a thread returns
        [token] = await to_thread.run_sync(lambda: [function()], abandon_on_cancel=True)
    return await token if isawaitable(token) else token


def _checked(token: object) -> FetchedToken:
    """Return a token of a credential after its members were checked."""
    text = getattr(token, "token", None)
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
        raise _UnusableTokenError("a value without the text of a token")
    if (kind := getattr(token, "token_type", "Bearer")) != "Bearer":
        raise _UnusableTokenError(f"a token of type {str(kind)[:32]!r}, and azpoll sends bearer tokens only")
    expires_on = _time(getattr(token, "expires_on", None))
    if expires_on is None:
        raise _UnusableTokenError("a token without the time at which it expires (expires_on)")
    return FetchedToken(text, expires_on, _time(getattr(token, "refresh_on", None)))


def _time(value: object) -> float | None:
    """Return a Unix time; None for any other value."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
