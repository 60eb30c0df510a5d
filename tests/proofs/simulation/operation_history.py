"""The history of one operation, only ever appended to: what was sent, what came, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from tests.proofs.simulation.service_reply import Said


class Sent(NamedTuple):
    """A request; `due_s` is when the core allowed it, `at_s` when it was sent."""

    due_s: float
    at_s: float
    url: str


class Came(NamedTuple):
    """What came of it."""

    at_s: float
    said: Said


class Killed(NamedTuple):
    """The process ended, and another took the operation up from its resume token."""

    at_s: float


class Ended(NamedTuple):
    """Nothing more is asked.

    Attributes:
        state: class of the terminal state; "none" where it was still asking when the simulation lost patience.
        reason: name of the `Reason`, of a lost one.
        resumed: what became of it when it was resumed under an honest service: a state as above, "refused" where its
            token names a URL that is not trusted, or "" where there was nothing to resume.
        result: status code and body of a succeeded one.
    """

    at_s: float
    state: str
    reason: str = ""
    resumed: str = ""
    result: tuple[int, bytes] = (0, b"")


Entry: TypeAlias = Sent | Came | Killed | Ended
History: TypeAlias = list[Entry]


def written(number: int, history: History) -> str:
    """Return a history as text, the same for the same history: what digests are made of."""
    return f"{number} {history!r}\n"
