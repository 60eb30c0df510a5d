"""`StoredOperation`: an operation of a journal, as JSON and as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpoll import JournalResult, JournalRow, OperationState
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.layout import columns, width_of, without_start, wrapped
from azpoll.cli.outcome import without_advice
from azpoll.cli.targets import name_of
from azpoll.cli.terminal import encodable
from azpoll.protocol.answer import Answer
from azpoll.protocol.arm_error import read_error
from azpoll.protocol.redaction import escape_for_display, masked_label
from azpoll.tracking.row_text import state_of, without_name

if TYPE_CHECKING:
    from typing import TextIO

    from azpoll.journal import JournalEntry

_LONGEST_NAME, _LONGEST_STATUS, _LONGEST_REASON = 100, 40, 1000
_INDENT = " " * 13
_LEAST_NAME = 24
"""Columns that a name keeps beside the status."""

_EXIT_CODES = {
    OperationState.SUCCEEDED: ExitCode.SUCCEEDED,
    OperationState.FAILED: ExitCode.FAILED,
    OperationState.CANCELED: ExitCode.CANCELED,
    OperationState.UNKNOWN: ExitCode.UNREADABLE,
}
_UNAUTHORIZED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class StoredOperation:
    """One operation of a journal.

    Attributes:
        number: unique in the command.
        row: as stored.
        created_at: Unix time in seconds of the first row; None if it was not read.
        updated_at: Unix time in seconds of this row; None if it was not read.
        problem: why it cannot be tracked; None if it can.
        timed_out: whether the command stopped waiting for it.
    """

    number: int
    row: JournalRow | JournalResult
    created_at: float | None = None
    updated_at: float | None = None
    problem: str | None = None
    timed_out: bool = False

    @classmethod
    def of(cls, entry: JournalEntry) -> StoredOperation:
        """Return the operation of an entry."""
        return cls(entry.number, entry.row, entry.created_at, entry.updated_at)

    @property
    def id(self) -> str:
        """The id of the operation."""
        return self.row.operation_id

    @property
    def name(self) -> str:
        """The label, or the last two segments of the path; safe to print."""
        label = self.row.label
        return name_of(self.row.url) if not label else escape_for_display(masked_label(label), _LONGEST_NAME)

    @property
    def state(self) -> str:
        """The state: `intent`, `running`, a terminal state, or `not_started`; `unknown` if it cannot be tracked."""
        return OperationState.UNKNOWN.value if self.problem is not None else state_of(self.row)

    @property
    def ended(self) -> bool:
        """Whether the command has finished with this operation."""
        return isinstance(self.row, JournalResult) or self.problem is not None or self.timed_out

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this operation alone; that of an open one is 0."""
        row = self.row
        if self.timed_out:
            return ExitCode.TIMEOUT
        if isinstance(row, JournalRow):
            return ExitCode.SUCCEEDED if self.problem is None else ExitCode.UNREADABLE
        return exit_code_of_end(row.state, row.status_code)

    def identity(self) -> dict[str, object]:
        """Return the members that name the operation; they contain no query value."""
        row = self.row
        group = None if row.group is None else masked_label(row.group)
        names: dict[str, object] = {"id": row.operation_id, "name": self.name, "group": group}
        return {**names, "method": row.method, "target": row.url}

    def as_json(self) -> dict[str, object]:
        """Return the operation as a JSON object. It contains no token, query value, header or body."""
        row = self.row
        return {
            **self.identity(),
            "state": self.state,
            "status": row.status if isinstance(row, JournalRow) else None,
            "percent": row.percent if isinstance(row, JournalRow) else None,
            "last_error": self.last_error,
            "http_status": row.status_code if isinstance(row, JournalResult) else None,
            "request_id": row.client_request_id,
            "created_at": _as_text(self.created_at),
            "updated_at": _as_text(self.updated_at),
            "error": self._error_as_json(),
        }

    def as_text(self, stream: TextIO) -> str:
        """Return the operation as one line, followed by the reason if there is one; each line fits the stream."""
        word = "Timed out" if self.timed_out else self.state.replace("_", " ").capitalize()
        row, width = self.row, columns(stream)
        start = f"{word:<11}  {self.id}  "
        end = ""
        if isinstance(row, JournalRow) and row.status and not self.timed_out:
            percent = "" if row.percent is None else f", {row.percent:.0f} %"
            end = encodable(f"  (status {escape_for_display(row.status, _LONGEST_STATUS)}{percent})", stream)
        name = encodable(self.name, stream)
        room = max(width - len(start) - width_of(end), 0)
        if room < min(width_of(name), _LEAST_NAME):
            end, room = "", max(width - len(start), 0)
        reason = self.reason or (self.last_error and f"last poll: {self.last_error}")
        later = [] if reason is None else [encodable(reason, stream)]
        lines = [f"{start}{without_start(name, room)}{end}".rstrip()]
        return "\n".join([*lines, *(wrapped(_INDENT + text, width, _INDENT) for text in later)])

    @property
    def reason(self) -> str | None:
        """Why the operation did not succeed, or cannot be tracked; safe to print."""
        text = self.problem or (self.row.error if isinstance(self.row, JournalResult) else None)
        if text is None:
            return None
        return escape_for_display(without_advice(without_name(text, self.id)), _LONGEST_REASON)

    @property
    def last_error(self) -> str | None:
        """Why its last poll failed, while it runs; safe to print."""
        text = self.row.last_error if isinstance(self.row, JournalRow) else None
        return None if text is None else escape_for_display(text, _LONGEST_REASON)

    def _error_as_json(self) -> dict[str, object] | None:
        if self.reason is None:
            return None
        row = self.row
        error: dict[str, object] = {"reason": self.reason, "code": None, "message": None}
        if isinstance(row, JournalResult) and row.status_code is not None:
            answer = Answer(row.status_code, {}, row.body, "", datetime.now(UTC), 0.0)
            sent = read_error(answer).error
            error |= {"code": sent.code, "message": sent.message}
        return error


@dataclass(frozen=True, slots=True)
class MissingOperation:
    """An id that the journal does not have, or has no longer."""

    id: str
    ended: bool = True
    exit_code: ExitCode = ExitCode.UNREADABLE

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {"id": self.id, "state": None, "error": {"reason": "the journal has no such operation"}}

    def as_text(self, stream: TextIO) -> str:
        """Return it as one line."""
        del stream
        return f"{'Not found':<11}  {self.id}"


def exit_code_of_end(state: OperationState | None, status_code: int | None) -> ExitCode:
    """Return the exit code of an operation that ended, or of a refused initial request (None)."""
    code = ExitCode.REFUSED if state is None else _EXIT_CODES[state]
    may_be_unauthorized = code in {ExitCode.REFUSED, ExitCode.UNREADABLE}
    return ExitCode.UNAUTHORIZED if may_be_unauthorized and status_code in _UNAUTHORIZED else code


def _as_text(unix_s: float | None) -> str | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")
