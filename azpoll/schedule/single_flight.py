"""Jobs that ask the same URL: one request does for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.schedule.job import Job


class SingleFlight:
    """Jobs by URL. Nearly all are alone with theirs, so a set is only made for those that are not."""

    __slots__ = ("_by_url",)

    def __init__(self) -> None:
        self._by_url: dict[str, Job | dict[Job, None]] = {}  # the keys of a dict are a set in order

    def add(self, url: str, job: Job) -> None:
        """Add a job that asks a URL."""
        there = self._by_url.setdefault(url, job)
        if isinstance(there, dict):
            there[job] = None
        elif there is not job:
            self._by_url[url] = {there: None, job: None}

    def discard(self, url: str, job: Job) -> None:
        """Take out a job that is in."""
        there = self._by_url[url]
        if isinstance(there, dict):
            del there[job]
            if there:
                return
        del self._by_url[url]

    def is_alone(self, url: str, job: Job) -> bool:
        """Whether no other job asks a URL that this one asks."""
        return url in self._by_url and self._by_url[url] is job

    def of(self, url: str, job: Job) -> list[Job]:
        """Return the other jobs that ask a URL."""
        there = self._by_url.get(url, {})
        jobs = there if isinstance(there, dict) else (there,)
        return [twin for twin in jobs if twin is not job]
