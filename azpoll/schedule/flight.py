"""A request under way for the job of a URL, and the other jobs of that URL whose turn has come meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.schedule.job import Job


class Flight:
    """What is under way, and who has met it.

    Those last answered before it was sent take its answer. Of an operation that began later, though on the same
    resource, it says nothing but when to ask, and an errand not even that: they wait until it is over, and then their
    time.
    """

    __slots__ = ("met", "sent_s")

    def __init__(self, sent_s: float) -> None:
        self.sent_s = sent_s
        self.met: list[Job] = []
