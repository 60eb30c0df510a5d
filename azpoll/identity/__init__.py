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

    from azpoll.clouds import Cloud

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

    Args:
        credential: any with `get_token_info` or `get_token`; azpoll calls a synchronous one in a worker thread. The
            caller closes it. The asynchronous ones of azure-identity need asyncio; under trio use the others.
        cloud: "public", "china" or "us-government": the tokens are for its Resource Manager and its regional hosts.
        scopes: of the token; by default that of the cloud's Resource Manager.
        origins: that get the token too: "https://host", or "https://*.suffix" for every host one label below the
            suffix; plain http for loopback only. A request to any other origin has no token.
        tenant_id: the tenant that issues the token; None for that of the credential.
        auxiliary_tenants: at most 3 others, whose tokens every request but GET and HEAD carries. The credential must
            allow them (`additionally_allowed_tenants`). Do not combine them with `follow_redirects=True`.

    Raises:
        TypeError: the credential has neither method, or a list is one text.
        ValueError: an argument is out of its range.
    """
    if isinstance(credential, type):
        raise TypeError(f"a credential is needed, not the class {credential.__name__}: call it")
    if not is_credential(credential):
        raise TypeError(f"a credential has get_token_info or get_token; {type(credential).__name__} has neither")
    home = cloud_of(cloud)
    wanted, tenants = _scopes(home, scopes), _texts("auxiliary_tenants", auxiliary_tenants)
    if len(tenants) > MAX_AUXILIARY:
        raise ValueError(f"auxiliary_tenants has {len(tenants)} tenants, and ARM accepts {MAX_AUXILIARY}")
    library = next((name for name in LIBRARIES if name in sys.modules), "httpx")
    trust = TokenTrust(home, origins, import_module(library).URL)
    own, *others = (TokenRequest(credential, wanted, tenant) for tenant in (tenant_id, *tenants))
    return AzureAuth(own.name, TokenCache(own), [TokenCache(each) for each in others], trust)


def _scopes(home: Cloud, scopes: Iterable[str] | None) -> tuple[str, ...]:
    if scopes is None:
        return (home.scope,)
    wanted = _texts("scopes", scopes)
    if not wanted:
        raise ValueError("scopes is empty: give one scope at least, or None for that of the cloud")
    return wanted


def _texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return a list of texts as a tuple; raises `TypeError` for one text, which would be a list of letters."""
    if isinstance(values, str):
        raise TypeError(f"{name} must be a collection of texts, not one text")
    return tuple(values)
