"""Tokens of Azure credentials for the client of a tracker.

    from azure.identity import DefaultAzureCredential

    auth = azpoll.identity.auth(DefaultAzureCredential())
    async with httpx.AsyncClient(base_url="https://management.azure.com", auth=auth) as client:
        async with azpoll.Tracker(client) as tracker: ...

`auth` takes the credentials of `azure.identity` and `azure.identity.aio`, and any other object with their method
`get_token_info` or `get_token`. azure-identity itself is not imported; `pip install 'azpoll[identity]'` installs it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from azpoll.clouds import CloudName, cloud_of
from azpoll.identity.bearer_auth import AzureAuth
from azpoll.identity.credential import (
    AccessToken,
    Credential,
    CredentialFailed,
    SupportsGetToken,
    SupportsGetTokenInfo,
    TokenRequest,
    TokenRequestOptions,
)
from azpoll.identity.token_cache import TokenCache
from azpoll.identity.trust import TokenTrust
from azpoll.transport.library import LIBRARIES, is_credential

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AccessToken",
    "AzureAuth",
    "CloudName",
    "Credential",
    "CredentialFailed",
    "SupportsGetToken",
    "SupportsGetTokenInfo",
    "TokenRequestOptions",
    "auth",
]

MAX_AUXILIARY = 3
"""The greatest number of tokens of other tenants that ARM accepts in one request."""


def auth(
    credential: Credential,
    *,
    cloud: CloudName = "public",
    scopes: Iterable[str] | None = None,
    origins: Iterable[str] = (),
    tenant_id: str | None = None,
    auxiliary_tenants: Iterable[str] = (),
) -> AzureAuth:
    """Return the auth of an `httpx.AsyncClient` or `httpx2.AsyncClient` that sends a credential's tokens.

    One token serves all requests of the client. It is renewed by one request before it expires: after the
    credential's `refresh_on`, or 5 minutes before its expiry, or after half its life if that is shorter than 10
    minutes. If that fails, the old token is used until it expires, and the next attempt is made after 30 s. A 401
    renews the token once for all requests. If it carries a claims challenge (continuous access evaluation), the
    credential gets the claims. A credential that is not asynchronous is called in a worker thread.

    Args:
        credential: of `azure.identity` or `azure.identity.aio`, or any object with `get_token_info` or `get_token`. The
            caller closes it. The asynchronous ones of azure-identity need asyncio; under trio use the others.
        cloud: "public", "china" or "us-government": whose Resource Manager gets the tokens, by its own name or a
            regional one. The credential has its own setting for the cloud that signs it in (`authority`).
        scopes: of the token, such as "https://cognitiveservices.azure.com/.default"; by default that of the cloud's
            Resource Manager.
        origins: that get the token too, besides the cloud's Resource Manager: "https://host", or "https://*.suffix" for
            every host one label below the suffix. Plain http is for loopback only. Requests to any other origin get
            no token.
        tenant_id: the tenant that issues the token; None for that of the credential.
        auxiliary_tenants: at most 3 other tenants, for requests that refer to their resources. Every request but GET
            and HEAD then carries their tokens in `x-ms-authorization-auxiliary`. The credential must allow these
            tenants (`additionally_allowed_tenants`). A client that follows redirects itself keeps this header, so do
            not combine it with `follow_redirects=True`.

    Raises:
        TypeError: the credential has neither method, or a list is one string.
        ValueError: the cloud is unknown, there is no scope, an origin is not acceptable, or there are more than 3
            auxiliary tenants.
        CredentialFailed: raised by the client's requests if the credential returns no token. A tracker repeats the
            request, and finally raises `AuthenticationFailed` with this error as its `__cause__` (rule 26).
    """
    if not is_credential(credential):
        raise TypeError(f"a credential has get_token_info or get_token; {type(credential).__name__} has neither")
    home = cloud_of(cloud)
    wanted = (home.scope,) if scopes is None else _texts("scopes", scopes)
    if not wanted:
        raise ValueError("scopes is empty: give one scope at least, or None for that of the cloud")
    tenants = _texts("auxiliary_tenants", auxiliary_tenants)
    if len(tenants) > MAX_AUXILIARY:
        raise ValueError(f"auxiliary_tenants has {len(tenants)} tenants, and ARM accepts {MAX_AUXILIARY}")
    library = next((name for name in LIBRARIES if name in sys.modules), "httpx")
    trust = TokenTrust(home, origins, import_module(library).URL)
    own, *others = (TokenRequest(credential, wanted, tenant) for tenant in (tenant_id, *tenants))
    return AzureAuth(own.name, TokenCache(own), [TokenCache(each) for each in others], trust)


def _texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return a list of texts as a tuple; raises `TypeError` for one text, which would be a list of letters."""
    if isinstance(values, str):
        raise TypeError(f"{name} must be a collection of texts, not one text")
    return tuple(values)
