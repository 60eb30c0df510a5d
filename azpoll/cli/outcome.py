"""`Outcome`: the result for one target, as JSON and as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpoll import OperationState, OperationTimeout
from azpoll.cli.exit_codes import ExitCode, exit_code_of
from azpoll.cli.layout import columns, width_of, without_start, wrapped
from azpoll.cli.origins import in_options
from azpoll.cli.progress import failing_polls
from azpoll.cli.terminal import encodable
from azpoll.duration_text import duration_text
from azpoll.protocol.redaction import escape_for_display
from azpoll.tracking import row_text

if TYPE_CHECKING:
    from typing import TextIO

    from azpoll import ARMError, AzpollError, Snapshot
    from azpoll.cli.targets import Target

_LONGEST_STATUS, _LONGEST_REASON = 40, 1000
_INDENT = " " * 11
_LEAST_NAME = 40
"""Columns that a name keeps beside the number of reads; a GUID has 36."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A target at the end of the command.

    Attributes:
        target: the operation.
        state: the state that azpoll knows.
        error: the reason why it did not succeed; None if it succeeded or has not ended.
        snapshot: the last answer; None if nothing was sent.
        elapsed_s: how long the command waited for it.
        resume_token: resumes an operation that did not end in time; None if it ended.
    """

    target: Target
    state: OperationState
    error: AzpollError | None = None
    snapshot: Snapshot | None = None
    elapsed_s: float = 0.0
    resume_token: str | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether the command has finished with this target."""
        return self.error is not None or self.state is OperationState.SUCCEEDED

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this target alone."""
        return exit_code_of(self.error)

    def as_json(self) -> dict[str, object]:
        """Return the outcome as a JSON object. It contains no query value, header or body of an answer."""
        known = self.snapshot
        document: dict[str, object] = {
            **self.target.identity(),
            "state": self.state.value,
            "status": known.status if known else None,
            "percent": known.percent if known else None,
            "polls": known.polls if known else 0,
            "failed_polls": known.failures if known else 0,
            "last_error": known.last_error if known else None,
            "elapsed_s": round(self.elapsed_s, 3),
            "start_time": known.start_time if known else None,
            "end_time": known.end_time if known else None,
            "request_id": known.request_id if known else None,
            "correlation_id": known.correlation_id if known else None,
            "initial_correlation_id": known.initial_correlation_id if known else None,
            "error": None if self.error is None else error_as_json(self.error),
        }
        return document if self.resume_token is None else {**document, "resume_token": self.resume_token}

    def as_text(self, stream: TextIO) -> str:
        """Return the outcome as one line, followed by the reason if there is one; each line fits the stream."""
        known, error = self.snapshot, self.error
        word = self.state.value.capitalize()
        if isinstance(error, OperationTimeout):
            word = "Timed out"
        elif self.state is OperationState.UNKNOWN:
            word = "Unknown"
        width = columns(stream)
        name, room = encodable(self.target.name, stream), width - len(_INDENT)
        end, later = "", [] if error is None else [encodable(reason(error), stream)]
        if known is not None and known.polls:
            end = encodable(f"  ({self._polls_as_text(known, word)})", stream)
            if width_of(end) <= room - min(width_of(name), _LEAST_NAME):
                room -= width_of(end)
            else:
                later, end = [end.strip(), *later], ""
        first = f"{word:<9}  {without_start(name, room)}{end}"
        return "\n".join([first, *(wrapped(_INDENT + text, width, _INDENT) for text in later)])

    def _polls_as_text(self, known: Snapshot, word: str) -> str:
        parts: list[str] = []
        if known.status and known.status.lower() != word.lower():
            parts.append(f"status {escape_for_display(known.status, _LONGEST_STATUS)}")
        if known.percent is not None and not self.ended:
            parts.append(f"{known.percent:g} %")
        may_run = not self.ended or isinstance(self.error, OperationTimeout)
        if may_run and (failing := failing_polls(known)) is not None:
            parts.append(failing)
        reads = "1 read" if known.polls == 1 else f"{known.polls} reads"
        return ", ".join([*parts, f"{reads} in {duration_text(self.elapsed_s)}"])


def reason(error: AzpollError) -> str:
    """Return the text of an error, without the operation's random id, and with options in place of Python names."""
    if isinstance(error, OperationTimeout):
        return "the operation did not end before the timeout; it may still run"
    text = without_advice(str(error))
    name = error.operation
    if name:
        text = text.removeprefix(f"{name}: ").replace(name, "the operation", 1)
    return escape_for_display(text, _LONGEST_REASON)


def without_advice(text: str) -> str:
    """Return the text of an error without its advice to resume, and with options in place of Python names."""
    return in_options(row_text.without_advice(text))


def error_as_json(error: AzpollError) -> dict[str, object]:
    """Return an error as a JSON object; it contains no query value."""
    return {
        "type": type(error).__name__,
        "reason": reason(error),
        "http_status": error.status_code,
        "code": error.code,
        "message": error.message,
        "target": error.target,
        "details": [_detail_as_json(detail) for detail in error.details],
    }


def _detail_as_json(error: ARMError) -> dict[str, object]:
    return {
        "code": error.code,
        "message": error.message,
        "target": error.target,
        "details": [_detail_as_json(detail) for detail in error.details],
    }
