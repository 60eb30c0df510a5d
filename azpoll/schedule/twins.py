"""Jobs that wait to ask the same URL: one request does for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.schedule.job import Job


class Twins:
    """Jobs by URL. Nearly all are alone with theirs, so a list is only made for those that are not."""

    __slots__ = ("_by_url",)

    def __init__(self) -> None:
        self._by_url: dict[str, Job | list[Job]] = {}

    def add(self, url: str, job: Job) -> None:
        """Add a job that waits to ask a URL."""
        there = self._by_url.setdefault(url, job)
        if isinstance(there, list):
            there.append(job)
        elif there is not job:
            self._by_url[url] = [there, job]

    def discard(self, url: str, job: Job) -> None:
        """Take a job out, if it is in."""
        there = self._by_url.get(url)
        if there is job:
            del self._by_url[url]
        elif isinstance(there, list) and job in there:
            there.remove(job)
            if not there:
                del self._by_url[url]

    def of(self, url: str, job: Job) -> list[Job]:
        """Return the other jobs that wait to ask a URL."""
        there = self._by_url.get(url)
        if there is None:
            return []
        jobs = there if isinstance(there, list) else [there]
        return [twin for twin in jobs if twin is not job]
