"""`RequestLog`: what a fake was asked, and assertions about it that name the offending requests."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHOWN = 5
_OFFENCES_KEPT = 1000
_CREDENTIALS = ("authorization", "api-key", "ocp-apim-subscription-key", "cookie", "x-ms-authorization-auxiliary")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it came, and its answer.

    Attributes:
        at_s: on the arm's clock.
        method: upper case.
        url: as sent.
        path: of the URL, without the query.
        operation: id of the operation it was about, None for none.
        status: answered; None where the connection was ended instead.
        authorized: whether `Authorization` was present.
        headers: lower-case name to value.
        early_s: seconds before the time it was told to wait for; 0 if it was not early.
        after_end: whether nothing was left to ask.
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
    """Counts since the fake was made.

    Attributes:
        requests: of any kind.
        reads: GET and HEAD.
        throttled: answered 429, by limits or by script.
        unauthorized: answered 401.
        early_polls: sent before the time told.
        started: operations.
        ended: operations whose end has come on the arm's clock, at the latest request.
        told: operations whose end some client was told.
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
    """The latest `size` requests; offences and counts are kept even where the log has dropped the request."""

    def __init__(self, size: int) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=size)
        self._reads_at_s = array("d")
        self._early: deque[RequestRecord] = deque(maxlen=_OFFENCES_KEPT)
        self._after_end: deque[RequestRecord] = deque(maxlen=_OFFENCES_KEPT)
        self._overlapping: deque[RequestRecord] = deque(maxlen=_OFFENCES_KEPT)
        self._first_at: dict[tuple[str, bool], RequestRecord] = {}
        self.requests = 0
        self.throttled = 0
        self.unauthorized = 0
        self.early_polls = 0

    @property
    def records(self) -> tuple[RequestRecord, ...]:
        """The requests kept, oldest first."""
        return tuple(self._records)

    @property
    def reads(self) -> int:
        """GETs and HEADs."""
        return len(self._reads_at_s)

    def add(self, record: RequestRecord, origin: str) -> None:
        """Keep and count one request."""
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
        credential = record.authorized or any(name in record.headers for name in _CREDENTIALS)
        self._first_at.setdefault((origin, credential), record)

    def no_early_polls(self, tolerance_s: float) -> None:
        """Raise AssertionError if a poll came more than `tolerance_s` before its time."""
        early = (record for record in self._early if record.early_s > tolerance_s)
        _refuse("polls before the time they were told", early)

    def no_requests_after_end(self) -> None:
        """Raise AssertionError if an operation was asked when nothing was left to ask."""
        _refuse("requests on operations that had ended", self._after_end)

    def one_request_at_a_time(self) -> None:
        """Raise AssertionError if two GETs on one operation were in flight together."""
        _refuse("requests on operations with one in flight already", self._overlapping)

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

    def elsewhere(self, trusted: frozenset[str], *, credentials_only: bool) -> None:
        """Raise AssertionError if an origin outside `trusted` was asked, or sent a credential."""
        found = (
            record
            for (origin, credential), record in self._first_at.items()
            if origin not in trusted and (credential or not credentials_only)
        )
        _refuse("credentials sent elsewhere" if credentials_only else "requests sent elsewhere", found)


def _refuse(what: str, records: Iterable[RequestRecord]) -> None:
    lines = list(_lines(records))
    if lines:
        raise AssertionError("\n  ".join([f"{what}:", *lines]))


def _lines(records: Iterable[RequestRecord]) -> Iterator[str]:
    more = 0
    for place, record in enumerate(records):
        if place < _SHOWN:
            yield str(record)
        else:
            more += 1
    if more:
        yield f"and {more} more"
