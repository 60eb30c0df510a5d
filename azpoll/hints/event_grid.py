"""`EventGrid`: hints by push, from the resource events of Azure Event Grid."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeGuard
from urllib.parse import parse_qsl

import anyio

from azpoll.errors import AzpollError
from azpoll.eventloop.checkpoint import checkpoint
from azpoll.hints.resource_events import delivery_of

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("azpoll")

Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MAX_BODY = 256 * 1024
"""The longest delivery in bytes. Event Grid sends up to 64 KiB, unless larger batches are configured."""

BODY_S = 20.0
"""Seconds in which a delivery arrives. Event Grid itself waits 30 s for its answer."""

VERIFY_S = 8.0
"""Seconds in which a token is verified. With `BODY_S` it is less than Event Grid waits."""

SHORTEST_KEY = 16
"""Characters of a shared key."""

HINTS_AT_ONCE = 100
"""Hints after which other tasks run."""

_ORIGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
_CODE = re.compile(rb"[A-Za-z0-9._~+/=-]{1,512}")
_OK, _UNREADABLE, _UNAUTHORIZED, _NOT_ALLOWED, _TOO_SLOW, _TOO_LARGE, _NOT_NOW = 200, 400, 401, 405, 408, 413, 503


class HintReceiver(Protocol):
    """The part of a tracker that an event handler needs."""

    def hint(self, resource_id: str) -> int:
        """Report that the operations on a resource may have ended; returns their number."""
        ...


class _Reply(NamedTuple):
    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


class EventGrid:
    """An ASGI application that receives the resource events of Azure Event Grid, and gives a tracker a hint for each.

    Serve it by itself, or mount it in an application of Starlette or FastAPI, at any path. It runs in the event loop of
    the tracker. The endpoint takes both schemas, Event Grid's own and CloudEvents 1.0, and answers the validation
    handshake of each. An event of a resource without a tracked operation, or of another type, is ignored. Each process
    that tracks operations needs a subscription and an endpoint of its own.

    Event Grid is asked to send `Microsoft.Resources.ResourceWriteSuccess` and the like: Success, Failure and Cancel of
    Write, Delete and Action. A hint brings a poll forward and ends nothing, so a lost or a forged event does no harm
    beyond that.

    A delivery is answered with 200, and with 400 if it is no list of events. Without the key or a good token it is
    answered with 401, above 256 KiB with 413, and with 408 if it takes longer than 20 s to arrive. If the tracker takes
    no hints now, the answer is 503, and Event Grid repeats the delivery.

    Args:
        tracker: an entered `azpoll.Tracker`.
        key: a secret that each request has in its header `x-azpoll-key`, or in its query as `code`; 16 characters or
            more. It is compared in constant time. A query stands in the logs of servers, so prefer the header: a
            delivery property of the event subscription sets it.
        verify: checks the Entra token of a delivery, without "Bearer"; it returns True for a good one. An exception
            counts as False. After 8 s without a result the answer is 503. The CloudEvents handshake is answered without
            a token, because it delivers nothing.

    With both, a delivery needs both.

    Raises:
        TypeError: `tracker` takes no hints.
        ValueError: there is neither `key` nor `verify`, or the key is too short or not ASCII.

    Source: learn.microsoft.com/azure/event-grid "end-point-validation-event-grid-events-schema" and
    "webhook-event-delivery".
    """

    def __init__(
        self,
        tracker: HintReceiver,
        *,
        key: str | None = None,
        verify: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        if not callable(getattr(tracker, "hint", None)):
            raise TypeError(f"a tracker is needed, not {type(tracker).__name__}")
        if key is None and verify is None:
            raise ValueError("EventGrid needs key= or verify=: without either, anyone could send it events")
        if key is not None and (len(key) < SHORTEST_KEY or not key.isascii()):
            raise ValueError(f"the key must be ASCII text of {SHORTEST_KEY} characters or more")
        self._tracker = tracker
        self._key = None if key is None else key.encode()
        self._verify = verify

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or the lifespan events of a server."""
        if scope["type"] == "lifespan":
            await _complete_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            reply = await self._reply(scope, receive)
            length = (b"content-length", str(len(reply.body)).encode())
            await send({"type": "http.response.start", "status": reply.status, "headers": [length, *reply.headers]})
            await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Message, receive: Receive) -> _Reply:
        headers = _headers_of(scope)
        if not self._has_key(scope, headers):
            return _Reply(_UNAUTHORIZED)
        if scope.get("method") == "OPTIONS":
            return _handshake(headers)
        if scope.get("method") != "POST":
            return _Reply(_NOT_ALLOWED, ((b"allow", b"POST, OPTIONS"),))
        is_good: bool | None = None
        with anyio.move_on_after(VERIFY_S):
            is_good = await self._has_good_token(headers)
        if not is_good:
            return _Reply(_NOT_NOW) if is_good is None else _Reply(_UNAUTHORIZED, ((b"www-authenticate", b"Bearer"),))
        with anyio.move_on_after(BODY_S):
            body = await _body_of(receive)
            return _Reply(_TOO_LARGE) if body is None else await self._deliver(body)
        return _Reply(_TOO_SLOW)

    async def _deliver(self, body: bytes) -> _Reply:
        try:
            delivery = delivery_of(body)
        except ValueError:
            return _Reply(_UNREADABLE)
        if delivery.validation_code is not None:
            code = delivery.validation_code.encode("ascii", "ignore")
            if not _CODE.fullmatch(code):
                return _Reply(_UNREADABLE)
            return _Reply(_OK, ((b"content-type", b"application/json"),), b'{"validationResponse":"%s"}' % code)
        try:
            for number, resource_id in enumerate(delivery.resource_ids, 1):
                self._tracker.hint(resource_id)
                if number % HINTS_AT_ONCE == 0:
                    await checkpoint()
        except AzpollError:  # the tracker is not entered, is closed, or belongs to another event loop
            return _Reply(_NOT_NOW)
        return _Reply(_OK)

    def _has_key(self, scope: Message, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request has the key; the time does not depend on how much of it is right."""
        if self._key is None:
            return True
        query = scope.get("query_string")
        in_query = _code_in(query) if isinstance(query, bytes) else b""
        in_header = headers.get(b"x-azpoll-key", b"")
        return hmac.compare_digest(in_header, self._key) | hmac.compare_digest(in_query, self._key)

    async def _has_good_token(self, headers: Mapping[bytes, bytes]) -> bool:
        if self._verify is None:
            return True
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token.isascii() or not token:
            return False
        try:
            return await self._verify(token.strip()) is True
        except Exception as error:  # noqa: BLE001 - a verifier raises what its library raises for a bad token
            logger.info("a delivery of Event Grid was refused: its token raised %s", type(error).__name__)
            return False


def _handshake(headers: Mapping[bytes, bytes]) -> _Reply:
    """Answer the validation request of CloudEvents: the sender may deliver."""
    origin = headers.get(b"webhook-request-origin", b"").decode("latin-1")
    if not _ORIGIN.fullmatch(origin):
        return _Reply(_UNREADABLE)
    allowed = ((b"allow", b"POST, OPTIONS"), (b"webhook-allowed-origin", origin.encode()))
    return _Reply(_OK, (*allowed, (b"webhook-allowed-rate", b"*")))


def _headers_of(scope: Message) -> dict[bytes, bytes]:
    """Return the headers of a request in lower case; the first of each name counts."""
    found: dict[bytes, bytes] = {}
    pairs = scope.get("headers")
    for pair in pairs if _is_iterable(pairs) else ():
        match pair:
            case (bytes() as name, bytes() as value):
                found.setdefault(name.lower(), value)
            case _:
                pass
    return found


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)


def _code_in(query: bytes) -> bytes:
    """Return the member `code` of a query; empty if it has none."""
    try:
        pairs = parse_qsl(query.decode("latin-1"), max_num_fields=16)
    except ValueError:
        return b""
    return dict(pairs).get("code", "").encode("utf-8", "replace")


async def _body_of(receive: Receive) -> bytes | None:
    """Return the body of a request; None if it is too long. A body that was cut by the sender is read as it came."""
    parts: list[bytes] = []
    length, more = 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False) is True
        if isinstance(part, bytes) and part:
            length += len(part)
            if length > MAX_BODY:
                return None
            parts.append(part)
    return b"".join(parts)


async def _complete_lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
