"""Clients of both HTTP libraries."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, get_args

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpx

    from azpoll.testing import FakeARM

Library = Literal["httpx", "httpx2"]
LIBRARIES: tuple[Library, ...] = get_args(Library)

ORIGIN = "https://management.azure.com"
"""The base URL of every client over a `FakeARM`."""


class ClientOptions(TypedDict, total=False):
    """Keyword arguments that the clients of both libraries share; an `object` has a type of the library's own."""

    auth: object
    base_url: str
    cookies: object
    event_hooks: Mapping[str, object]
    follow_redirects: bool
    headers: object
    limits: object
    mounts: Mapping[str, object]
    params: Mapping[str, str]
    timeout: object
    transport: object
    trust_env: bool
    verify: object


@cache
def _trusted_certificates() -> ssl.SSLContext:
    """Return the TLS settings of every client that connects. To read the certificates takes 25 ms of CPU time."""
    context: ssl.SSLContext = import_module("httpx").create_ssl_context()
    return context


def new_client(library: Library = "httpx", **options: Unpack[ClientOptions]) -> httpx.AsyncClient:
    """Return a client of the library; a client of httpx2 has the type of its twin in httpx."""
    if "transport" not in options:
        options.setdefault("verify", _trusted_certificates())
    client: httpx.AsyncClient = import_module(library).AsyncClient(**options)
    return client


def client_of(arm: FakeARM, library: Library = "httpx", **options: Unpack[ClientOptions]) -> httpx.AsyncClient:
    """Return a client of the library over a `FakeARM`, at `ORIGIN` unless the options name another base URL."""
    ordinary: ClientOptions = {"transport": arm.transport(library), "base_url": ORIGIN}
    ordinary.update(options)
    return new_client(library, **ordinary)
