"""A second, independent reading of the rules, which says how a recorded operation has to end.

It knows the answers of a session by their URL, and derives the requests that are due, the end and the place of the
result. It shares no code with azpoll's own reading, so that one error is not in both. It reads only what recordings
hold: no redirects, lost connections or options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from tests.proofs.recordings.answer_meaning import (
    answer_of_location,
    answer_of_monitor,
    answer_of_resource,
    is_operation_document,
    members_of,
    provisioning_state,
)
from tests.proofs.recordings.operation_script import POLLING_HEADERS, Reply, Script, Step, origin_of, place_of

if TYPE_CHECKING:
    from tests.proofs.recordings.recorded_session import Session

ENDS = ("succeeded", "failed", "canceled")
UNREAD = {401: "AuthenticationFailed", 403: "PermissionDenied", 404: "OperationNotFound", 410: "OperationNotFound"}
NEUTRAL = Reply(200, {}, '{"id": "/neutral", "name": "neutral"}')
"""The answer to a final GET that the recorded client did not send."""

MISSING = Reply(404, {}, '{"error": {"code": "ResourceNotFound", "message": "it is deleted"}}')


class RecordedAnswers:
    """The answers of a session by the document that was asked; the last one is repeated."""

    def __init__(self, session: Session) -> None:
        self._polls = session.polls
        self._by_place: dict[str, list[int]] = {}
        for index, poll in enumerate(session.polls):
            self._by_place.setdefault(place_of(poll.url, session.url), []).append(index)
        self._used: dict[str, int] = {}
        self._position = -1

    def next_poll(self, url: str) -> tuple[Reply, bool] | None:
        """Return the next answer of a polled URL, and whether it repeats the last one; None if there is none."""
        place = place_of(url)
        indexes = self._by_place.get(place, [])
        if not indexes:
            return None
        used = self._used.get(place, 0)
        self._used[place] = used + 1
        index = indexes[min(used, len(indexes) - 1)]
        self._position = max(self._position, index)
        return self._polls[index].reply, used >= len(indexes)

    def later(self, url: str) -> list[Reply]:
        """Return the answers of a URL after the last poll."""
        return [self._polls[index].reply for index in self._by_place.get(place_of(url), ()) if index > self._position]

    def renew(self, old: str, new: str) -> None:
        """A URL that renews another one names the same document, though the recorded client kept the old one."""
        indexes = self._by_place.get(place_of(old))
        if indexes is not None and place_of(new) not in self._by_place:
            self._by_place[place_of(new)] = indexes
            self._used[place_of(new)] = self._used.get(place_of(old), 0)


class SecondReading:
    """Follows one session from its initial response to its end."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.answers = RecordedAnswers(session)
        self.steps: list[Step] = []
        self.location = self._named(session.initial, "location", session.url)

    def script(self) -> Script:
        """Return the requests, the end and the result."""
        initial = self.session.initial
        header = self._usable_header()
        if header is None:
            return self._follow_resource(initial)
        url = self._named(initial, header, self.session.url)
        assert url is not None
        return self._poll(url, "location" if header == "location" else "monitor")

    def _usable_header(self) -> str | None:
        """Return the first polling header whose URL is one; rule 3 ignores some of those that may not be asked."""
        initial = self.session.initial
        for header in POLLING_HEADERS:
            url = self._named(initial, header, self.session.url)
            if url is None or urlsplit(url).scheme != "https":
                continue
            refused = origin_of(url) not in {origin_of(self.session.url), *self.session.foreign}
            if not refused or header != "location" or initial.status == 202:
                return header
        return None

    @staticmethod
    def _named(reply: Reply, header: str, base: str) -> str | None:
        value = reply.header(header)
        return urljoin(base, value.replace(" ", "%20")) if value else None

    def _follow_resource(self, initial: Reply) -> Script:
        """Rules 5 to 7."""
        state = provisioning_state(initial)
        if self.session.method in {"PUT", "PATCH"}:
            if initial.status == 202 or (initial.status == 201 and not initial.body) or state == "running":
                return self._poll(self.session.url, "resource")
            return self._ended(state or "succeeded", 0)
        return self._ended("MalformedAnswer" if initial.status == 202 else "succeeded", 0)

    def _poll(self, url: str, pattern: str) -> Script:
        """Poll until an answer ends the operation, or the answers repeat."""
        while True:
            found = self.answers.next_poll(url)
            if found is None:
                raise ValueError(f"session {self.session.id}: nothing is recorded for {url}")
            reply, again = found
            said = self._read(reply, pattern)
            if again and said not in ENDS:
                return self._ended("running" if said == "running" else self._unread(reply))
            self.steps.append(Step(url, reply))
            if said in ENDS:
                return self._succeeded(url, reply, pattern) if said == "succeeded" else self._ended(said)
            if said == "refused":
                return self._ended("PollingError")
            if reply.status in {404, 410} and self.session.method == "DELETE":
                confirmation = next(iter(self.answers.later(self.session.url)), MISSING)
                self.steps.append(Step(self.session.url, confirmation))
                if confirmation.status in {404, 410}:
                    return self._ended("succeeded")
            url = self._renewed(url, reply, pattern)

    @staticmethod
    def _read(reply: Reply, pattern: str) -> str:
        readers = {"monitor": answer_of_monitor, "location": answer_of_location, "resource": answer_of_resource}
        return readers[pattern](reply)

    @staticmethod
    def _unread(reply: Reply) -> str:
        return UNREAD.get(reply.status, "RetriesExhausted" if reply.status >= 400 else "MalformedAnswer")

    def _renewed(self, url: str, reply: Reply, pattern: str) -> str:
        """Return the next polling URL; the latest `Location` is kept for the result (rules 18 and 19)."""
        self.location = self._named(reply, "location", url) or self.location
        headers = {"location": POLLING_HEADERS[2:], "monitor": POLLING_HEADERS[:2]}.get(pattern, ())
        new = next(filter(None, (self._named(reply, header, url) for header in headers)), None)
        if new is None:
            return url
        self.answers.renew(url, new)
        return new

    def _succeeded(self, url: str, reply: Reply, pattern: str) -> Script:
        """Return the script up to the result of an operation that succeeded."""
        self.location = self._named(reply, "location", url) or self.location
        target = self._place_of_result(url, reply, pattern)
        return self._ended("succeeded", len(self.steps)) if target is None else self._final_get(target)

    def _place_of_result(self, url: str, reply: Reply, pattern: str) -> str | None:
        """Return the URL of the final GET; None where the last answer is the result (rules 30 and 31)."""
        if self.session.method == "DELETE" or pattern == "resource":
            return None
        if pattern == "location" and not is_operation_document(reply):
            return None
        resource = members_of(reply).get("resourceLocation") or reply.header("resource-location")
        if isinstance(resource, str):
            return urljoin(url, resource)
        if self.session.method in {"PUT", "PATCH"}:
            return self.session.url
        polled_itself = pattern == "location" and self.location is not None and place_of(self.location) == place_of(url)
        return None if polled_itself else self.location

    def _final_get(self, url: str) -> Script:
        first = len(self.steps) + 1
        replies = self.answers.later(url) or [NEUTRAL]
        for reply in replies:
            self.steps.append(Step(url, reply))
            if 200 <= reply.status < 300 and reply.status != 202:
                return self._ended("succeeded", len(self.steps), first)
        return self._ended(self._unread(replies[-1]), None, first)

    def _ended(self, end: str, result: int | None = None, final_get: int | None = None) -> Script:
        session = self.session
        result = result if end == "succeeded" else None
        asked = {origin_of(step.url) for step in self.steps}
        foreign = tuple(each for each in session.foreign if origin_of(each) in asked)
        code = session.code if end in ENDS else None
        steps = tuple(self.steps)
        return Script(
            session.id, session.method, session.url, session.initial, steps, end, result, final_get, foreign, code
        )


def read_session(session: Session) -> Script:
    """Return how an operation has to end."""
    return SecondReading(session).script()
