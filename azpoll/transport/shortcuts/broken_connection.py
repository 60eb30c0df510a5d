"""Close an HTTP/2 connection on which the server broke the protocol, or an illegal request was half encoded.

httpcore 1.0.9 and httpcore2 2.16.2 keep such a connection. Its other requests wait for answers until their time limit,
and each new request on it fails, as long as the requests follow each other within 5 s.

Gain: a poll that shares the connection fails immediately and is repeated. Without it, the poll waits for 100 % of its
time limit, which is 120 s by default.
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any

import anyio

from azpoll.transport.network_error import chain_of

CLOSING_S = 1.0
"""The time limit for closing a connection in seconds."""

_CONNECTIONS = ("httpcore._async.http2", "httpcore2._async.http2")
"""The modules whose methods belong to an HTTP/2 connection."""


async def close_broken_connection(error: BaseException) -> None:
    """Close the HTTP/2 connection on which a request failed with an error of h2, if there is one."""
    connection = _broken_connection(error)
    if connection is None:
        return
    with anyio.move_on_after(CLOSING_S, shield=True), suppress(Exception):  # it is closed, or cannot be closed
        await connection.aclose()


def _broken_connection(error: BaseException) -> Any:  # noqa: ANN401 - of httpcore
    """Return the connection whose method called h2 last, which raised an error of the chain; None without one."""
    for each in chain_of(error):
        if type(each).__module__.partition(".")[0] != "h2":
            continue
        for frame, _ in reversed(list(traceback.walk_tb(each.__traceback__))):
            if frame.f_globals.get("__name__") in _CONNECTIONS:
                return frame.f_locals.get("self")
    return None
