"""Close the socket of a connection whose TLS handshake was cancelled.

httpcore 1.0.9 and httpcore2 2.16.2 close it after an error, and leave it open after a cancellation. Python then closes
it with a ResourceWarning.

Cost: only a cancelled request looks for one, so it is 0.0 % of a poll.
"""

from __future__ import annotations

import traceback
from contextlib import suppress

import anyio

CLOSING_S = 1.0
"""The time limit for closing a socket in seconds."""

_CONNECTING = ("httpcore._async.connection", "httpcore2._async.connection")
"""The modules whose method `_connect` holds the socket in its local variable `stream`."""


async def close_unfinished_connection(cancelled: BaseException) -> None:
    """Close the socket that a cancelled request was connecting, if there is one; other errors have none."""
    if isinstance(cancelled, Exception):
        return
    for frame, _ in traceback.walk_tb(cancelled.__traceback__):
        if frame.f_globals.get("__name__") in _CONNECTING and (stream := frame.f_locals.get("stream")) is not None:
            with anyio.move_on_after(CLOSING_S, shield=True), suppress(Exception):  # it is closed, or cannot be
                await stream.aclose()
