"""`Script`: how one fake operation goes, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azpoll.testing.retry_after import RetryAfter
    from azpoll.testing.steps import Step

Pattern = Literal["azure-async-operation", "operation-location", "location", "body"]

_SUCCESS = frozenset({"succeeded", "completed"})


def is_success(word: str) -> bool:
    """Whether a terminal status word means success."""
    return word.lower() in _SUCCESS


class ScriptFields(TypedDict, total=False):
    """The fields of `Script` as keywords; see there."""

    pattern: Pattern
    duration_s: float
    retry_after: float | RetryAfter | None
    outcome: str
    running: str
    result: object
    error: Mapping[str, object] | None
    error_status: int
    percent_complete: bool
    initial_status: int | None
    location: bool
    resource_location: bool
    cancel_takes_s: float
    initial: Step | None
    polls: Sequence[Step] | None
    finals: Sequence[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How one operation goes.

    It runs until `duration_s` after its initial request, on the arm's clock, and then has its outcome. `initial`,
    `polls` and `finals` answer with explicit steps instead; an `Ordinary()` among them still answers by time.

    Attributes:
        pattern: where the status is found: "azure-async-operation" and "operation-location" have a status monitor
            behind that header, "location" a result URL, "body" the resource's own `properties.provisioningState`.
        duration_s: seconds, 0 or more.
        retry_after: told in the initial answer and while running: seconds, a `RetryAfter` for another form, None for
            none.
        outcome: the terminal status word; Succeeded and Completed are success.
        running: the status word before the end.
        result: the final body as JSON; None for a resource made of the request's body. With "location", a DELETE that
            succeeds ends in 204.
        error: the ARM error of a failure, `{"code": ..., "message": ...}`; None for one made of the outcome.
        error_status: the HTTP status by which a "location" operation tells its failure.
        percent_complete: whether a status monitor tells `percentComplete`, 0..100 by time.
        initial_status: of the initial answer; None for what ARM does: PUT 201, PATCH of pattern "body" 200, else 202.
        location: whether a status monitor comes with a `Location` too; POST has one in any case.
        resource_location: whether a succeeded status monitor names the result in `resourceLocation`.
        cancel_takes_s: seconds from a cancel request to the end.
        initial: answers the initial request in place of the ordinary answer.
        polls: one step per poll of the status, the last repeated; None for by time.
        finals: one step per final GET, then by time.
    """

    pattern: Pattern = "azure-async-operation"
    duration_s: float = 30.0
    retry_after: float | RetryAfter | None = None
    outcome: str = "Succeeded"
    running: str = "InProgress"
    result: object = None
    error: Mapping[str, object] | None = None
    error_status: int = 409
    percent_complete: bool = False
    initial_status: int | None = None
    location: bool = False
    resource_location: bool = False
    cancel_takes_s: float = 0.0
    initial: Step | None = None
    polls: Sequence[Step] | None = None
    finals: Sequence[Step] = field(default_factory=tuple["Step", ...])

    def __post_init__(self) -> None:
        """Refuse values that would only fail at some later poll."""
        if self.polls is not None and not self.polls:
            raise ValueError("polls needs at least one step; None means by time")
        if not self.duration_s >= 0:
            raise ValueError(f"duration_s must be 0 or more, not {self.duration_s}")
