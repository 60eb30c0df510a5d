"""`Fleet`: operations of many processes and machines, in a PostgreSQL database."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack
from uuid import uuid4

from azpoll.fleet import initial_request, notifications, schema, shard_queue, submission
from azpoll.fleet.cipher import Cipher
from azpoll.fleet.database import connected
from azpoll.fleet.fleet_reader import FleetReader
from azpoll.fleet.notifications import Notifications, listening
from azpoll.fleet.operation_table import OperationTable
from azpoll.fleet.result_reader import ResultReader
from azpoll.fleet.signals import calling_at
from azpoll.fleet.submission import PATIENCE_S, Submissions, Submitted, checked_text
from azpoll.fleet.token_leases import TokenLeases
from azpoll.fleet.worker import Worker
from azpoll.fleet.worker_options import STORED_BODY, checked_options
from azpoll.schedule.budget import Budget
from azpoll.token_summary import read_scope
from azpoll.tracking.settings import checked_count, checked_key, checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.initial_request import FleetBeginOptions
    from azpoll.fleet.results import FleetResult
    from azpoll.options import Method, TrackingOptions
    from azpoll.tracker import Tracker
    from azpoll.transport.library import HTTPResponse, ResponseT

T = TypeVar("T")


class Fleet(FleetReader):
    """A fleet, as one process sees it; `Fleet.connect` makes it. It needs asyncio.

    Each call waits up to 30 s for a database that cannot be reached, then raises `FleetUnavailable`; `work` waits on.
    """

    def __init__(self, database: Database, wakeups: Notifications, cipher: Cipher, token_key: bytes | None) -> None:
        super().__init__(self._call, cipher)
        self._database = database
        self._wakeups = wakeups
        self._token_key = token_key
        self._table = OperationTable(cipher)
        self._leases = TokenLeases(database)
        self._submissions = Submissions(database, self._table)
        self._reader = ResultReader(self._call, self._table, wakeups)
        self._checking = asyncio.Lock()
        self._is_checked = False

    @classmethod
    def connect(
        cls,
        dsn: str,
        *,
        listen: bool = True,
        connections: int = 5,
        token_key: bytes | None = None,
        encrypt: Callable[[bytes], bytes] | None = None,
        decrypt: Callable[[bytes], bytes] | None = None,
    ) -> AbstractAsyncContextManager[Fleet]:
        """Connect to the database of a fleet inside an async context.

        Args:
            dsn: as `asyncpg.connect` takes it, such as "postgresql://user@host/database".
            listen: whether a connection receives notifications; without them, tables are read every second.
            connections: the greatest number of other connections, 2 or more.
            token_key: verifies the signatures of submitted tokens; that of the trackers of the workers.
            encrypt: encrypts tokens, requests and results; given with `decrypt`, and the same in all processes.
            decrypt: decrypts them.

        Raises:
            FleetUnavailable: the database cannot be reached, or refuses the user.
            ValueError: the DSN is invalid, or only one of `encrypt` and `decrypt` is given.
            TypeError: an argument has another type.
            RuntimeError: not under asyncio.
        """
        cipher = Cipher(encrypt, decrypt)
        most = max(checked_count("connections", connections), 2)
        return _connected(dsn, most, cipher, checked_key(token_key), listen=listen)

    @property
    def hears(self) -> bool:
        """Whether notifications of other processes arrive."""
        return self._wakeups.arrive

    async def aclose(self) -> None:
        """Wait for what is being stored, and lease no more tokens; the context of `connect` calls this."""
        await self._submissions.aclose()
        await self._leases.aclose()

    async def install(self) -> int:
        """Create the tables in the schema `azpoll`, or bring them up to date; does nothing if they are.

        Returns the version of the tables that were there before, 0 for none.

        Raises:
            FleetError: the tables are of a newer version of azpoll.
        """
        found = await self._database.persist(partial(schema.install, cipher=self._cipher), PATIENCE_S)
        async with self._database.connection() as connection:
            await shard_queue.upgrade(connection)
        return found

    async def submit(
        self,
        operations: Iterable[str | HTTPResponse],
        *,
        group: str | None = None,
        **tracking: Unpack[TrackingOptions],
    ) -> list[str]:
        """Store operations for the workers; return their ids, in the order of the operations.

        An operation that is stored already is not stored again, unless its result is unknown.

        Args:
            operations: resume tokens, and initial responses of httpx or httpx2.
            group: the name under which `results` yields them.
            **tracking: as for `Tracker.track`; they count for responses. `interval`, `patience` and `owner` are those
                of the worker's tracker.

        Raises:
            InvalidResumeToken: a text is no resume token.
            InitialRequestFailed: a response is not 2xx.
            ValueError: a token holds a header that may be a credential.
        """
        given, group = list(operations), checked_text("group", group)
        submitted = await submission.submitted_of(given, group, self._token_key, tracking)
        await self._check()
        await self._submissions.store(submitted)
        return [each.operation_id for each in submitted]

    async def begin(
        self,
        method: Method,
        url: str,
        *,
        group: str | None = None,
        label: str | None = None,
        **options: Unpack[FleetBeginOptions],
    ) -> str:
        """Store an initial request that a worker sends; return the id of its operation.

        Its body is stored until it was accepted. If a worker dies before the answer, a PUT, DELETE or GET is sent
        again, unless `idempotent` says otherwise; the result of a PATCH or POST is then unknown.

        Args:
            method: PUT, PATCH, POST, DELETE or GET.
            url: absolute, or relative to the base URL of the worker's client.
            group: the name under which `results` yields it.
            label: the caller's own name for it.
            **options: of the request and of the tracking.

        Raises:
            ValueError: the URL or a header may hold a credential, or a value is out of its range.
            TypeError: an option cannot be stored.
        """
        request = initial_request.stored(method, url, options)
        operation_id = uuid4().hex[:16]
        await self._check()
        texts = checked_text("group", group), checked_text("label", label)
        new = Submitted(operation_id, read_scope(url), *texts, request=request)
        await self._submissions.store_with_others(new)
        return operation_id

    def results(self, *, group: str | None = None, after: int = 0) -> AsyncIterator[FleetResult]:
        """Iterate over results in the order in which they are stored, until no operation of the group is open.

        `after` is the `number` of the last result that the caller has read. Without a group, all results count.
        """
        return self._reader.results(group, after)

    async def wait(self, ids: Iterable[str], timeout: float | None = None) -> list[FleetResult]:  # noqa: ASYNC109 - as in `AsyncOperation.wait`
        """Wait until operations have ended, in any state; return their results in the order of the ids.

        Args:
            ids: of operations, as `submit` and `begin` return them.
            timeout: seconds to wait, 0 or more; None waits without limit.

        Raises:
            TimeoutError: not all have ended in time. Tracking goes on.
            LookupError: there is no operation of an id.
        """
        return await self._reader.wait(ids, timeout)

    async def get(self, operation_id: str) -> FleetResult | None:
        """Return the result of an operation; None while it is open.

        Raises:
            LookupError: there is no such operation.
        """
        return await self._reader.get(operation_id)

    async def cancel(self, operation_id: str) -> bool:
        """Request that the service cancels an operation; return whether it is open (rule 43).

        Its worker sends the request. If the service does not accept it, `problems` says so, and this may be repeated.

        Raises:
            LookupError: there is no such operation.
        """

        async def ask(connection: Connection) -> bool:
            is_open = await self._table.cancel(connection, operation_id)
            await notifications.notify(connection, "cancel")
            return is_open

        is_open = await self._call(ask)
        if not is_open:
            await self._reader.check_known([operation_id])
        return is_open

    async def forget(self, *, group: str | None = None, older_s: float = 0.0) -> int:
        """Delete operations that ended at least `older_s` seconds ago, of a group or of all; return their number."""
        limit_s = checked_seconds("older_s", older_s)
        total = 0
        while count := await self._call(partial(self._table.forget, group=group, older_s=limit_s)):
            total += count
        await self._call(shard_queue.forget_history)
        return total

    def budget(self, budget: Budget = Budget()) -> Budget:  # noqa: B008 - frozen
        """Return a budget whose reads and writes all workers of the fleet share, for the tracker of a worker."""
        return budget._replace(source=self._leases)

    async def work(
        self,
        tracker: Tracker[ResponseT],
        *,
        shards: int = 200,
        lease_s: float = 30.0,
        stored_body: int = STORED_BODY,
        drain: bool = False,
        signals: Iterable[signal.Signals] = (signal.SIGTERM,),
    ) -> None:
        """Track the operations of the fleet with a tracker, until a signal, a cancellation or the end of `drain`.

        The worker leases shards, and stores each result. At its end it gives its shards back; if it dies, it loses
        them at the end of their leases. Polls go to the origins that the tracker trusts, whatever the tokens name.

        Args:
            tracker: entered in this event loop, with `budget=fleet.budget()`, or with None for services without limits.
            shards: the greatest number of shards of this worker; each has up to 250 operations.
            lease_s: seconds without a heartbeat after which other workers take over, 1 or more. Below 30 it must
                be the same for all workers.
            stored_body: bytes of a result that are stored.
            drain: whether to end when no shard is left, neither queued nor leased.
            signals: end the work, where the main thread runs the event loop.

        Raises:
            ValueError: the tracker has a budget of its own, or an argument is out of its range.
            TrackerClosed: the tracker is closed.
        """
        if tracker.budget is not None and tracker.budget.source is not self._leases:
            raise ValueError("the tracker has a budget of its own: make it with Tracker(client, budget=fleet.budget())")
        options = checked_options(shards, lease_s, stored_body, drain=drain)
        await self._check()
        worker = Worker(self._database, self._table, self._wakeups, tracker, options)
        with calling_at(signals, worker.stop):
            await worker.run()

    async def _call(self, call: Callable[[Connection], Awaitable[T]]) -> T:
        await self._check()
        return await self._database.persist(call, PATIENCE_S)

    async def _check(self) -> None:
        async with self._checking:
            if not self._is_checked:
                await self._database.persist(partial(schema.check, cipher=self._cipher), PATIENCE_S)
                self._is_checked = True


@asynccontextmanager
async def _connected(
    dsn: str, connections: int, cipher: Cipher, token_key: bytes | None, *, listen: bool
) -> AsyncGenerator[Fleet]:
    async with connected(dsn, connections) as database:
        wakeups = Notifications(database)
        fleet = Fleet(database, wakeups, cipher, token_key)
        async with listening(wakeups) if listen else nullcontext():
            try:
                yield fleet
            finally:
                await fleet.aclose()
