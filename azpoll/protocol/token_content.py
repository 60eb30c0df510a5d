"""The content of a resume token, whatever its version (rule 42)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeGuard

from azpoll.protocol.plan import CancelMethod, FinalStateVia, PatternName
from azpoll.protocol.request_headers import HeaderPairs
from azpoll.protocol.status_document import NO_WORDS, Verdict

FETCHING = "fetching"
"""The pattern of an operation of which only the result is missing."""

MAX_LABEL = 1024
"""The greatest length of a label in characters; a longer one is cut."""

END_OF_TIME = 1e11
"""Unix time in seconds, far beyond any date: no time in a token is as late."""


class InvalidToken(ValueError):
    """The text is not a token, or was changed; the message says which."""


class Token(NamedTuple):
    """The content of a token; other fields are as in `Plan`, `RequestOptions` and `Polling`.

    Attributes:
        pattern: a name in `patterns.BY_NAME`, or `FETCHING`.
        url: the current polling URL, or that of the final GET.
        not_before: Unix time in seconds before which the service asked not to be polled.
        rejected_location: a `Polling.location` that was rejected. It matters only if it is used, and its origin may be
            trusted by then.
        operation_id: of the `AsyncOperation`; None in a token of version 1, like all that follow.
        begun: Unix time in seconds of the initial answer; None if it is not known.
        deadline: Unix time in seconds of the overall deadline; None for none.
        sent: Unix time in seconds of the sending of an initial request without an answer (rule 53); None for others.
        choice: the caller's `pattern`, if one was given.
        poll_headers: those that the caller wants in tokens.
    """

    method: str
    resource_url: str
    pattern: str
    url: str
    fallback: str | None = None
    location: str | None = None
    final_state_via: FinalStateVia | None = None
    client_request_id: str | None = None
    not_before: float = 0.0
    rejected_location: str | None = None
    operation_id: str | None = None
    label: str | None = None
    begun: float | None = None
    deadline: float | None = None
    sent: float | None = None
    choice: PatternName | None = None
    status_member: str | None = None
    terminal_words: Mapping[str, Verdict] = NO_WORDS
    result: Literal["final", "status"] = "final"
    cancel_url: str | None = None
    cancel_method: CancelMethod = "POST"
    poll_headers: HeaderPairs = ()

    @property
    def options(self) -> tuple[object, ...]:
        """Its members that are options of a call, but for the label."""
        return (
            *(self.final_state_via, self.choice, self.status_member, self.terminal_words, self.result),
            *(self.cancel_url, self.cancel_method, self.poll_headers),
        )

    def __repr__(self) -> str:  # without URLs, whose queries may be secret (rule 45)
        return f"<Token of a {self.method}, {self.pattern}>"


def is_plain(value: object) -> TypeGuard[str]:
    """Whether a value is printable ASCII text, as in a URL or a header."""
    return isinstance(value, str) and value.isascii() and value.isprintable()


def is_unix_time(value: object) -> TypeGuard[int | float]:
    """Whether a value is a Unix time in seconds that can be a date."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < END_OF_TIME
