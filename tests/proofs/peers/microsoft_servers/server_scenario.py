"""One row of the tables: what is asked of the server, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import azpoll

FinalStateVia: TypeAlias = Literal["azure-async-operation", "operation-location", "location", "original-uri"]


@dataclass(frozen=True, slots=True)
class Anything:
    """Any body at all."""


ANYTHING: Final = Anything()
Body: TypeAlias = "Mapping[str, object] | Sequence[object] | Anything | None"


@dataclass(frozen=True, slots=True)
class Succeeds:
    """The operation succeeded.

    Attributes:
        body: the JSON of the final response (of an object: at least these members); None for no body at all.
    """

    body: Body = None


@dataclass(frozen=True, slots=True)
class Fails:
    """The service said that the operation failed.

    Attributes:
        code: of the ARM error, where the server gives one.
        message: of the ARM error, where the server gives one.
    """

    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Cancels:
    """The service said that the operation was canceled."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The initial request itself was answered with an error (rule 7)."""

    status_code: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The status cannot be read: one of these errors, with the last answer attached (rule 25), and no other.

    Attributes:
        errors: the classes that are right.
        says: what the error's text must contain.
    """

    errors: tuple[type[azpoll.AzpollError], ...]
    says: str = ""


Outcome: TypeAlias = Succeeds | Fails | Cancels | Refused | Unreadable


@dataclass(frozen=True, slots=True)
class Scenario:
    """One operation and its outcome.

    Attributes:
        names: under which the server counts it.
        method: of the initial request.
        path: of the initial request, with its query.
        outcome: what azpoll must say.
        wire: the status codes of all answers in order, initial one first; None where it is the clock that decides.
        json: body of the initial request.
        headers: of the initial request, and (rule 45) of each poll.
        final_state_via: as Microsoft's specification of the operation has it.
        timeout: the operation's deadline in seconds, for those that azpoll would watch for ten minutes.
        repeat_initial: the first initial request is answered 500 by design, and the caller repeats it.
        waits: it is the clock that decides how long it takes, not the wire: a second or more.
        follow: a member of the final body whose URL belongs to the scenario, and is read by the caller.
        note: why the outcome is right, where it is not plain.
    """

    names: tuple[str, ...]
    method: str
    path: str
    outcome: Outcome
    wire: tuple[int, ...] | None
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    final_state_via: FinalStateVia | None = None
    timeout: float | None = None
    repeat_initial: bool = False
    waits: bool = False
    follow: str | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """Name the test after the server's first name for it."""
        return self.names[0]
