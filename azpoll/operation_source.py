"""The calls that `Tracker` and `Group` share: begin, track, follow and resume."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, overload

from azpoll.operation import AsyncOperation
from azpoll.tracking.settings import checked_count, checked_function
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.bulk.report import BulkReport
    from azpoll.bulk.requests import Requests
    from azpoll.bulk.run import BulkRun
    from azpoll.options import BeginOptions, FollowOptions, Method, PatternName, TrackingOptions
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.session import Session
    from azpoll.transport.received_response import InitialResponse

T = TypeVar("T")

CONCURRENCY = 1000
"""With 1,000 running operations, the 25 reads per second of ARM poll each of them once in 40 s."""


class OperationSource(ABC, Generic[ResponseT]):
    """Starts the tracking of operations.

    Each call takes `decode`, which converts the final response into the result, once, and the keywords of
    `TrackingOptions`. An argument that is out of its range raises `ValueError`, and nothing is sent.
    """

    @overload
    async def begin(self, method: Method, url: str, **arguments: Unpack[BeginOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    async def begin(
        self, method: Method, url: str, *, decode: Callable[[ResponseT], T], **arguments: Unpack[BeginOptions]
    ) -> AsyncOperation[T]: ...

    async def begin(
        self,
        method: Method,
        url: str,
        *,
        decode: Callable[[ResponseT], T] | None = None,
        **arguments: Unpack[BeginOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Send the initial request and track the operation that it starts.

        The number of concurrent initial requests is limited, as is their rate by the budget's writes. Thousands of
        calls wait here for their turn. A request that is refused with 429 is sent again after its Retry-After, for
        at least ten minutes and ten attempts. So is a PUT, DELETE or GET that may have been executed without an
        answer, unless `idempotent` says otherwise (rule 53).

        The method is PUT, PATCH, POST, DELETE or GET. The URL is absolute, or relative to the client's base URL. A
        request without `x-ms-client-request-id` gets one, which polls repeat.

        Raises:
            InitialRequestFailed: the request was refused or never answered; nothing is tracked. If a PUT, PATCH or
                DELETE may have been executed, its `resume_token` polls the resource.
            TrackerClosed: the tracker was closed before the request's turn came; nothing was sent.
        """
        _check_decode(decode)
        session, options = self._enter(arguments)
        return self._handle(session, await session.begin(method, url, options), decode)

    @overload
    def track(
        self, response: InitialResponse | str, **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[ResponseT]: ...

    @overload
    def track(
        self, response: InitialResponse | str, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T]: ...

    def track(
        self,
        response: InitialResponse | str,
        *,
        decode: Callable[[ResponseT], T] | None = None,
        **tracking: Unpack[TrackingOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Track the operation that an initial response started. Sends nothing; polling starts now.

        The response is one of httpx, httpx2 or azure-core with its request and its body, to a method that `begin`
        takes. A text is the continuation token of a poller of azure-core 1.38 or later. It is not trusted: it may name
        only the origins that `resume` accepts, and a pickle, which earlier versions wrote, is refused.

        Raises:
            InitialRequestFailed: its status code is not 2xx: there is no operation.
            InvalidResumeToken: the text is no continuation token, or is a pickle.
            UntrustedPollingURL: the token names another origin.
            TypeError: the argument is not a response.
            ValueError: the response has no request, or its body was not read.
        """
        _check_decode(decode)
        session, options = self._enter(tracking)
        return self._handle(session, session.track(response, options), decode)

    @overload
    def follow(
        self,
        url: str,
        *,
        method: Method = ...,
        pattern: PatternName = ...,
        retry_after: float | None = ...,
        **tracking: Unpack[FollowOptions],
    ) -> AsyncOperation[ResponseT]: ...

    @overload
    def follow(
        self,
        url: str,
        *,
        method: Method = ...,
        pattern: PatternName = ...,
        retry_after: float | None = ...,
        decode: Callable[[ResponseT], T],
        **tracking: Unpack[FollowOptions],
    ) -> AsyncOperation[T]: ...

    def follow(
        self,
        url: str,
        *,
        method: Method = "POST",
        pattern: PatternName = "operation-location",
        retry_after: float | None = None,
        decode: Callable[[ResponseT], T] | None = None,
        **tracking: Unpack[FollowOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Track an operation of which only the polling URL is known. Sends nothing yet.

        The URL may come from a header that is none of the polling headers, from a body, or from another program. It is
        absolute, or relative to the client's base URL. It is trusted if its origin is that of the client's `base_url`,
        or is listed in `allowed_origins` or `anonymous_origins`.

        Args:
            url: the polling URL; with `pattern="resource"` the URL of the resource.
            method: of the initial request. It matters for a DELETE, which has no result, and which ends at the resource
                when that answers 404 or 410.
            pattern: how the URL is read (rule 47).
            retry_after: seconds that the service asked to wait before the first poll, 0 or more; an hour at most is
                waited. None, for no wait that was named, polls now.
            decode: converts the final response into the result.
            **tracking: as for `track`. `final_state_via="original-uri"` needs `pattern="resource"`.

        Raises:
            UntrustedPollingURL: the URL has another origin.
        """
        _check_decode(decode)
        session, options = self._enter({**tracking, "pattern": pattern})
        return self._handle(session, session.follow(method, url, options, retry_after), decode)

    @overload
    def resume(self, token: str, **tracking: Unpack[TrackingOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    def resume(
        self, token: str, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T]: ...

    def resume(
        self, token: str, *, decode: Callable[[ResponseT], T] | None = None, **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Resume the tracking of an operation from its resume token. Sends nothing yet.

        The token comes from `AsyncOperation.resume_token` or an error, of this or another process. It is not trusted:
        it may name only the origins of the client's `base_url`, of `allowed_origins` and of `anonymous_origins`.
        The operation has the id, the label, the deadline and the options of the token. An option that is given here
        replaces that of the token, also if it is None.

        Raises:
            InvalidResumeToken: the text is None or no token, was cut or changed, or is not signed with `token_key`.
            UntrustedPollingURL: the token names another origin.
        """
        _check_decode(decode)
        session, options = self._enter(tracking)
        return self._handle(session, session.resume(token, options), decode)

    @overload
    def begin_all(
        self, requests: Requests, *, concurrency: int = ..., report: BulkReport | None = ...
    ) -> BulkRun[ResponseT]: ...

    @overload
    def begin_all(
        self,
        requests: Requests,
        *,
        concurrency: int = ...,
        report: BulkReport | None = ...,
        decode: Callable[[ResponseT], T],
    ) -> BulkRun[T]: ...

    def begin_all(
        self,
        requests: Requests,
        *,
        concurrency: int = CONCURRENCY,
        report: BulkReport | None = None,
        decode: Callable[[ResponseT], T] | None = None,
    ) -> BulkRun[T] | BulkRun[ResponseT]:
        """Begin the operations of many requests, and iterate over their outcomes in the order in which they end.

        A request that is refused or invalid is an outcome too, with its `error`; the others go on. Requests are read
        one by one when their turn comes, and never more than `concurrency` ahead of the loop.

        With a journal, no request is sent twice. Its group, label, method and URL (without the values of the query)
        identify it. If the journal has its operation, a running one is tracked again, and the end of another one is
        read from there. A request that started no operation is sent again. So is a PUT, DELETE or GET of which the
        process that was killed had not stored the answer (rule 53).

        Args:
            requests: an iterable or async iterable of `Request`; it is read in a task of the tracker.
            concurrency: the greatest number of requests that were read and whose outcomes the loop has not received.
                So at most this number of operations run. 1 or more.
            report: gets each outcome before the loop does.
            decode: converts the final response of each operation into its result.

        Raises:
            ValueError: `concurrency` is less than 1.
            TypeError: an argument has another type.
            TrackerClosed: the tracker or the group is closed.
        """
        _check_decode(decode)
        if report is not None:
            checked_function("report.on_event", getattr(report, "on_event", None))
        session, _ = self._enter({})
        from azpoll.bulk.run import bulk_run  # noqa: PLC0415 - most programs begin few operations
        from azpoll.bulk.work import Origin  # noqa: PLC0415 - likewise

        origin: Origin[Any] = Origin(session, self._options, partial(self._handle, session, decode=decode), decode)
        return bulk_run(origin, requests, checked_count("concurrency", concurrency), report)

    @abstractmethod
    def _enter(self, options: Mapping[str, object]) -> tuple[Session[ResponseT], Mapping[str, object]]:
        """Return the session, and the options of a call with the defaults of the source.

        Raises `WrongEventLoop` where the session cannot be used, and `TrackerClosed` after its end.
        """

    def _options(self, options: Mapping[str, object]) -> Mapping[str, object]:
        return self._enter(options)[1]

    def _added(self, operation: AsyncOperation[T]) -> AsyncOperation[T]:
        """Return a new operation after the source has noted it."""
        return operation

    def _handle(
        self, session: Session[ResponseT], record: OperationRecord, decode: Callable[[ResponseT], T] | None
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        return self._added(AsyncOperation(session, record, decode))


def _check_decode(decode: object) -> None:
    if decode is not None:
        checked_function("decode", decode)
