"""`RequestLog`: the requests that a fake has received, and assertions that name the offending ones."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SHOWN = 5
_OFFENSES_KEPT = 1000
_CREDENTIALS = frozenset(
    {"authorization", "api-key", "ocp-apim-subscription-key", "cookie", "x-ms-authorization-auxiliary"}
)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request and its answer.

    Attributes:
        at_s: on the fake's clock.
        method: upper case.
        url: as sent.
        path: of the URL, without the query.
        operation: id of the operation that the request belongs to, or None.
        status: HTTP status of the answer; None where the connection ended without one.
        authorized: whether `Authorization` was present.
        headers: lower-case name to value.
        early_s: seconds before the client was allowed to send it; 0 if it was not early.
        after_end: whether the client had no reason left to send it.
        overlapping: whether another GET on the same operation was still in flight.
    """

    at_s: float
    method: str
    url: str
    path: str
    operation: str | None
    status: int | None
    authorized: bool
    headers: Mapping[str, str]
    early_s: float = 0.0
    after_end: bool = False
    overlapping: bool = False

    def __str__(self) -> str:
        """Return one line for an assertion's message."""
        early = f", {self.early_s:.3f} s early" if self.early_s else ""
        return f"at {self.at_s:.3f} s: {self.method} {self.url} -> {self.status or 'dropped'}{early}"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts since the fake was created.

    Attributes:
        requests: of any kind.
        reads: GET and HEAD.
        throttled: answered 429, by rate limits or by script.
        unauthorized: answered 401.
        early_polls: sent before the client was allowed to.
        started: operations.
        ended: operations that had ended on the fake's clock at the latest request.
        told: operations whose end was sent to a client.
    """

    requests: int
    reads: int
    throttled: int
    unauthorized: int
    early_polls: int
    started: int
    ended: int
    told: int


class RequestLog:
    """The latest `size` requests. Counts and offenses include requests that the log no longer holds."""

    def __init__(self, size: int) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=size)
        self._reads_at_s = array("d")
        self._early: deque[RequestRecord] = deque(maxlen=_OFFENSES_KEPT)
        self._after_end: deque[RequestRecord] = deque(maxlen=_OFFENSES_KEPT)
        self._overlapping: deque[RequestRecord] = deque(maxlen=_OFFENSES_KEPT)
        self._first_by_origin: dict[tuple[str, bool], RequestRecord] = {}
        self.requests = 0
        self.throttled = 0
        self.unauthorized = 0
        self.early_polls = 0

    @property
    def records(self) -> tuple[RequestRecord, ...]:
        """The latest requests, oldest first."""
        return tuple(self._records)

    @property
    def reads(self) -> int:
        """The number of GETs and HEADs."""
        return len(self._reads_at_s)

    def add(self, record: RequestRecord, origin: str) -> None:
        """Keep and count one request; `origin` is that of its URL."""
        self._records.append(record)
        self.requests += 1
        self.throttled += record.status == HTTPStatus.TOO_MANY_REQUESTS
        self.unauthorized += record.status == HTTPStatus.UNAUTHORIZED
        if record.method in {"GET", "HEAD"}:
            self._reads_at_s.append(record.at_s)
        if record.early_s:
            self.early_polls += 1
            self._early.append(record)
        if record.after_end:
            self._after_end.append(record)
        if record.overlapping:
            self._overlapping.append(record)
        has_credential = record.authorized or not _CREDENTIALS.isdisjoint(record.headers)
        self._first_by_origin.setdefault((origin, has_credential), record)

    def no_early_polls(self, tolerance_s: float) -> None:
        """Raise AssertionError if a poll came more than `tolerance_s` before the client was allowed to send it."""
        early = (record for record in self._early if record.early_s > tolerance_s)
        _assert_none("polls sent too early", early)

    def no_requests_after_end(self) -> None:
        """Raise AssertionError if a client sent a GET after the end of an operation without a reason."""
        _assert_none("requests on operations that had ended", self._after_end)

    def one_request_at_a_time(self) -> None:
        """Raise AssertionError if two GETs on one operation were in flight together."""
        _assert_none("requests on operations with a GET in flight", self._overlapping)

    def max_reads_per_second(self, limit: float, window_s: float) -> None:
        """Raise AssertionError if some window of `window_s` seconds had more than `limit * window_s` reads."""
        times, first = self._reads_at_s, 0
        for last, at_s in enumerate(times):
            while at_s - times[first] >= window_s:
                first += 1
            if last - first + 1 > limit * window_s:
                raise AssertionError(
                    f"{last - first + 1} reads between {times[first]:.3f} s and {at_s:.3f} s; "
                    f"{limit:g} per second allow {limit * window_s:g} in {window_s:g} s"
                )

    def only_trusted_origins(self, trusted: frozenset[str], *, credentials_only: bool) -> None:
        """Raise AssertionError if an origin outside `trusted` received a request, or one with a credential."""
        found = (
            record
            for (origin, has_credential), record in self._first_by_origin.items()
            if origin not in trusted and (has_credential or not credentials_only)
        )
        _assert_none("credentials sent to other origins" if credentials_only else "requests to other origins", found)


def _assert_none(description: str, records: Iterable[RequestRecord]) -> None:
    offenses = list(records)
    if not offenses:
        return
    lines = [f"{description}:", *map(str, offenses[:_SHOWN])]
    if len(offenses) > _SHOWN:
        lines.append(f"and {len(offenses) - _SHOWN} more")
    raise AssertionError("\n  ".join(lines))
