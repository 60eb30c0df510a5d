"""Wake-ups between processes: NOTIFY where it arrives, and a look at the tables in any case.

A wake-up carries no data. It only ends a wait early, so nothing is lost where a pooler swallows it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args
from uuid import uuid4

from azpoll.fleet.database import FIRST_PAUSE_S, LONGEST_PAUSE_S

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    import asyncpg

    from azpoll.fleet.database import Connection, Database

    Opened: TypeAlias = asyncpg.Connection[asyncpg.Record]

Topic: TypeAlias = Literal["work", "results", "cancel"]

CHANNEL = "azpoll"

POLL_S = 1.0
"""Seconds between two looks at a table while no notification can arrive."""

POLL_BESIDE_S = 5.0
"""Seconds between two looks while notifications arrive."""

PROBE_S = 60.0
"""Seconds between two proofs that notifications arrive."""

logger = logging.getLogger("azpoll")


async def notify(connection: Connection, topic: Topic) -> None:
    """Wake the processes that wait for a topic, once the transaction is committed."""
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)


class Notifications:
    """Receives wake-ups, and proves that they arrive by sending one to itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._probe = f"probe {uuid4().hex}"
        self._events: dict[str, asyncio.Event] = {topic: asyncio.Event() for topic in get_args(Topic)}
        self._arrived = asyncio.Event()
        self.arrive = False

    def next(self, topic: Topic) -> Callable[[], Awaitable[None]]:
        """Return a function that waits for the next wake-up after this call, or for the time of the next look."""
        event = self._events[topic]

        async def wait() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_BESIDE_S if self.arrive else POLL_S):
                    await event.wait()

        return wait

    def wake(self, topic: str) -> None:
        """Wake the tasks of this process that wait for a topic."""
        event = self._events.get(topic)
        if event is not None:
            self._events[topic] = asyncio.Event()
            event.set()

    async def listen(self) -> None:
        """Receive wake-ups until cancelled; connects again after each loss."""
        pause_s = FIRST_PAUSE_S
        while True:
            with suppress(Exception):  # without it, the looks at the tables go on
                connection = await self._database.listening()
                try:
                    pause_s = FIRST_PAUSE_S
                    await self._serve(connection)
                finally:
                    self.arrive = False
                    connection.terminate()
            for topic in self._events:
                self.wake(topic)
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    async def _serve(self, connection: Opened) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, self._received)
        while not lost.is_set():
            self._arrived.clear()
            await self._database.persist(lambda other: other.execute("SELECT pg_notify($1, $2)", CHANNEL, self._probe))
            before = self.arrive
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._arrived.wait()
            self.arrive = self._arrived.is_set()
            if not self.arrive and before:
                return  # the connection is dead, and this end has no sign of it
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_S):
                    await lost.wait()

    def _received(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == self._probe:
            self._arrived.set()
        else:
            self.wake(str(payload))


@asynccontextmanager
async def listening(wakeups: Notifications) -> AsyncGenerator[None]:
    """Receive wake-ups inside the context."""
    listener = asyncio.create_task(wakeups.listen())
    try:
        yield
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener
