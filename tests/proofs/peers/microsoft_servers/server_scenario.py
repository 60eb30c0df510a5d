"""One row of the tables: the initial request, and the expected outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import azpoll
    from azpoll.options import Method

FinalStateVia: TypeAlias = Literal["azure-async-operation", "operation-location", "location", "original-uri"]


@dataclass(frozen=True, slots=True)
class Anything:
    """Any body."""


ANYTHING: Final = Anything()
Body: TypeAlias = "Mapping[str, object] | Sequence[object] | Anything | None"


@dataclass(frozen=True, slots=True)
class Succeeds:
    """The operation succeeded.

    Attributes:
        body: the JSON of the final response, for an object at least these members; None for an empty body.
    """

    body: Body = None


@dataclass(frozen=True, slots=True)
class Fails:
    """The service said that the operation failed.

    Attributes:
        code: the code of the ARM error; None if the server gives none.
        message: the message of the ARM error; None if the server gives none.
    """

    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Cancels:
    """The service said that the operation was canceled."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The initial request was answered with an error (rule 7)."""

    status_code: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The status is unreadable: an error with the last answer attached (rule 25).

    Attributes:
        error: the class of the error.
        says: a part of the error's text.
    """

    error: type[azpoll.PollingError]
    says: str = ""


Outcome: TypeAlias = Succeeds | Fails | Cancels | Refused | Unreadable


@dataclass(frozen=True, slots=True)
class Scenario:
    """One operation and its outcome.

    Attributes:
        names: the names under which the server counts the scenario.
        method: the method of the initial request.
        path: the path of the initial request, with its query.
        outcome: the expected outcome.
        answers: the status codes of all answers in order, the initial one first.
        json: the body of the initial request.
        headers: the headers of the initial request, and of each poll (rule 45).
        final_state_via: the value in Microsoft's specification of the operation.
        patience: the bounds of rules 25 to 27; with the default ones azpoll would poll for 10 min.
        repeat_initial: whether the server answers the first initial request with 500 and the caller repeats it.
        waits: whether the scenario takes 1 s or more, because of a Retry-After or failed polls.
        follow: a member of the final body with a URL that the caller reads as part of the scenario.
        note: the reason for the outcome, if it is not obvious.
    """

    names: tuple[str, ...]
    method: Method
    path: str
    outcome: Outcome
    answers: tuple[int, ...]
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    final_state_via: FinalStateVia | None = None
    patience: azpoll.Patience | None = None
    repeat_initial: bool = False
    waits: bool = False
    follow: str | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """The first name of the scenario, as test id."""
        return self.names[0] if self.patience is None else f"{self.names[0]}-given-up"
