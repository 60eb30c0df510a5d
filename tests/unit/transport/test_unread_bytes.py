"""The private fields that show unread bytes of a connection may be missing, in whole or in part."""

from __future__ import annotations

from types import SimpleNamespace as Fields
from typing import Any

import h11
import httpx
import pytest

from azpoll.transport.shortcuts.unread_bytes import connection_with_unread_bytes

READ, UNREAD = Fields(trailing_data=(b"", False)), Fields(trailing_data=(b"HTTP/1.1 200 OK", False))


def stream_of(connection: object) -> Any:
    return Fields(_httpcore_stream=Fields(_stream=Fields(_connection=connection)))


def over(stream: object) -> Any:
    """Return a connection that has read all from h11."""
    return Fields(_h11_state=READ, _network_stream=Fields(_stream=stream))


@pytest.mark.parametrize(
    "stream",
    [
        None,
        object(),
        httpx.ByteStream(b"text"),
        stream_of(None),
        stream_of(Fields()),
        stream_of(Fields(_h2_state=object())),
        stream_of(Fields(_h11_state=READ)),
        stream_of(over(None)),
        stream_of(over(Fields(_protocol=Fields()))),
        stream_of(over(Fields(_ssl_object=Fields(pending=lambda: 0)))),
        stream_of(over(Fields(_protocol=Fields(read_queue=[])))),
    ],
)
def test_t18_a_stream_without_these_fields_stays_as_it_is(stream: object) -> None:
    assert connection_with_unread_bytes(stream) is None


@pytest.mark.parametrize(
    "connection",
    [
        Fields(_h11_state=UNREAD),
        over(Fields(_protocol=Fields(read_queue=[b"x"]))),
        over(Fields(_ssl_object=Fields(pending=lambda: 1), transport_stream=None)),
        over(Fields(_ssl_object=Fields(pending=lambda: 0), _read_bio=Fields(pending=1), transport_stream=None)),
        over(Fields(_ssl_object=Fields(pending=lambda: 0), _incoming=Fields(pending=1), transport_stream=None)),
    ],
    ids=["h11", "socket", "decrypted", "anyio-tls", "trio-tls"],
)
def test_t18_bytes_in_each_buffer_are_seen(connection: object) -> None:
    stream = stream_of(connection)
    for wrapped in (stream, Fields(source=stream), Fields(source=Fields(_stream=stream))):
        assert connection_with_unread_bytes(wrapped) is connection


def test_t18_h11_does_not_reuse_a_connection_whose_state_is_an_error() -> None:
    """`send_failed` is a public method of h11; httpcore closes a connection unless both sides are done."""
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send_failed()
    assert connection.our_state is h11.ERROR
