"""`Fleet`: operations of many processes and machines, in a PostgreSQL database."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack
from uuid import uuid4

from azpoll.fleet import initial_request, notifications, schema, shard_queue, submission
from azpoll.fleet.cipher import Cipher
from azpoll.fleet.database import connected
from azpoll.fleet.notifications import Notifications
from azpoll.fleet.operation_table import OperationTable
from azpoll.fleet.results import ResultIterator
from azpoll.fleet.signals import calling_at
from azpoll.fleet.statistics import FleetStatistics, read_problems, read_statistics
from azpoll.fleet.submission import PATIENCE_S, Submissions, Submitted
from azpoll.fleet.token_leases import TokenLeases
from azpoll.fleet.worker import Worker, WorkerOptions
from azpoll.schedule.budget import Budget
from azpoll.token_summary import read_scope
from azpoll.tracking.settings import checked_count, checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.initial_request import FleetBeginOptions
    from azpoll.fleet.results import FleetResult
    from azpoll.options import Method, TrackingOptions
    from azpoll.tracker import Tracker
    from azpoll.transport.library import HTTPResponse, ResponseT

T = TypeVar("T")

LONGEST_LEASE_S = 86_400.0
"""A day: after a longer time there is no use in another worker."""

STORED_BODY = 1024 * 1024
"""The default number of bytes of a result that are stored."""


class Fleet:
    """A fleet, as one process sees it: it submits operations, works on them, and reads their results.

    `Fleet.connect` makes it. It needs asyncio. Each call waits up to 30 s for a database that cannot be reached, and
    then raises `FleetError`; `work` waits without limit.
    """

    def __init__(self, database: Database, wakeups: Notifications, cipher: Cipher, token_key: bytes | None) -> None:
        self._database = database
        self._wakeups = wakeups
        self._token_key = token_key
        self._table = OperationTable(cipher)
        self._leases = TokenLeases(database)
        self._submissions = Submissions(database, self._table)
        self._is_checked = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        dsn: str,
        *,
        listen: bool = True,
        connections: int = 5,
        token_key: bytes | None = None,
        encrypt: Callable[[bytes], bytes] | None = None,
        decrypt: Callable[[bytes], bytes] | None = None,
    ) -> AsyncGenerator[Fleet]:
        """Connect to the database of a fleet inside an async context.

        Args:
            dsn: as `asyncpg.connect` takes it, such as "postgresql://user@host/database".
            listen: whether a connection receives notifications. Where a pooler swallows them, and without them,
                the fleet looks at its tables each second.
            connections: the greatest number of other connections, 2 or more.
            token_key: verifies the signatures of submitted tokens; that of the trackers of the workers.
            encrypt: encrypts tokens, requests and results; given with `decrypt`, and the same in all processes.
            decrypt: decrypts them.

        Raises:
            FleetError: the database cannot be reached.
            RuntimeError: not under asyncio.
        """
        cipher = Cipher(encrypt, decrypt)
        async with connected(dsn, max(checked_count("connections", connections), 2)) as database:
            wakeups = Notifications(database)
            fleet = cls(database, wakeups, cipher, token_key)
            listener = asyncio.create_task(wakeups.listen()) if listen else None
            try:
                yield fleet
            finally:
                if listener is not None:
                    listener.cancel()
                    with suppress(asyncio.CancelledError):
                        await listener
                await fleet._submissions.aclose()
                await fleet._leases.aclose()

    async def install(self) -> None:
        """Create the tables in the schema `azpoll`, or bring them up to date; does nothing if they are.

        Raises:
            FleetError: the tables are of a newer version of azpoll.
        """
        await self._database.persist(schema.install, PATIENCE_S)
        async with self._database.connection() as connection:
            await shard_queue.install(connection)

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
        given = list(operations)
        responses = [each for each in given if not isinstance(each, str)]
        made = (
            iter(await submission.of_responses(responses, group, self._token_key, tracking)) if responses else iter(())
        )
        submitted = [
            submission.of_token(each, group, self._token_key) if isinstance(each, str) else next(made) for each in given
        ]
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

        The worker adds its own credentials. The request is stored until it was accepted, with its body. A PUT,
        DELETE or GET is sent again if a worker dies before the answer, unless `idempotent` says otherwise; the result
        of a PATCH or POST is then unknown. Thousands of calls in tasks of their own share transactions and shards.

        Args:
            method: PUT, PATCH, POST, DELETE or GET.
            url: absolute, or relative to the base URL of the worker's client.
            group: the name under which `results` yields the operation.
            label: the caller's own name for the operation.
            **options: of the request and of the tracking.

        Raises:
            ValueError: the URL or a header may hold a credential, or a value is out of its range.
            TypeError: an option cannot be stored.
        """
        request = initial_request.stored(method, url, options)
        operation_id = uuid4().hex[:16]
        await self._check()
        new = Submitted(operation_id, read_scope(url), group, label, request=request)
        await self._submissions.store_with_others(new)
        return operation_id

    def results(self, *, group: str | None = None, after: int = 0) -> AsyncIterator[FleetResult]:
        """Iterate over results in the order in which they are stored, until no operation of the group is open.

        Args:
            group: None for all operations.
            after: `number` of the last result that the caller has read.
        """

        async def read(last: int) -> Sequence[FleetResult]:
            return await self._call(partial(self._table.results, group=group, after=last))

        async def is_complete(last: int) -> bool:
            return await self._call(partial(self._table.is_complete, group=group, last=last))

        return ResultIterator(read, is_complete, partial(self._wakeups.next, "results"), after)

    async def wait(self, ids: Iterable[str], timeout: float | None = None) -> list[FleetResult]:  # noqa: ASYNC109 - as in `AsyncOperation.wait`
        """Wait until operations have ended, in any state; return their results in the order of the ids.

        Args:
            ids: of operations, as `submit` and `begin` return them.
            timeout: seconds to wait, 0 or more; None waits without limit.

        Raises:
            TimeoutError: not all have ended in time. Tracking goes on.
            LookupError: there is no operation of an id.
        """
        wanted = list(ids)
        limit_s = checked_seconds("timeout", timeout)
        await self._check_known(wanted)
        found: dict[str, FleetResult] = {}
        last = 0
        try:
            async with asyncio.timeout(None if timeout is None else limit_s):
                while True:
                    wait = self._wakeups.next("results")
                    still = [each for each in wanted if each not in found]
                    new = await self._call(partial(self._table.results_by_id, ids=still, after=last))
                    found |= {result.operation_id: result for result in new}
                    last = max((result.number for result in new), default=last)
                    if all(each in found for each in wanted):
                        return [found[each] for each in wanted]
                    await wait()
        except TimeoutError:
            text = f"{len(set(wanted) - found.keys())} of {len(set(wanted))} operations had not ended"
            raise TimeoutError(f"{text} after {limit_s:g} s") from None

    async def get(self, operation_id: str) -> FleetResult | None:
        """Return the result of an operation; None while it is open.

        Raises:
            LookupError: there is no such operation.
        """
        results = await self._call(partial(self._table.results_by_id, ids=[operation_id], after=0))
        if not results:
            await self._check_known([operation_id])
        return results[0] if results else None

    async def cancel(self, operation_id: str) -> bool:
        """Request that the service cancels an operation; its worker sends the request (rule 43).

        Returns True if the operation is open, and False if it has ended. Tracking goes on until it has ended. If the
        service does not accept the request, `problems` says so, and `cancel` may be called again.

        Raises:
            LookupError: there is no such operation.
        """

        async def ask(connection: Connection) -> bool:
            is_open = await self._table.cancel(connection, operation_id)
            await notifications.notify(connection, "cancel")
            return is_open

        is_open = await self._call(ask)
        if not is_open:
            await self._check_known([operation_id])
        return is_open

    async def forget(self, *, group: str | None = None, older_s: float = 0.0) -> int:
        """Delete operations that ended at least `older_s` seconds ago, of a group or of all; return their number."""
        limit_s = checked_seconds("older_s", older_s)
        count = await self._call(partial(self._table.forget, group=group, older_s=limit_s))
        await self._call(shard_queue.forget_history)
        return count

    async def statistics(self) -> FleetStatistics:
        """Return the counts of operations, shards and workers, and the budgets."""
        return await self._call(read_statistics)

    async def problems(self, limit: int = 100) -> dict[str, str]:
        """Return why open operations are not tracked or were not canceled, by id; of at most `limit` operations."""
        return await self._call(partial(read_problems, limit=checked_count("limit", limit)))

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

        The worker leases shards, tracks their operations, and stores each result. When it ends, it stops tracking and
        gives its shards back. A worker that dies loses its shards at the end of their leases. Polls go to the origins
        that the tracker trusts, whatever the tokens name.

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
        lease_s = checked_seconds("lease_s", lease_s)
        if not 1.0 <= lease_s <= LONGEST_LEASE_S:
            raise ValueError("lease_s must be 1 second or more, and at most a day")
        options = WorkerOptions(
            checked_count("shards", shards), lease_s, checked_count("stored_body", stored_body), drain
        )
        await self._check()
        worker = Worker(self._database, self._table, self._wakeups, tracker, options)
        with calling_at(signals, worker.stop):
            await worker.run()

    async def _check_known(self, ids: Sequence[str]) -> None:
        missing = await self._call(partial(self._table.missing, ids=ids))
        if missing:
            raise LookupError(f"the fleet has no operation {min(missing)!r}")

    async def _call(self, call: Callable[[Connection], Awaitable[T]]) -> T:
        await self._check()
        return await self._database.persist(call, PATIENCE_S)

    async def _check(self) -> None:
        if not self._is_checked:
            await self._database.persist(schema.check, PATIENCE_S)
            self._is_checked = True
