"""Delivery of an `Exchange` over ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TypeAlias
from urllib.parse import quote

import anyio

from azpoll.testing.exchange import Exchange, IncomingRequest
from azpoll.testing.steps import ConnectionDropped

Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


async def run_application(
    handle: Callable[[IncomingRequest], Exchange], scope: Message, receive: Receive, send: Send
) -> None:
    """Answer one HTTP request, or the lifespan events of a server.

    Raises:
        ConnectionDropped: the exchange ends the connection early.
        ValueError: the scope has another type, such as "websocket".
    """
    if scope["type"] == "lifespan":
        await _complete_lifespan(receive, send)
        return
    if scope["type"] != "http":
        raise ValueError(f"not an HTTP request: {scope['type']}")
    exchange = handle(await _read_request(scope, receive))
    try:
        await _deliver(exchange, send)
    finally:
        exchange.finished(complete=False)


async def _deliver(exchange: Exchange, send: Send) -> None:
    if exchange.delay_s > 0:
        await anyio.sleep(exchange.delay_s)
    if exchange.status is None:
        raise ConnectionDropped("the connection was closed without an answer")
    exchange.told()
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in exchange.headers]
    await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
    for chunk in exchange.chunks():
        if exchange.drip:
            await anyio.sleep(exchange.drip.every_s)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if exchange.cut:
        raise ConnectionDropped("the connection was closed inside the body")
    exchange.finished(complete=True)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read_request(scope: Message, receive: Receive) -> IncomingRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in _byte_pairs(scope["headers"])}
    raw_path = scope.get("raw_path")
    path = raw_path.decode("ascii") if isinstance(raw_path, bytes) and raw_path else quote(str(scope["path"]))
    query = scope.get("query_string")
    body = b""
    if scope["method"] not in {"GET", "HEAD"}:
        more: object = True
        while more:
            message = await receive()
            chunk = message.get("body", b"")
            body += chunk if isinstance(chunk, bytes) else b""
            more = message.get("more_body", False)
    return IncomingRequest(
        method=str(scope["method"]),
        origin=f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}",
        path=path,
        query=query.decode("ascii") if isinstance(query, bytes) else "",
        headers=headers,
        body=body,
    )


def _byte_pairs(value: object) -> Iterable[tuple[bytes, bytes]]:
    if isinstance(value, Iterable):
        for pair in value:  # pyright: ignore[reportUnknownVariableType] - the ASGI scope is untyped
            name, text = pair  # pyright: ignore[reportUnknownVariableType] - as above
            if isinstance(name, bytes) and isinstance(text, bytes):
                yield name, text


async def _complete_lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
