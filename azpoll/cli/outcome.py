"""`Outcome`: what became of one target, and how that is said as JSON and to people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpoll.cli.duration import spoken
from azpoll.cli.exit_codes import ExitCode, code_of
from azpoll.errors import OperationTimeout
from azpoll.protocol.redaction import escape_for_display
from azpoll.snapshot import OperationState

if TYPE_CHECKING:
    from azpoll.cli.targets import Target
    from azpoll.errors import AzpollError
    from azpoll.protocol.arm_error import ARMError
    from azpoll.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Outcome:
    """A target when the command has done with it.

    Attributes:
        target: what was given.
        state: where the operation is.
        error: why it did not succeed; None when it did, or has not ended.
        snapshot: what was last read; None when nothing was sent.
        elapsed_s: how long it was waited for.
        resume_token: takes up what did not end in time; None for what ended.
    """

    target: Target
    state: OperationState
    error: AzpollError | None = None
    snapshot: Snapshot | None = None
    elapsed_s: float = 0.0
    resume_token: str | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to learn of it here."""
        return self.error is not None or self.state is OperationState.SUCCEEDED

    @property
    def code(self) -> ExitCode:
        """The exit code of this target alone."""
        return code_of(self.error)

    def document(self) -> dict[str, object]:
        """Return what is known as JSON: no query value, header or body of an answer."""
        known = self.snapshot
        document: dict[str, object] = {
            "target": self.target.url,
            "state": self.state.value,
            "status": known.status if known else None,
            "percent": known.percent if known else None,
            "polls": known.polls if known else 0,
            "elapsed_s": round(self.elapsed_s, 3),
            "start_time": known.start_time if known else None,
            "end_time": known.end_time if known else None,
            "request_id": known.request_id if known else None,
            "correlation_id": known.correlation_id if known else None,
            "error": None if self.error is None else _error(self.error),
        }
        return document if self.resume_token is None else {**document, "resume_token": self.resume_token}

    def sentence(self) -> str:
        """Return one line for people."""
        known, error = self.snapshot, self.error
        word = self.state.value.capitalize()
        if isinstance(error, OperationTimeout):
            word = "Timed out"
        elif self.state is OperationState.UNKNOWN:
            word = "Unknown"
        parts = [f"{word:<9}  {self.target.name}"]
        if known is not None and known.polls:
            parts.append(f"  ({self._reading(known, word)})")
        if error is not None:
            parts.append(f"\n           {reason(error)}")
        return "".join(parts)

    def _reading(self, known: Snapshot, word: str) -> str:
        said: list[str] = []
        if known.status and known.status.lower() != word.lower():
            said.append(f"status {escape_for_display(known.status, 40)}")
        if known.percent is not None and not self.ended:
            said.append(f"{known.percent:g} %")
        reads = "1 read" if known.polls == 1 else f"{known.polls} reads"
        return ", ".join([*said, f"{reads} in {spoken(self.elapsed_s)}"])


def reason(error: AzpollError) -> str:
    """Return why, without the operation's random id and without advice meant for programs."""
    if isinstance(error, OperationTimeout):
        return "it had not ended in time; it may still run"
    text = str(error).removesuffix(". Resume with the resume_token of this error")
    text = text.replace(", then resume with the resume_token of this error", "")
    text = text.replace("list it in allowed_origins", "name it with --allow-host")
    name = error.operation
    return escape_for_display(text.replace(f"{name} ", "the operation ", 1) if name else text, 1000)


def _error(error: AzpollError) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "reason": reason(error),
        "http_status": error.status_code,
        "code": error.code,
        "message": error.message,
        "target": error.target,
        "details": [_detail(detail) for detail in error.details],
    }


def _detail(error: ARMError) -> dict[str, object]:
    return {
        "code": error.code,
        "message": error.message,
        "target": error.target,
        "details": [_detail(detail) for detail in error.details],
    }
