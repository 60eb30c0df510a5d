"""Stores new operations: in shards of one scope each, and each operation once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import httpx

from azpoll.fleet import notifications, shard_queue
from azpoll.fleet.initial_request import is_credential
from azpoll.fleet.operation_table import EndedOperation, NewOperation
from azpoll.token_summary import summary_of
from azpoll.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.operation_table import OperationTable
    from azpoll.operation import AsyncOperation
    from azpoll.options import TrackingOptions
    from azpoll.transport.library import HTTPResponse

SHARD_SIZE = 250
"""The greatest number of operations of a shard: after a take-over, a full bucket of ARM has a read for each."""

SHARDS_AT_ONCE = 40
"""The greatest number of shards that one transaction stores."""

GATHER_S = 0.01
"""Seconds in which operations are gathered that are stored one by one."""

PATIENCE_S = 30.0
"""Seconds for which a call waits for a database that cannot be reached."""

NOT_IN_TOKENS = frozenset({"interval", "patience", "owner"})
"""Tracking options that a token does not hold, so a worker would not know them."""


class Submitted(NamedTuple):
    """An operation to be stored, without its shard.

    Attributes:
        scope: of its read limit.
        ended: its result, if its initial response was the end.
    """

    operation_id: str
    scope: str
    group: str | None
    label: str | None
    token: str | None = None
    request: str | None = None
    ended: EndedOperation | None = None


class Submissions:
    """Stores operations of one process; calls that come together share a transaction."""

    def __init__(self, database: Database, table: OperationTable) -> None:
        self._database = database
        self._table = table
        self._next_batch: list[Submitted] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, operations: Sequence[Submitted]) -> None:
        """Store operations, but none that is stored already."""
        shards = list(_shards_of(operations))
        for start in range(0, len(shards), SHARDS_AT_ONCE):
            part = shards[start : start + SHARDS_AT_ONCE]
            await self._database.persist(partial(self._store, part), PATIENCE_S)
        if ended := [operation.ended for operation in operations if operation.ended is not None]:
            await self._database.persist(partial(self._store_ended, ended), PATIENCE_S)

    async def store_with_others(self, operation: Submitted) -> None:
        """Store one operation, together with those that other tasks store at the moment."""
        batch, storing = self._next_batch, self._storing
        batch.append(operation)
        if storing is None or len(batch) == 1:
            self._storing = storing = asyncio.create_task(self._store_batch(batch, storing))
        await asyncio.shield(storing)

    async def aclose(self) -> None:
        """Wait for the operations that are being stored."""
        if self._storing is not None:
            await asyncio.wait([self._storing])

    async def _store_batch(self, batch: list[Submitted], before: asyncio.Task[None] | None) -> None:
        """Store a batch, which grows until the one before it is stored."""
        if before is not None:
            await asyncio.wait([before])
        await asyncio.sleep(GATHER_S)
        self._next_batch = []
        await self.store(batch)

    async def _store(self, shards: Sequence[Sequence[Submitted]], connection: Connection) -> None:
        numbers = await self._table.new_shards(connection, len(shards))
        new = [
            NewOperation(each.operation_id, number, each.group, each.label, each.token, each.request)
            for number, shard in zip(numbers, shards, strict=True)
            for each in shard
        ]
        used = await self._table.add(connection, new)
        open_shards = [
            number
            for number, shard in zip(numbers, shards, strict=True)
            if number in used and any(each.ended is None for each in shard)
        ]
        if open_shards:
            await shard_queue.add(connection, open_shards)
            await notifications.notify(connection, "work")

    async def _store_ended(self, ended: Sequence[EndedOperation], connection: Connection) -> None:
        await self._table.write(connection, ended)
        await notifications.notify(connection, "results")


def checked_text(name: str, text: str | None) -> str | None:
    """Return a text that PostgreSQL can store, or None.

    Raises:
        ValueError: it has a NUL character or half of a surrogate pair.
        TypeError: it is no text.
    """
    if text is not None and not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a caller's value
        raise TypeError(f"{name} must be text, not {type(text).__name__}")
    if text is not None and ("\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)):
        raise ValueError(f"{name} has a character that PostgreSQL cannot store")
    return text


def of_token(token: str, group: str | None, token_key: bytes | None) -> Submitted:
    """Return the operation of a resume token.

    Raises:
        InvalidResumeToken: the text is no token, or is not signed with this key.
        ValueError: the token holds a credential.
    """
    summary = summary_of(token, token_key)
    for name in summary.header_names:
        if is_credential(name):
            raise ValueError(
                f"the resume token holds the header {name[:64]!r}, which may be a credential: a fleet stores none"
            )
    return Submitted(summary.operation_id, summary.scope, group, checked_text("label", summary.label), token)


async def submitted_of(
    given: Iterable[str | HTTPResponse], group: str | None, token_key: bytes | None, tracking: TrackingOptions
) -> list[Submitted]:
    """Return the operations of tokens and responses, in their order; see `of_token` and `of_responses`."""
    given = list(given)
    responses = [each for each in given if not isinstance(each, str)]
    made = iter(await of_responses(responses, group, token_key, tracking) if responses else ())
    return [of_token(each, group, token_key) if isinstance(each, str) else next(made) for each in given]


async def of_responses(
    responses: Iterable[HTTPResponse], group: str | None, token_key: bytes | None, tracking: TrackingOptions
) -> list[Submitted]:
    """Return the operations of initial responses; nothing is sent.

    Raises:
        InitialRequestFailed: a response is not 2xx.
        TypeError: an option cannot be stored in a token.
    """
    lost = NOT_IN_TOKENS & tracking.keys()
    if lost:
        raise TypeError(
            f"a fleet cannot store {', '.join(sorted(map(repr, lost)))}: give it to the tracker of the worker"
        )
    async with (
        httpx.AsyncClient(transport=_NoTransport()) as client,
        Tracker(client, token_key=token_key, durations=None, min_interval=0.0, on_exit="stop") as tracker,
    ):
        tracked = [tracker.track(response, **tracking) for response in responses]
        submitted = [_of_tracked(operation, group, token_key) for operation in tracked]
        for operation in tracked:
            operation.stop_tracking()
    return submitted


def _of_tracked(tracked: AsyncOperation[httpx.Response], group: str | None, token_key: bytes | None) -> Submitted:
    if not tracked.done():
        return of_token(tracked.resume_token(), group, token_key)
    error = tracked.exception()
    response = tracked.result() if error is None else error.response
    body = b"" if response is None else response.content
    status_code = None if response is None else response.status_code
    text = None if error is None else str(error)
    ids = (tracked.id, group, tracked.label)
    return Submitted(
        tracked.id,
        "",
        group,
        tracked.label,
        ended=EndedOperation(*ids, tracked.state, status_code, body, len(body), text, None),
    )


def _shards_of(operations: Iterable[Submitted]) -> Iterator[list[Submitted]]:
    """Yield shards of one scope each; an id that is given twice counts once."""
    by_scope: dict[str, dict[str, Submitted]] = {}
    for operation in operations:
        by_scope.setdefault(operation.scope, {}).setdefault(operation.operation_id, operation)
    seen: set[str] = set()
    for members in by_scope.values():
        new = [operation for key, operation in members.items() if key not in seen]
        seen.update(members)
        for start in range(0, len(new), SHARD_SIZE):
            yield new[start : start + SHARD_SIZE]


class _NoTransport(httpx.AsyncBaseTransport):
    """Refuses every request."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nothing is sent here", request=request)
