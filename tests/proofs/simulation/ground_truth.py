"""The ground truth of one simulated operation, against which its history is checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

import httpx

from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.plan import FinalStateVia, Plan
from azpoll.protocol.status_document import Verdict
from azpoll.protocol.url_policy import URLPolicy, origin_of

if TYPE_CHECKING:
    from random import Random

HOST = "https://management.azure.com"
OTHER = "https://other.example"
"""An origin that the caller has allowed."""

NOON = datetime(2024, 11, 6, 12, 0, 0, tzinfo=UTC)
"""The wall clock of every client."""

RESOURCE = f"{HOST}/rg/vm?api-version=1"

Header = Literal["azure-asyncoperation", "operation-location", "location"]
Ending = Literal["succeeded", "failed", "canceled"]

WORDS: tuple[tuple[str, Ending], ...] = (
    ("Succeeded", "succeeded"),
    ("Succeeded", "succeeded"),
    ("Succeeded", "succeeded"),
    ("succeeded", "succeeded"),
    (" SUCCEEDED ", "succeeded"),
    ("Completed", "succeeded"),
    ("Failed", "failed"),
    ("ValidationFailed", "failed"),
    ("Canceled", "canceled"),
    ("cancelled", "canceled"),
)
"""Terminal status words in their spellings; the caller adds `ValidationFailed` (rule 16)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The ground truth of one operation.

    Attributes:
        header: the header of the initial answer whose URL is polled; None for the resource itself.
        word: the terminal status word.
        ends_at_s: the time at which the operation ends, in seconds after the initial answer.
        has_location: whether the initial answer has a `Location` besides a status monitor.
        names_result: whether the last answer of the monitor has a `resourceLocation`.
        retry: the index into `RETRIES` of the RetryAfter-After while the operation runs.
        initial: the variant of the initial answer.
        deadline_s: the caller's overall deadline.
    """

    number: int
    method: str
    header: Header | None
    word: str
    ending: Ending
    ends_at_s: float
    via: FinalStateVia | None
    wants: Literal["final", "status"]
    has_location: bool
    names_result: bool
    retry: int
    initial: int
    deadline_s: float | None

    @property
    def is_monitor(self) -> bool:
        """Whether a status monitor is polled."""
        return self.header in {"azure-asyncoperation", "operation-location"}

    @property
    def plan(self) -> Plan:
        """The plan with the caller's options."""
        return _plan(self.method, self.via, self.wants, self.deadline_s, 5.0 if self.number % 16 == 0 else None)

    @property
    def result_at(self) -> Literal["monitor", "resource", "location", "named"] | None:
        """The role of the URL of the final GET after a success (rules 30, 31 and 33); None without a final GET."""
        changes = self.method in {"PUT", "PATCH"}
        if self.wants == "status":
            return None
        if self.via is FinalStateVia.ORIGINAL_URI:
            return None if self.header is None else "resource"
        if self.via is FinalStateVia.LOCATION and self.is_monitor and self.has_location:
            return "location"
        by_name = self.via in {FinalStateVia.AZURE_ASYNC_OPERATION, FinalStateVia.OPERATION_LOCATION}
        if (by_name and not changes) or not self.is_monitor or self.method == "DELETE":
            return None
        if self.names_result:
            return "named"
        if changes:
            return "resource"
        return "location" if self.has_location else None


class _URL(httpx.URL):
    """A URL whose `join` is cached, since parsing would dominate the time of a million operations."""

    def join(self, url: httpx.URL | str) -> _URL:
        return _joined(str(self), str(url))


@cache
def _joined(base: str, url: str) -> _URL:
    return _URL(httpx.URL(base).join(url))


_TRUST = URLPolicy(
    parse=cache(_URL), initial=origin_of(httpx.URL(HOST)), allowed=frozenset({origin_of(httpx.URL(OTHER))})
)


@cache
def _plan(
    method: str,
    via: FinalStateVia | None,
    wants: Literal["final", "status"],
    deadline_s: float | None,
    interval: float | None,
) -> Plan:
    words = {"validationfailed": Verdict.FAILED}
    return Plan(method, RESOURCE, _TRUST, via, wants, words, DelayLimits(interval), deadline_s=deadline_s)


_METHODS = ("PUT", "PUT", "PATCH", "POST", "DELETE")
_HEADERS: tuple[Header | None, ...] = (
    *("azure-asyncoperation", "azure-asyncoperation", "operation-location", "location"),
    None,
)
_VIAS = (None, None, None, *FinalStateVia)
_DEADLINES = (*(None,) * 24, 2.0, 10.0, 60.0, 600.0)


def random_truth(number: int, randomness: Random) -> Truth:
    """Return a random operation; equal randomness gives an equal operation."""
    draw = randomness.random
    method = _METHODS[int(draw() * 5)]
    header = _HEADERS[int(draw() * 5)]
    if header is None and method == "POST":
        header = "location"  # without a header there is no polling URL (rule 6)
    via = _VIAS[int(draw() * 7)]
    word, ending = WORDS[int(draw() * len(WORDS))]
    if header is None and method == "DELETE":  # the caller asks to poll the resource until it is gone (rule 6)
        via, word, ending = FinalStateVia.ORIGINAL_URI, "Succeeded", "succeeded"
    scale_s = draw()
    flags = int(draw() * 1000)
    return Truth(
        number=number,
        method=method,
        header=header,
        word=word,
        ending=ending,
        ends_at_s=draw() * (10.0 if scale_s < 0.6 else 60.0 if scale_s < 0.97 else 900.0),
        via=via,
        wants="status" if flags % 10 == 0 else "final",
        has_location=flags % 3 == 0,
        names_result=flags % 7 == 0,
        retry=max(0, flags % 18 - 8),
        initial=flags,
        deadline_s=_DEADLINES[int(draw() * len(_DEADLINES))],
    )
