"""The append-only history of one operation: requests, replies and the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from tests.proofs.simulation.service_reply import ServiceReply


class Sent(NamedTuple):
    """A request: `due_s` is the earliest time that the core allowed, `at_s` the time of sending."""

    due_s: float
    at_s: float
    url: str


class Received(NamedTuple):
    """The reply to a request."""

    at_s: float
    reply: ServiceReply


class Killed(NamedTuple):
    """The process was killed, and another one resumed the operation from its token."""

    at_s: float


class Ended(NamedTuple):
    """The end of the operation; no request follows.

    Attributes:
        state: the class of the terminal state; "none" if the simulation reached its limit of requests.
        reason: the name of the `UnknownReason` of an unknown state.
        resumed: the state after an unknown one was resumed under an honest service. "refused" if its token names a URL
            that is not trusted; "" if there was nothing to resume.
        result: the status code and body of a success.
    """

    at_s: float
    state: str
    reason: str = ""
    resumed: str = ""
    result: tuple[int, bytes] = (0, b"")


Entry: TypeAlias = Sent | Received | Killed | Ended
History: TypeAlias = list[Entry]


def text_of(number: int, history: History) -> str:
    """Return a history as text for the digest; equal histories give equal texts."""
    return f"{number} {history!r}\n"
