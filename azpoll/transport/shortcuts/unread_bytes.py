"""Close a connection on which a server sent more than its answer.

httpcore gives such a connection to the next request, and reads the surplus as the answer to that request. httpcore
itself closes an idle connection whose socket is readable. So this module looks at the bytes that were taken from the
socket, in the buffers of h11, TLS and anyio. `azpoll.fast` does not need it, because hyper closes such a connection.

This is no shortcut: no public name shows these bytes. A connection without the private fields does not change.

Cost: 1 to 2 us for each response, 0.5 % of a poll over httpx.
"""

from __future__ import annotations

from typing import Any

_INNER = ("_httpcore_stream", "_stream", "source")
"""The fields in which the stream of a response keeps the stream beneath it."""


def connection_with_unread_bytes(stream: Any) -> Any:  # noqa: ANN401 - of either library
    """Return the HTTP/1 connection of a response that was read to its end, if it has received more; else None."""
    connection = connection_of(stream)
    protocol = getattr(connection, "_h11_state", None)
    if protocol is None:
        return None
    return connection if protocol.trailing_data[0] or _has_buffered(connection) else None


async def close_after_response(connection: Any) -> None:  # noqa: ANN401 - as above
    """Close an HTTP/1 connection if it is idle; else at the end of its response."""
    if connection.is_idle():
        await connection.aclose()
    else:
        connection._h11_state.send_failed()  # noqa: SLF001 - a connection whose state is an error is not used again


def connection_of(stream: Any) -> Any:  # noqa: ANN401 - as above
    """Return the connection of a response; None if it has no field of this name."""
    while True:
        for name in _INNER:
            inner = getattr(stream, name, None)
            if inner is not None:
                stream = inner
                break
        else:
            return getattr(stream, "_connection", None)


def _has_buffered(connection: Any) -> bool:  # noqa: ANN401 - as above
    """Whether received bytes wait in TLS, as anyio or trio wraps it, or in anyio's stream of a socket."""
    stream = getattr(getattr(connection, "_network_stream", None), "_stream", None)
    while (tls := getattr(stream, "_ssl_object", None)) is not None:
        received = getattr(stream, "_read_bio", None) or getattr(stream, "_incoming", None)
        if tls.pending() or getattr(received, "pending", 0):
            return True
        stream = getattr(stream, "transport_stream", None)
    return bool(getattr(getattr(stream, "_protocol", None), "read_queue", None))
