"""The values that `azpoll watch` shows at one moment: counts, groups, operations and budgets, all safe to print."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from azpoll.cli.targets import name_of
from azpoll.protocol.redaction import escape_for_display, masked_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LATE_S = 1.0
"""Seconds past its due time after which a poll that was not sent is late."""

_LONGEST_NAME, _LONGEST_STATUS, _LONGEST_REASON = 100, 40, 160

Concern = Literal["failed", "failing", "late", "none"]
"""Why an operation needs attention: it ended without success, its last poll failed, or its next poll is late."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The operations of the groups with one label. A count is None where it is not known.

    Attributes:
        ended: counts by state of those that have ended.
        oldest_s: age of the oldest running operation in seconds; None when none runs.
    """

    group: str | None
    running: int
    failing: int | None
    late: int | None
    ended: Mapping[str, int]
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation.

    Attributes:
        status: the status word while it runs.
        percent: 0..100.
        next_poll_s: seconds until its next poll, negative if it is late; None if none is planned or it is not known.
        elapsed_s: seconds since it began; until its end if it has ended.
        reason: why it failed, or why its last poll did.
    """

    id: str
    name: str
    group: str | None
    state: str
    status: str | None
    percent: float | None
    next_poll_s: float | None
    elapsed_s: float | None
    reason: str | None
    concern: Concern = "none"


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """The read limit of one scope; a field is None where it is not known.

    Attributes:
        rate: requests per second now.
        tokens: requests that are saved up.
        waiting: operations that wait for a read.
        lateness_p50_s: seconds between due time and sending, median; and at the 99th percentile.
        throttled: 429s.
        closed_s: seconds for which a 429 still closes the scope.
    """

    scope: str
    rate: float | None
    tokens: float | None
    waiting: int | None = None
    lateness_p50_s: float | None = None
    lateness_p99_s: float | None = None
    throttled: int | None = None
    closed_s: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Everything that is shown.

    Attributes:
        counts: words and numbers, the first of them the running operations.
        facts: lines beneath the counts.
        operations: those that need attention first.
        others: number of running operations that are not among them.
    """

    counts: Mapping[str, int]
    facts: tuple[str, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    operations: tuple[OperationRow, ...] = ()
    others: int = 0
    budgets: tuple[BudgetRow, ...] = field(default=())

    def as_json(self) -> Iterator[dict[str, object]]:
        """Yield the events of JSON lines: one `counts`, then `group`, `operation` and `budget`; times in seconds."""
        yield {"event": "counts", **self.counts, "not_listed": self.others, "facts": list(self.facts)}
        for group in self.groups:
            members = asdict(group)
            yield {"event": "group", **{name: members[name] for name in members if name != "ended"}, **group.ended}
        for operation in self.operations:
            yield {"event": "operation", **asdict(operation)}
        for budget in self.budgets:
            yield {"event": "budget", **asdict(budget)}


def shown_name(label: str | None, otherwise: str) -> str:
    """Return the name of an operation: its label, without the query values of a URL, or else a URL or an id."""
    if label:
        return escape_for_display(masked_label(label), _LONGEST_NAME)
    return name_of(otherwise) if "://" in otherwise else escape_for_display(otherwise, _LONGEST_NAME)


def shown_group(label: str | None) -> str | None:
    """Return the label of a group; None for none."""
    return None if label is None else shown_name(label, "") if label else ""


def shown_status(status: str | None) -> str | None:
    """Return the status word of a service."""
    return escape_for_display(status, _LONGEST_STATUS) if status else None


def shown_reason(reason: str | None) -> str | None:
    """Return the reason of a failure as one line."""
    return escape_for_display(reason, _LONGEST_REASON) if reason else None


def shown_scope(scope: str) -> str:
    """Return the name of a read limit, without the scheme of its origin."""
    return escape_for_display(scope.replace("https://", "", 1), _LONGEST_REASON)


def first_rows(
    failures: Sequence[OperationRow], running: Sequence[OperationRow], most: int
) -> tuple[OperationRow, ...]:
    """Return at most `most` operations: half of them are failures, and more where fewer operations run."""
    room = max(most // 2, most - len(running))
    shown = (*failures[:room], *running)
    return shown[:most]
