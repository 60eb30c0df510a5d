"""`ClientAudit`: checks, request by request, how a client polls one operation.

A correct client waits as long as the service asks, sends one request at a time and stops when the operation has ended.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NamedTuple

from azpoll.testing.json_types import members
from azpoll.testing.retry_after import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.testing.script import Pattern

Role = Literal["initial", "monitor", "location", "resource", "cancel"]

POLL_ROLE: dict[Pattern, Role] = {
    "azure-async-operation": "monitor",
    "operation-location": "monitor",
    "location": "location",
    "body": "resource",
}

_SUCCESSES, _REDIRECTS, _CLIENT_ERRORS = range(200, 300), range(300, 400), range(400, 500)
_TERMINAL = frozenset({"succeeded", "completed", "failed", "canceled", "cancelled"})
_NOT_THE_OUTCOME = frozenset({401, 403, 404, 408, 410, 429})  # a result URL's errors about the request itself
_ROUNDING_S = 1e-6  # a poll that is a microsecond early comes from rounding in float sums
_POLLING_HEADERS = frozenset({"azure-asyncoperation", "operation-location", "location"})


def reports_end(role: Role, status: int, document: object, headers: Mapping[str, str]) -> bool:
    """Whether a correct client reads from an answer that the operation has ended.

    Args:
        role: of the request.
        status: HTTP status code of the answer.
        document: its body as JSON, None without one.
        headers: lower-case name to value.
    """
    if status == HTTPStatus.NO_CONTENT:
        return role != "initial" or not _POLLING_HEADERS & headers.keys()
    fields = members(document)
    if role == "monitor":
        return status in _SUCCESSES and _is_terminal(fields.get("status"))
    if role == "location" and status in _CLIENT_ERRORS:
        return status not in _NOT_THE_OUTCOME
    if status not in {200, 201} or (role == "initial" and _POLLING_HEADERS & headers.keys()):
        return False
    state = members(fields.get("properties")).get("provisioningState")
    return state is None or _is_terminal(state)


def _is_terminal(word: object) -> bool:
    return isinstance(word, str) and word.strip().lower() in _TERMINAL


class Findings(NamedTuple):
    """The audit of one GET.

    Attributes:
        early_s: seconds before the client was allowed to send it; 0 if it was not early.
        after_end: whether the client had no reason left to send it.
        overlapping: whether another GET on the operation was in flight.
    """

    early_s: float = 0.0
    after_end: bool = False
    overlapping: bool = False


class ClientAudit:
    """The answers a client has received about one operation, and the requests they allow.

    Attributes:
        told_end_at_s: when an answer that reports the end was sent in full; None before.
        polls: GETs on the operation's status.
        in_flight: GETs that are in flight.
    """

    __slots__ = (
        "_cap_s",
        "_earliest_path",
        "_earliest_s",
        "_floor_s",
        "_nothing_left",
        "in_flight",
        "polls",
        "told_end_at_s",
    )

    def __init__(self, floor_s: float, cap_s: float) -> None:
        self._floor_s = floor_s
        self._cap_s = cap_s
        self._earliest_s = -math.inf
        self._earliest_path: str | None = None
        self._nothing_left = False
        self.told_end_at_s: float | None = None
        self.polls = 0
        self.in_flight = 0

    def resumed(self, *, knows_end: bool) -> ClientAudit:
        """Return the audit of another client, which resumes now and knows the same delay.

        Args:
            knows_end: whether it knows that the operation has succeeded, so that it may only read the result.
        """
        audit = ClientAudit(self._floor_s, self._cap_s)
        audit._earliest_path, audit._earliest_s = self._earliest_path, self._earliest_s
        audit.told_end_at_s = self.told_end_at_s if knows_end else None
        return audit

    def get_received(self, role: Role, path: str, now_s: float) -> Findings:
        """Record a GET that has arrived, and return its findings."""
        early_s = self._earliest_s - now_s
        if early_s <= _ROUNDING_S or self._earliest_path not in {None, path}:
            early_s = 0.0
        after_end = self._nothing_left or (role == "monitor" and self.told_end_at_s is not None)
        overlapping = self.in_flight > 0
        self.in_flight += 1
        self.polls += self.told_end_at_s is None
        return Findings(early_s, after_end, overlapping)

    def answer_sent(self, path: str, status: int, headers: Mapping[str, str], now_s: float) -> None:
        """Record the head of an answer that does not report the end; it sets the time of the next allowed GET.

        A client may repeat a request immediately after a 401, with a new token, and follow a redirect immediately. A
        404 or 410 without `Retry-After` delays its own URL only: the client may read another one, such as the resource.
        """
        if status == HTTPStatus.UNAUTHORIZED or status in _REDIRECTS:
            return
        delay_s = retry_after_s(headers)
        self._earliest_path = path if delay_s is None and status in {404, 410} else None
        wait_s = self._floor_s if delay_s is None or delay_s <= 0 else min(delay_s, self._cap_s)
        self._earliest_s = now_s + wait_s

    def end_sent(self, now_s: float, *, nothing_left: bool) -> None:
        """Record that an answer which reports the end was sent; `nothing_left` means that no final GET follows."""
        if self.told_end_at_s is None:
            self.told_end_at_s = now_s
        self._earliest_s = -math.inf
        self._nothing_left |= nothing_left

    def get_finished(self) -> None:
        """Record that a GET is no longer in flight."""
        self.in_flight -= 1
