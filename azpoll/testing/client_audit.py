"""`Watch`: judges, request by request, how a client treats one operation.

The rules are the service's side of "wait the time it tells, ask one thing at a time, stop when it ended".
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from azpoll.testing.json_types import members
from azpoll.testing.retry_after import told_delay_s

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
_NOT_THE_OPERATIONS_OWN = frozenset({401, 403, 404, 408, 410, 429})
_ROUNDING_S = 1e-6  # a microsecond early is the rounding of float sums, not a client's haste
_POLLING_HEADERS = frozenset({"azure-asyncoperation", "operation-location", "location"})


def tells_end(role: Role, status: int, document: object, headers: Mapping[str, str]) -> bool:
    """Whether an answer tells a careful client that the operation ended."""
    if status == HTTPStatus.NO_CONTENT:
        return role != "initial" or not _POLLING_HEADERS & headers.keys()
    fields = members(document)
    if role == "monitor":
        return status in _SUCCESSES and _is_terminal(fields.get("status"))
    if role == "location" and status in _CLIENT_ERRORS:
        return status not in _NOT_THE_OPERATIONS_OWN
    if status not in {200, 201} or (role == "initial" and _POLLING_HEADERS & headers.keys()):
        return False
    state = members(fields.get("properties")).get("provisioningState")
    return state is None or _is_terminal(state)


def _is_terminal(word: object) -> bool:
    return isinstance(word, str) and word.strip().lower() in _TERMINAL


class Watch:
    """What a client was told about one operation, and so may do.

    Attributes:
        told_end_at_s: when an answer that tells the end was sent in full; None before.
        polls: GETs on the operation's status.
    """

    __slots__ = (
        "_cap_s",
        "_earliest_path",
        "_earliest_s",
        "_floor_s",
        "_in_flight",
        "_nothing_left",
        "polls",
        "told_end_at_s",
    )

    def __init__(self, floor_s: float, cap_s: float) -> None:
        self._floor_s = floor_s
        self._cap_s = cap_s
        self._earliest_s = -math.inf
        self._earliest_path: str | None = None
        self._in_flight = 0
        self._nothing_left = False
        self.told_end_at_s: float | None = None
        self.polls = 0

    def asked(self, role: Role, path: str, now_s: float) -> tuple[float, bool, bool]:
        """Note a GET; return how many seconds early it is, whether it comes after the end, and whether it overlaps."""
        early_s = self._earliest_s - now_s
        if early_s <= _ROUNDING_S or self._earliest_path not in {None, path}:
            early_s = 0.0
        after_end = self._nothing_left or (role == "monitor" and self.told_end_at_s is not None)
        overlapping = self._in_flight > 0
        self._in_flight += 1
        self.polls += self.told_end_at_s is None
        return early_s, after_end, overlapping

    def told(self, path: str, status: int, headers: Mapping[str, str], now_s: float) -> None:
        """Note that an answer which does not tell the end is sent.

        A 401 may be repeated at once with a new token and a redirect followed at once. A 404 or 410 with no
        `Retry-After` holds for its own URL only: another one, such as the resource, may be asked instead.
        """
        if status == HTTPStatus.UNAUTHORIZED or status in _REDIRECTS:
            return
        delay_s = told_delay_s(headers)
        self._earliest_path = path if delay_s is None and status in {404, 410} else None
        wait_s = self._floor_s if delay_s is None or delay_s <= 0 else min(delay_s, self._cap_s)
        self._earliest_s = now_s + wait_s

    def told_end(self, now_s: float, *, nothing_left: bool) -> None:
        """Note that the end was told; `nothing_left` means that no final GET is to follow."""
        if self.told_end_at_s is None:
            self.told_end_at_s = now_s
        self._earliest_s = -math.inf
        self._nothing_left |= nothing_left

    def over(self) -> None:
        """Note that a GET is no longer in flight."""
        self._in_flight -= 1
