"""One answer of a hostile server: its draft, and the bytes that are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

End: TypeAlias = Literal["keep", "close", "reset", "hang"]
Step: TypeAlias = bytes | float | End | Literal["if idle"]
"""Bytes to send, seconds to pause, or what then happens to the connection.

"if idle" omits the remaining steps if the next request has arrived: they would be the answer to it.
"""

Pattern: TypeAlias = Literal["monitor", "location", "initial"]

NOTHING = frozenset[str]()
ANY_END = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True)
class Place:
    """The place of an answer.

    Attributes:
        here: the origin of the hostile server.
        foreign: an origin that must not be requested.
        path: the path that was requested.
        pattern: how the client reads the answer.
    """

    here: str
    foreign: str
    path: str
    pattern: Pattern = "monitor"


@dataclass
class Draft:
    """An answer that the kinds of attacks change, one after the other.

    Attributes:
        stream: of HTTP/2; 0 in HTTP/1.
        body: without content coding.
        coded: with content coding; None if it is the body.
        verdicts: those that the body reports.
        is_whole: whether the whole answer is sent.
        steps: what is sent; None until the framing is chosen.
        before: what is sent before the status line.
        after: what is sent after the body.
        end: what then happens to the connection.
        decoded_size: the size of the body once decoded, in bytes.
    """

    rng: Random
    place: Place
    stream: int = 0
    status: int = 200
    reason: bytes = b"OK"
    version: bytes = b"HTTP/1.1"
    headers: list[tuple[bytes, bytes]] = field(
        default_factory=lambda: [(b"Content-Type", b"application/json"), (b"Retry-After", b"1")]
    )
    body: bytes = b'{"status":"Running"}'
    coded: bytes | None = None
    verdicts: frozenset[str] = NOTHING
    is_whole: bool = True
    steps: list[Step] | None = None
    before: bytes = b""
    after: list[Step] = field(default_factory=list[Step])
    end: End = "keep"
    decoded_size: int = 0

    def set_header(self, name: bytes, value: bytes) -> None:
        """Replace a header."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        self.headers.append((name, value))

    @property
    def content(self) -> bytes:
        """The body with its content coding."""
        return self.body if self.coded is None else self.coded

    def head(self, *framing: tuple[bytes, bytes]) -> bytes:
        """Return the status line and the headers."""
        lines = [b"%s: %s\r\n" % pair for pair in (*self.headers, *framing)]
        return b"%s %d %s\r\n%s\r\n" % (self.version, self.status, self.reason, b"".join(lines))


def bytes_of(steps: Iterable[Step]) -> bytes:
    """Return all bytes of some steps."""
    return b"".join(step for step in steps if isinstance(step, bytes))


@dataclass(frozen=True)
class WireAnswer:
    """An answer on the wire.

    Attributes:
        kinds: the kinds of attacks that it combines.
        claims: the verdicts that a client may read from it: none if it is cut, or reports none.
        size: the size of its body in bytes, sent or decoded, whichever is greater.
    """

    kinds: tuple[str, ...]
    steps: tuple[Step, ...]
    claims: frozenset[str]
    size: int


def _is_whole_without_body(draft: Draft) -> bool:
    """Whether an answer of HTTP/1 without a body was sent up to the end of its head, where it ends."""
    head = draft.head() if draft.steps is None else bytes_of(draft.steps)
    has_none = draft.status == 204 or b"\r\nContent-Length: 0\r\n" in head
    return has_none and not draft.stream and b"\r\n\r\n" in head


def claims_of(draft: Draft) -> frozenset[str]:
    """Return the verdicts that a client may read from an answer (rules 3 to 7, 17, 20, 21 and 24)."""
    is_success = 200 <= draft.status < 300
    if draft.place.pattern == "location" and 400 <= draft.status < 500:
        return frozenset({"failed", "canceled"})
    if not is_success or not (draft.is_whole or _is_whole_without_body(draft)):
        return NOTHING
    if draft.place.pattern == "initial":
        return ANY_END
    own = draft.verdicts
    if draft.place.pattern == "location" and draft.status != 202:
        own |= {"succeeded"}
    if not draft.body or draft.status == 204:
        own |= {"succeeded"}
    return own
