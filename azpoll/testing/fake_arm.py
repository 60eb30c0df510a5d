"""`FakeARM`: the service, seen from outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, Unpack, overload

from azpoll.testing import asgi, client_audit, ordinary_replies, rendering, socket_server
from azpoll.testing.access_control import Door
from azpoll.testing.clock import loop_time
from azpoll.testing.deployments import Deployments
from azpoll.testing.exchange import Exchange, IncomingRequest
from azpoll.testing.operation_store import Operations
from azpoll.testing.rate_limits import Limits
from azpoll.testing.request_log import RequestLog, RequestRecord, Statistics
from azpoll.testing.script import Script, ScriptFields
from azpoll.testing.steps import Ordinary, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from contextlib import AbstractAsyncContextManager

    import httpx
    import httpx2

    from azpoll.testing.client_audit import Role
    from azpoll.testing.fake_operation import FakeOperation

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeARM:
    """A fake Azure Resource Manager; also an ASGI application.

    Attributes:
        default: how operations go that no `operation` call planned; a function of the initial request makes them
            differ. None answers such a request with 404.
    """

    def __init__(
        self,
        *,
        default: Script | Callable[[IncomingRequest], Script] | None = None,
        limits: Limits | None = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = loop_time,
        epoch: datetime = _EPOCH,
        latency_s: float = 0.0,
        floor_s: float = 1.0,
        retry_after_cap_s: float = 3600.0,
        log_size: int = 100_000,
    ) -> None:
        """Make a service with no operations.

        Args:
            default: see the attribute.
            limits: what is throttled; ARM's own limits unless given, None for no throttling.
            clock: seconds; called at each request, so it may be that of the running loop.
            epoch: the service's wall time (aware) at its first request.
            latency_s: seconds before each answer.
            floor_s: seconds a client must leave between polls when it is told no time, or 0.
            retry_after_cap_s: a longer `Retry-After` binds a client only so long.
            log_size: requests kept in `requests`; what the assertions judge is kept apart and does not depend on it.
        """
        self.default = default
        self._clock = clock
        self._epoch = epoch
        self._epoch_s: float | None = None
        self._latency_s = latency_s
        self._door = Door(limits)
        self._log = RequestLog(log_size)
        self._operations = Operations(lambda: client_audit.Watch(floor_s, retry_after_cap_s))
        self._deployments = Deployments()
        self._told = 0
        self._seen_s = 0.0

    # Planning

    def operation(self, method: str = "PUT", path: str = "*", **script: Unpack[ScriptFields]) -> FakeOperation:
        """Return the operation that the next such request starts; later ones start others that go the same way.

        Args:
            method: of the initial request.
            path: of the initial request, without the query, in any letter case; `*` for any.
            **script: see `Script`.
        """
        return self._operations.plan(method, path, Script(**script))

    def require_token(self, token: str, *, principal: str = "") -> None:
        """Let in this bearer token, and from now on nothing without one; each principal has limits of its own."""
        self._door.require_token(token, principal)

    def rotate_token(self, token: str, *, principal: str = "") -> None:
        """Let in this bearer token in place of the principal's earlier ones, which are answered 401 from now on."""
        self._door.rotate_token(token, principal)

    # Being asked

    async def __call__(
        self,
        scope: MutableMapping[str, object],
        receive: Callable[[], Awaitable[MutableMapping[str, object]]],
        send: Callable[[MutableMapping[str, object]], Awaitable[None]],
    ) -> None:
        """Answer as an ASGI application; see `ConnectionDropped` for what ASGI cannot express."""
        await asgi.answer(self.exchange, scope, receive, send)

    @overload
    def transport(self, library: Literal["httpx"] = "httpx") -> httpx.AsyncBaseTransport: ...
    @overload
    def transport(self, library: Literal["httpx2"]) -> httpx2.AsyncBaseTransport: ...
    def transport(
        self, library: Literal["httpx", "httpx2"] = "httpx"
    ) -> httpx.AsyncBaseTransport | httpx2.AsyncBaseTransport:
        """Return a transport for a client of that library: faults become its errors, read timeouts are kept."""
        from azpoll.testing import httpx_transport  # noqa: PLC0415 - the pytest plugin must not import an HTTP library

        return httpx_transport.fake_transport(self.exchange, library)

    def serve(self, *, port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve on 127.0.0.1 while the context is entered, and give the base URL.

        Args:
            port: 0 for a free one.

        Raises:
            RuntimeError: not under asyncio.
        """
        return socket_server.serve(self.exchange, port)

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Decide the answer to a request, for whatever delivers it."""
        now_s = self._clock()
        self._seen_s = now_s
        if self._epoch_s is None:
            self._epoch_s = now_s
        operation, role = self._operations.find(request)
        watched = operation is not None and request.method == "GET" and operation.watches(role)
        early_s, after_end, overlapping = (
            operation.watch.asked(role, request.path, now_s) if operation and watched else (0.0, False, False)
        )
        refusal, extra = self._door.refuse(request, now_s)
        extra["x-ms-request-id"] = f"fake-request-{self._log.requests + 1}"
        if refusal is None and role == "initial":
            operation = self._operations.start(request, self.default, now_s)
            if operation is not None:
                self._deployments.add(operation)
        exchange = self._answer(operation, role, refusal, extra, request, watched=watched)
        identity = operation.id if operation else None
        headers = request.headers
        record = RequestRecord(
            now_s, request.method, request.url, request.path, identity, exchange.status,
            "authorization" in headers, headers, early_s, after_end, overlapping,
        )  # fmt: skip
        self._log.add(record, request.origin)
        return exchange

    def _answer(
        self,
        operation: FakeOperation | None,
        role: Role,
        refusal: Reply | None,
        extra: Mapping[str, str],
        request: IncomingRequest,
        *,
        watched: bool,
    ) -> Exchange:
        now_s = self._seen_s
        step = refusal or (operation.step(role, now_s) if operation else self._other(request, now_s))
        headers: dict[str, str] = {}
        ends = False

        def told() -> None:
            if operation and exchange.status and not ends and (watched or role == "initial"):
                operation.watch.told(request.path, exchange.status, headers, self._clock())

        def finished(complete: bool) -> None:  # noqa: FBT001 - Exchange names it
            if operation and watched:
                operation.watch.over()
            if operation and ends and complete:
                self._told += operation.told_end_at_s is None
                operation.end_told(role, exchange.status or 0, self._clock())

        exchange = Exchange(told, finished)
        exchange.delay_s = self._latency_s
        reply, missing = rendering.spoil(exchange, step)
        if reply is None:
            return exchange
        if isinstance(reply, Ordinary):
            ordinary = ordinary_replies.ordinary_reply
            reply = ordinary(operation, role, now_s, self._wall) if operation else self._other(request, now_s)
        elif operation:
            reply = rendering.in_words_of(operation, reply)
        headers = rendering.fill(exchange, reply, extra, self._wall(now_s), missing)
        ends = operation is not None and refusal is None and operation.ends_with(role, reply, headers)
        return exchange

    def _other(self, request: IncomingRequest, now_s: float) -> Reply:
        """Answer a request that is about no operation."""
        return self._deployments.page(request, now_s) or ordinary_replies.unknown(request)

    def _wall(self, at_s: float) -> datetime:
        return self._epoch + timedelta(seconds=at_s - (self._epoch_s or 0.0))

    # Looking back

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The latest `log_size` requests, oldest first."""
        return self._log.records

    @property
    def operations(self) -> Mapping[str, FakeOperation]:
        """Id to operation, of all that were started."""
        return self._operations.started

    def ended_at_s(self, operation: str | FakeOperation) -> float | None:
        """Return when an operation (or the one of that id) ended, on the arm's clock.

        None if it had not at the latest request.

        Raises:
            KeyError: no operation of that id was started.
        """
        found = self._operations.started[operation] if isinstance(operation, str) else operation
        return found.ends_at_s if found.ended_by(self._seen_s) else None

    def statistics(self) -> Statistics:
        """Return counts since the fake was made."""
        log, started = self._log, self._operations.started
        return Statistics(
            requests=log.requests,
            reads=log.reads,
            throttled=log.throttled,
            unauthorized=log.unauthorized,
            early_polls=log.early_polls,
            started=len(started),
            ended=sum(operation.ended_by(self._seen_s) for operation in started.values()),
            told=self._told,
        )

    def no_early_polls(self, *, tolerance_s: float = 0.0) -> None:
        """Raise AssertionError naming polls sent more than `tolerance_s` before their time.

        That is the `Retry-After` last told, of a 429 or 5xx too, or `floor_s` if none was. Repeating after a 401, a
        redirect hop and the final GET are never early.
        """
        self._log.no_early_polls(tolerance_s)

    def no_requests_after_end(self) -> None:
        """Raise AssertionError naming GETs after the end was told and the final GET, if any, was answered."""
        self._log.no_requests_after_end()

    def one_request_at_a_time(self) -> None:
        """Raise AssertionError naming GETs on an operation that already had one in flight."""
        self._log.one_request_at_a_time()

    def max_reads_per_second(self, n: float, *, window_s: float = 1.0) -> None:
        """Raise AssertionError naming a window of `window_s` seconds with more than `n * window_s` reads."""
        self._log.max_reads_per_second(n, window_s)

    def no_credentials_elsewhere(self, *trusted: str) -> None:
        """Raise AssertionError naming requests with a credential to an origin (`https://host`) that is not listed."""
        self._log.elsewhere(frozenset(trusted), credentials_only=True)

    def no_requests_elsewhere(self, *trusted: str) -> None:
        """Raise AssertionError naming requests to an origin (`https://host`) that is not listed."""
        self._log.elsewhere(frozenset(trusted), credentials_only=False)
