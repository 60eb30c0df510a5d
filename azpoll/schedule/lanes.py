"""All lanes: a throttled one never delays another, since each is ready when its own meter is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, assert_never

from azpoll.protocol.answer import Answer
from azpoll.protocol.throttle import TOO_MANY_REQUESTS, Reach, Throttle, remaining, throttle_of
from azpoll.schedule.due import DueHeap
from azpoll.schedule.lane import JobT, Lane, Place
from azpoll.schedule.scope import Scope, names_scopes, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.protocol.answer import Unreachable
    from azpoll.protocol.throttle import Counted
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.lane import Rank

COLLECTIONS_KEPT = 1024
"""URLs in one collection are counted alike; so many collections are remembered."""

PLACES_KEPT = 1024
"""So many places are remembered in any case; of more, those that have nothing to remember are forgotten."""

RECHECK_S = 0.001
"""A lane that was ready and had no job after all is not looked at again before."""


class ScopeStatistics(NamedTuple):
    """One scope: what its reads are given out at, and how late they are.

    Attributes:
        scope: origin, subscription and principal.
        rate: reads per second now; None without a budget.
        tokens: reads saved up now; None without a budget.
        waiting: operations that are due and wait for a read.
        reads: requests sent.
        throttled: 429s received.
        lateness_p50_s: seconds between due time and sending, median of all requests; None before the first.
        lateness_p99_s: the same, 99th percentile.
        detection_p50_s: seconds between the end a status monitor told of and its being told, median; None while
            none told.
        detection_p99_s: the same, 99th percentile.
    """

    scope: str
    rate: float | None
    tokens: float | None
    waiting: int
    reads: int
    throttled: int
    lateness_p50_s: float | None
    lateness_p99_s: float | None
    detection_p50_s: float | None
    detection_p99_s: float | None


class Lanes(Generic[JobT]):
    """The lanes of one scheduler.

    Args:
        budget: of each scope; None without limits.
        numbers: as for `DueHeap`.
        counted: what the budget is of.

    Attributes:
        waiting: due jobs in all lanes.
    """

    def __init__(self, budget: Budget | None, numbers: Iterator[int], counted: Counted = "reads") -> None:
        self._budget = budget
        self._counted: Counted = counted
        self._numbers = numbers
        self._lanes: dict[Scope, Lane[JobT]] = {}
        self._places: dict[tuple[Scope, str], Place[JobT]] = {}
        self._beneath: dict[str, Place[JobT]] = {}
        self._kept = PLACES_KEPT
        self._ready: DueHeap[Lane[JobT]] = DueHeap(numbers)
        self.waiting = 0

    def place_of(self, url: str, now_s: float) -> Place[JobT]:
        """Return where the reads of a URL are counted."""
        collection = url.partition("?")[0].rpartition("/")[0]
        if collection in self._beneath:
            return self._beneath[collection]
        place = self._place(*scope_of(url, "" if self._budget is None else self._budget.principal), now_s)
        if not names_scopes(collection):
            if len(self._beneath) >= COLLECTIONS_KEPT:
                self._beneath.clear()
            self._beneath[collection] = place
        return place

    def _place(self, scope: Scope, sub_scope: str, now_s: float) -> Place[JobT]:
        place = self._places.get((scope, sub_scope))
        if place is None:
            if len(self._places) >= self._kept:
                self._forget_idle(now_s)
            lane = self._lanes.get(scope)
            if lane is None:
                lane = self._lanes[scope] = Lane(scope, None if self._budget is None else self._budget.meter(now_s))
            meter = None if self._budget is None else self._budget.provider_meter(sub_scope, now_s)
            place = self._places[scope, sub_scope] = Place(lane, sub_scope, meter)
        return place

    def _forget_idle(self, now_s: float) -> None:
        """Forget places and lanes where nobody waits and whose meters are as good as new.

        Done only once there are twice as many as were left, so it costs little.
        """
        self._beneath.clear()
        self._places = {key: place for key, place in self._places.items() if not place.is_idle(now_s)}
        in_use = {place.lane for place in self._places.values()}
        self._lanes = {scope: lane for scope, lane in self._lanes.items() if lane in in_use or not lane.is_idle(now_s)}
        self._kept = max(PLACES_KEPT, 2 * len(self._places))

    def add(self, job: JobT, place: Place[JobT], now_s: float) -> None:
        """Let a due job wait for a read."""
        self.waiting += 1
        if place.lane.add(job, place, next(self._numbers)):
            self._rouse(place.lane, now_s)

    def move(self, job: JobT, place: Place[JobT], left: Rank, now_s: float) -> None:
        """Put a job that waits where its new rank belongs; `left` is the one it had."""
        place.lane.add(job, place, next(self._numbers))
        place.lane.withdraw(job, place, left)
        self._rouse(place.lane, now_s)

    def withdraw(self, job: JobT, place: Place[JobT]) -> None:
        """Take a job that waits out of its lane."""
        job.entry = 0
        self.waiting -= 1
        place.lane.withdraw(job, place, job.rank)

    def take(self, now_s: float) -> JobT | None:
        """Take the next job that may be asked now; lanes that are ready take turns."""
        while (lane := self._ready.take(now_s)) is not None:
            job = lane.take(now_s)
            if job is not None:
                self.waiting -= 1
                self._rouse(lane, now_s)
                return job
            if lane.waiting:
                self._ready.put(lane, max(lane.next_s(now_s), now_s + RECHECK_S))
        return None

    def next_s(self) -> float | None:
        """Return when `take` may give a job; None while none waits."""
        return self._ready.next_s()

    def heard(self, place: Place[JobT], came: Answer | Unreachable, now_s: float) -> Throttle | None:
        """Learn from an answer what the service says of its read limits; returns whom it refuses, if it is a 429."""
        head = came if isinstance(came, Answer) else came.head
        if head is None:
            return None
        lane = place.lane
        if lane.meter is not None and (left := remaining(head, self._counted)) is not None:
            lane.meter.remaining(left)
        throttle = throttle_of(head) if head.status_code == TOO_MANY_REQUESTS else None
        if throttle is not None:
            lane.throttled += 1
            if self._budget is not None:
                self._slow(place, throttle, self._budget, now_s)
        return throttle

    def statistics(self, now_s: float) -> tuple[ScopeStatistics, ...]:
        """Return what each scope did so far; of very many scopes, not of those that are idle."""
        return tuple(statistics_of(lane, now_s) for lane in self._lanes.values())

    def _slow(self, place: Place[JobT], throttle: Throttle, budget: Budget, now_s: float) -> None:
        """Ask nothing of what a 429 concerns for its time, and less from then on."""
        match throttle.reach:
            case Reach.SCOPE:
                meter = place.lane.meter
            case Reach.PROVIDER:
                meter = place.meter = place.meter or budget.found_meter(now_s)
            case Reach.OPERATION:
                meter = None
            case _:
                assert_never(throttle.reach)
        if meter is not None:
            meter.throttled(now_s, throttle.retry_after_s, budget.backoff)
            self._rouse(place.lane, now_s)

    def _rouse(self, lane: Lane[JobT], now_s: float) -> None:
        """Let a lane be looked at when it may next give a job."""
        if lane.waiting:
            self._ready.put(lane, lane.next_s(now_s))
        else:
            self._ready.withdraw(lane)


def statistics_of(lane: Lane[JobT], now_s: float) -> ScopeStatistics:
    """Return what one scope did so far."""
    meter = lane.meter
    if meter is not None:
        meter.ready_s(now_s)
    return ScopeStatistics(
        scope=str(lane.scope),
        rate=None if meter is None else meter.rate,
        tokens=None if meter is None else meter.tokens,
        waiting=lane.waiting,
        reads=lane.reads,
        throttled=lane.throttled,
        lateness_p50_s=lane.lateness.quantile(0.5),
        lateness_p99_s=lane.lateness.quantile(0.99),
        detection_p50_s=lane.detection.quantile(0.5),
        detection_p99_s=lane.detection.quantile(0.99),
    )
