"""`FakeARM`: a fake Azure Resource Manager, its planning, its delivery and its assertions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Unpack, overload

import anyio

from azpoll.testing import asgi, socket_server
from azpoll.testing.fake_arguments import checked_default
from azpoll.testing.rate_limits import Limits
from azpoll.testing.request_handler import RequestHandler
from azpoll.testing.request_log import RequestRecord, Statistics
from azpoll.testing.script import Script, ScriptFields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from contextlib import AbstractAsyncContextManager

    import httpx
    import httpx2

    from azpoll.testing.exchange import Exchange, IncomingRequest
    from azpoll.testing.fake_operation import FakeOperation

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def _event_loop_time() -> float:
    """Return the running event loop's time in seconds, under asyncio or trio, in a task or in a callback.

    Raises:
        RuntimeError: no event loop runs.
    """
    try:
        return anyio.current_time()
    except RuntimeError:  # anyio finds its backend by the current task, and an asyncio callback has none
        return asyncio.get_running_loop().time()


class FakeARM:
    """A fake Azure Resource Manager; also an ASGI application.

    Attributes:
        default: the script of operations that no `operation` call planned, or a function from the initial request to
            a script. With None, such a request is answered 404.

    Raises:
        TypeError: an argument has another type.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        *,
        default: Script | Callable[[IncomingRequest], Script] | None = None,
        limits: Limits | None = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = _event_loop_time,
        epoch: datetime = _EPOCH,
        latency_s: float = 0.0,
        floor_s: float = 1.0,
        retry_after_cap_s: float = 3600.0,
        log_size: int = 100_000,
        client_header: str | None = None,
    ) -> None:
        """Create a service without operations.

        Args:
            default: see the attribute.
            limits: rate limits; by default ARM's own, None for no throttling.
            clock: returns seconds. It is called at each request, so it may need a running event loop.
            epoch: the service's wall time (aware) at its first request.
            latency_s: seconds before each answer.
            floor_s: least seconds between the polls of a client whose last answer stated no delay; 0 or more.
            retry_after_cap_s: most seconds for which a `Retry-After` binds a client.
            log_size: number of requests kept in `requests`. The assertions keep their own records.
            client_header: a request header that names the client. The assertions then judge the requests of each
                client on an operation by themselves; with None, they judge them as those of one client.
        """
        self.default = checked_default(default)
        self._handler = RequestHandler(
            limits=limits,
            clock=clock,
            epoch=epoch,
            latency_s=latency_s,
            floor_s=floor_s,
            retry_after_cap_s=retry_after_cap_s,
            log_size=log_size,
            client_header=client_header,
        )

    # Planning

    def operation(self, method: str = "PUT", path: str = "*", **script: Unpack[ScriptFields]) -> FakeOperation:
        """Return the operation that the next such request starts; later ones start new operations with its script.

        Args:
            method: of the initial request.
            path: of the initial request, without the query, in any letter case; `*` for any path.
            **script: see `Script`.
        """
        return self._handler.operations.plan(method, path, Script(**script))

    def require_token(self, token: str, *, principal: str = "") -> None:
        """Accept this bearer token, and answer 401 to every request without an accepted one from now on.

        Each principal has its own rate limits.
        """
        self._handler.access_control.require_token(token, principal)

    def rotate_token(self, token: str, *, principal: str = "", claims: str | None = None) -> None:
        """Accept this bearer token in place of the principal's earlier ones, which are answered 401 from now on.

        With `claims`, JSON text, each 401 is a claims challenge of continuous access evaluation.
        """
        self._handler.access_control.rotate_token(token, principal, claims)

    # Delivery

    async def __call__(
        self,
        scope: MutableMapping[str, object],
        receive: Callable[[], Awaitable[MutableMapping[str, object]]],
        send: Callable[[MutableMapping[str, object]], Awaitable[None]],
    ) -> None:
        """Answer as an ASGI application; see `ConnectionDropped` for the faults that ASGI cannot express."""
        await asgi.run_application(self.exchange, scope, receive, send)

    @overload
    def transport(self, library: Literal["httpx"] = "httpx") -> httpx.AsyncBaseTransport: ...
    @overload
    def transport(self, library: Literal["httpx2"]) -> httpx2.AsyncBaseTransport: ...
    def transport(
        self, library: Literal["httpx", "httpx2"] = "httpx"
    ) -> httpx.AsyncBaseTransport | httpx2.AsyncBaseTransport:
        """Return a transport for a client of that library. It raises the library's errors and keeps read timeouts."""
        from azpoll.testing import httpx_transport  # noqa: PLC0415 - the pytest plugin must not import an HTTP library

        return httpx_transport.fake_transport(self.exchange, library)

    def serve(self, *, port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve on 127.0.0.1 inside the context, which gives the base URL.

        Args:
            port: 0 for a free one.

        Raises:
            RuntimeError: not under asyncio.
        """
        return socket_server.serve(self.exchange, port)

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Return the answer to a request; the caller delivers it."""
        return self._handler.handle(request, self.default)

    # Inspection

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The latest `log_size` requests, oldest first."""
        return self._handler.log.records

    @property
    def operations(self) -> Mapping[str, FakeOperation]:
        """Id to operation, of all started operations."""
        return self._handler.operations.started

    def ended_at_s(self, operation: str | FakeOperation) -> float | None:
        """Return the end of an operation (or of the one with that id), on the fake's clock.

        None if it had not ended at the latest request.

        Raises:
            KeyError: no operation with that id was started.
        """
        found = self.operations[operation] if isinstance(operation, str) else operation
        return found.ends_at_s if found.ended_by(self._handler.latest_at_s) else None

    def statistics(self) -> Statistics:
        """Return counts since the fake was created."""
        log, latest_at_s = self._handler.log, self._handler.latest_at_s
        return Statistics(
            requests=log.requests,
            reads=log.reads,
            throttled=log.throttled,
            unauthorized=log.unauthorized,
            early_polls=log.early_polls,
            started=len(self.operations),
            ended=sum(operation.ended_by(latest_at_s) for operation in self.operations.values()),
            told=self._handler.ends_sent,
        )

    def no_early_polls(self, *, tolerance_s: float = 0.0) -> None:
        """Raise AssertionError naming polls sent more than `tolerance_s` before the client was allowed to.

        The last `Retry-After` decides, of a 429 or 5xx too; without one, `floor_s`. A repetition after a 401, a
        followed redirect and the final GET are never early.
        """
        self._handler.log.no_early_polls(tolerance_s)

    def no_requests_after_end(self) -> None:
        """Raise AssertionError naming GETs sent after the client received the end and the result, if any."""
        self._handler.log.no_requests_after_end()

    def one_request_at_a_time(self) -> None:
        """Raise AssertionError naming GETs on an operation that already had one in flight."""
        self._handler.log.one_request_at_a_time()

    def max_reads_per_second(self, n: float, *, window_s: float = 1.0) -> None:
        """Raise AssertionError naming a window of `window_s` seconds with more than `n * window_s` reads."""
        self._handler.log.max_reads_per_second(n, window_s)

    def no_credentials_elsewhere(self, *trusted: str) -> None:
        """Raise AssertionError naming requests with a credential to an origin (`https://host`) that is not listed."""
        self._handler.log.only_trusted_origins(frozenset(trusted), credentials_only=True)

    def no_requests_elsewhere(self, *trusted: str) -> None:
        """Raise AssertionError naming requests to an origin (`https://host`) that is not listed."""
        self._handler.log.only_trusted_origins(frozenset(trusted), credentials_only=False)
