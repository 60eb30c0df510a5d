"""The client of a game: one of the three libraries, with a credential and a cookie of its own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from tests.support.canary import CANARY

GameLibrary = Literal["httpx", "httpx2", "fast", "httpx-h2", "httpx2-h2"]
LIBRARIES: tuple[GameLibrary, ...] = ("httpx", "httpx2", "fast")
HTTP_2_LIBRARIES: tuple[GameLibrary, ...] = ("httpx-h2", "httpx2-h2") if find_spec("h2") else ()
"""Clients that speak HTTP/2 only; they need the package `h2`."""


def module_of(library: GameLibrary) -> Any:
    """Return the module of the client class."""
    return import_module("httpx" if library == "fast" else library.removesuffix("-h2"))


def new_game_client(library: GameLibrary, healthy: str | None = None) -> Any:
    """Return a client that sends a credential and the cookie `own=1`.

    Args:
        library: of the client.
        healthy: an origin that speaks HTTP/1 in any case.
    """
    options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {CANARY}"}, "cookies": {"own": "1"}}
    module = module_of(library)
    if library == "fast":
        options["transport"] = import_module("azpoll.fast").transport()
    if library in HTTP_2_LIBRARIES:
        options |= {"http1": False, "http2": True}
        if healthy is not None:
            options["mounts"] = {healthy: module.AsyncHTTPTransport()}
    return module.AsyncClient(trust_env=False, **options)
