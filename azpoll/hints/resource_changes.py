"""Changes of resources in Azure Resource Graph, and the hints that follow from them.

The graph is up to a minute old, so a resource that it shows as ended may be as it was before the operation began. Only
a change says that the operation may have ended, or a state that is still the same after a minute.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.status_document import Verdict, verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LAG_S = 60.0
"""Seconds by which the graph is behind the services, at most in practice."""


class Seen(Enum):
    """The state of a resource in the graph."""

    ABSENT = "no such resource"
    STATELESS = "a resource without a provisioning state"
    RUNNING = "a resource that is being changed"
    ENDED = "a resource whose last change has ended"


class _Known(NamedTuple):
    seen: Seen
    is_reported: bool
    again_s: float


def seen_in(state: str | None) -> Seen:
    """Return the state for a provisioning state; None and blank text are none."""
    if not state:
        return Seen.STATELESS
    return Seen.RUNNING if verdict_of(state, {}) is Verdict.RUNNING else Seen.ENDED


class ResourceChanges:
    """The resources of running operations, as the graph showed them last. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def keep(self, resources: Sequence[str]) -> None:
        """Forget all other resources: no operation on them is tracked any more."""
        if len(self._known) > len(resources):
            kept = set(resources)
            self._known = {name: known for name, known in self._known.items() if name in kept}

    def is_reported(self, resource: str, now_s: float) -> bool:
        """Whether the end of its operation was reported in the last minute, so that its poll is already the next."""
        known = self._known.get(resource)
        return known is not None and known.is_reported and now_s < known.again_s

    def note(self, resource: str, seen: Seen, now_s: float) -> Seen | None:
        """Store the state of a resource; return RUNNING or ENDED as a report to the tracker, or None for no report.

        A resource that is not there yet is reported as running for a minute. Then it is reported as ended, once: the
        graph may never show it.
        """
        if seen is Seen.RUNNING:
            self._known[resource] = _Known(seen, is_reported=False, again_s=now_s)
            return seen
        known = self._known.get(resource)
        if known is None:
            self._known[resource] = _Known(seen, is_reported=False, again_s=now_s + LAG_S)
        elif known.seen is not seen or (now_s >= known.again_s and (seen is Seen.ENDED or not known.is_reported)):
            self._known[resource] = _Known(seen, is_reported=True, again_s=now_s + LAG_S)
            return Seen.ENDED
        is_new = known is None or (not known.is_reported and known.seen is seen)
        return Seen.RUNNING if seen is Seen.ABSENT and is_new else None
