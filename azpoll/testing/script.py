"""`Script`: the course of one fake operation, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from azpoll.testing.arguments import check_seconds, check_types
from azpoll.testing.retry_after import RetryAfter
from azpoll.testing.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

Pattern = Literal["azure-async-operation", "operation-location", "location", "body"]

_SUCCESS = frozenset({"succeeded", "completed"})
_TERMINAL = _SUCCESS | {"failed", "canceled", "cancelled"}
_MONITORS = ("azure-async-operation", "operation-location")
_SUCCESSES, _ERRORS = range(200, 300), range(400, 600)


def is_success(word: str) -> bool:
    """Whether a terminal status word means success."""
    return word.lower() in _SUCCESS


class ScriptFields(TypedDict, total=False):
    """The fields of `Script` as keyword arguments; `Script` documents them."""

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
    signed: bool
    cancel_takes_s: float
    initial: Step | None
    polls: Sequence[Step] | None
    finals: Sequence[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The course of one operation.

    The operation runs for `duration_s` after its initial request, on the fake's clock, and then has its outcome.
    `initial`, `polls` and `finals` replace the ordinary answers by explicit steps. An `Ordinary()` among the steps
    gives the ordinary answer for the current time.

    Attributes:
        pattern: the place of the status. "azure-async-operation" and "operation-location" name a status monitor in
            the header of that name, "location" names a result URL. With "body" the status is the resource's own
            `properties.provisioningState`.
        duration_s: seconds, 0 or more.
        retry_after: delay stated in the initial answer and while the operation runs: seconds, a `RetryAfter` for
            another form, None for no header.
        outcome: the terminal status word; Succeeded and Completed are success.
        running: the status word before the end.
        result: the final body as JSON; None for a resource made from the request's body. With "location", a DELETE that
            succeeds ends in 204.
        error: the ARM error of a failure, `{"code": ..., "message": ...}`; None for one made from the outcome.
        error_status: HTTP status with which a "location" operation reports its failure.
        percent_complete: whether a status monitor holds `percentComplete`, 0..100 in proportion to time.
        initial_status: HTTP status of the initial answer. None for ARM's own: PUT 201, PATCH of pattern "body" 200,
            else 202.
        location: whether the initial answer names a `Location` beside the status monitor; a POST always does.
        resource_location: whether a succeeded status monitor names the result in `resourceLocation`.
        signed: whether the URLs of the status and of the result carry a signature, so that each has 3.2 kB, as ARM's
            have today.
        cancel_takes_s: seconds from a cancel request to the end.
        initial: answers the initial request in place of the ordinary answer.
        polls: one step per poll of the status, the last one repeated; None for ordinary answers.
        finals: one step per final GET, then ordinary answers.
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
    signed: bool = False
    cancel_takes_s: float = 0.0
    initial: Step | None = None
    polls: Sequence[Step] | None = None
    finals: Sequence[Step] = field(default_factory=tuple["Step", ...])

    def __post_init__(self) -> None:
        """Raise ValueError or TypeError for a script that no server could play, rather than at a later poll."""
        if self.pattern not in get_args(Pattern):
            raise ValueError(f"pattern must be one of {_listed(get_args(Pattern))}, not {self.pattern!r}")
        self._check_types()
        check_seconds("duration_s", self.duration_s)
        check_seconds("cancel_takes_s", self.cancel_takes_s)
        if self.retry_after is not None and not isinstance(self.retry_after, RetryAfter):
            RetryAfter(self.retry_after)  # checks the number
        self._check_outcome()
        self._check_initial()
        if self.polls is not None and not self.polls:
            raise ValueError("polls needs at least one step; None means ordinary answers")
        _check_steps("initial", () if self.initial is None else (self.initial,))
        _check_steps("polls", self.polls or ())
        _check_steps("finals", self.finals)

    def _check_types(self) -> None:
        check_types({"outcome": self.outcome, "running": self.running}, str, "text")
        names = ("percent_complete", "location", "resource_location", "signed")
        check_types({name: getattr(self, name) for name in names}, bool, "True or False")
        check_types({"error_status": self.error_status}, int, "an HTTP status code")
        check_types({"initial_status": self.initial_status}, (int, NoneType), "an HTTP status code or None")
        check_types({"error": self.error}, (Mapping, NoneType), "a mapping or None")
        check_types({"polls": self.polls}, (Sequence, NoneType), "a sequence of steps or None")
        check_types({"finals": self.finals}, Sequence, "a sequence of steps")

    def _check_outcome(self) -> None:
        if not (self.outcome.strip() and self.running.strip()):
            raise ValueError("outcome and running are status words, and must not be blank")
        if self.running.lower() in _TERMINAL or self.running.lower() == self.outcome.lower():
            raise ValueError(f"running must be a word that ends no operation, not {self.running!r}")
        if self.error_status not in _ERRORS:
            raise ValueError(f"error_status must be 400 to 599, not {self.error_status}")

    def _check_initial(self) -> None:
        if self.initial_status is not None and self.initial_status not in _SUCCESSES:
            raise ValueError(f"initial_status must be 200 to 299, not {self.initial_status}; initial= takes any Reply")
        if self.resource_location and self.pattern not in _MONITORS:
            raise ValueError(f"resource_location is in a status monitor; pattern must be one of {_listed(_MONITORS)}")
        if self.location and self.pattern == "body":
            raise ValueError("location=True names a polling URL; pattern 'body' has none, so use another pattern")


def _check_steps(name: str, steps: Sequence[object]) -> None:
    for step in steps:
        if not isinstance(step, Step):
            kinds = _listed(kind.__name__ for kind in get_args(Step))
            raise TypeError(f"{name} takes steps alone, such as {kinds}, not {type(step).__name__}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
