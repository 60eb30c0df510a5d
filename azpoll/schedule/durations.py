"""`Durations`: the completion times of operations by kind, saved and loaded."""

from __future__ import annotations

import math

from azpoll.schedule.completion_times import CompletionTimes
from azpoll.schedule.operation_kind import operation_kind
from azpoll.schedule.recorded import recorded_quantiles
from azpoll.schedule.saved_durations import KINDS_KEPT, checked_kinds, saved


class Durations:
    """Completion times by kind: method, provider and resource type, and the action of a POST.

    They set the time of a poll where the service names no delay (rule 50). They start from recorded operations, and
    every operation that a tracker follows to its end is added. Trackers of one event loop may share them. Once 20
    operations of a kind have ended, its due polls are ordered by the probability that their operation has ended.

    `save` and `load` keep the learned times:

        durations = azpoll.Durations.load(json.loads(path.read_text()))
        async with azpoll.Tracker(client, durations=durations) as tracker: ...
        path.write_text(json.dumps(durations.save()))

    Args:
        price: the seconds of detection delay that one poll is worth, above 0. A higher price means fewer polls, and
            ends that are detected later. As the reads of a scope run short, the price rises to five times this value.

    Raises:
        ValueError: the price is not a finite number above 0.
    """

    def __init__(self, *, price: float = 1.0) -> None:
        self._price = _checked_price(price)
        self._kinds: dict[str, CompletionTimes] = {}
        self._has_learned = False

    def __repr__(self) -> str:
        learned = [times.learned.total for times in self._kinds.values() if times.learned.total]
        return f"<Durations of {sum(learned)} operations of {len(learned)} kinds, price {self._price:g} s>"

    @property
    def price(self) -> float:
        """The seconds of detection delay that one poll is worth while reads are plentiful."""
        return self._price

    @property
    def has_learned(self) -> bool:
        """Whether any kind has been learned; until then, no order of polls depends on a kind."""
        return self._has_learned

    def of(self, method: str, resource_url: str) -> CompletionTimes:
        """Return the completion times of the operations that are started by a method on such a URL."""
        kind = operation_kind(method, resource_url)
        found = self._kinds.get(kind)
        return self._new(kind) if found is None else found

    def learn(self, method: str, resource_url: str, seconds: float) -> None:
        """Count an operation that ended `seconds` after it began."""
        times = self.of(method, resource_url)
        times.add(seconds)
        self._has_learned |= times.is_learned

    def save(self) -> dict[str, object]:
        """Return the learned times, for `json.dumps` and `load`. They name resource types and hosts, no resources."""
        learned = ((kind, times.learned) for kind, times in self._kinds.items())
        return saved((kind, histogram.buckets()) for kind, histogram in learned if histogram.total)

    @classmethod
    def load(cls, state: object, *, price: float = 1.0) -> Durations:
        """Return completion times that continue from those that `save` returned.

        Raises:
            ValueError: `state` is not a value that `save` returned; the message says where.
        """
        durations = cls(price=price)
        for kind, pairs in checked_kinds(state).items():
            times = durations._new(kind)
            times.learned.restore(pairs)
            durations._has_learned |= times.is_learned
        return durations

    def _new(self, kind: str) -> CompletionTimes:
        if len(self._kinds) >= KINDS_KEPT:
            del self._kinds[next(iter(self._kinds))]
        times = self._kinds[kind] = CompletionTimes(recorded_quantiles(kind))
        return times


def _checked_price(price: object) -> float:
    if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 < price < math.inf:
        raise ValueError(f"price must be a finite number of seconds above 0, not {str(price)[:32]}")
    return float(price)
