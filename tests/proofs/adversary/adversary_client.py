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


def new_game_client(library: GameLibrary) -> Any:
    """Return a client that sends a credential and the cookie `own=1` to the origins that it is sent to."""
    options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {CANARY}"}, "cookies": {"own": "1"}}
    if library == "fast":
        options["transport"] = import_module("azpoll.fast").transport()
    if library.endswith("-h2"):
        options |= {"http1": False, "http2": True}
    return module_of(library).AsyncClient(trust_env=False, **options)
