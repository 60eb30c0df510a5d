"""`FleetOutcome`: the result of an operation of a fleet, as JSON and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpoll.cli.layout import columns, without_start, wrapped
from azpoll.cli.outcome import without_advice
from azpoll.cli.stored import exit_code_of_end
from azpoll.cli.terminal import encodable
from azpoll.protocol.redaction import escape_for_display, masked_label

if TYPE_CHECKING:
    from typing import TextIO

    from azpoll.cli.exit_codes import ExitCode
    from azpoll.fleet import FleetResult

_LONGEST_NAME, _LONGEST_REASON = 100, 1000
_INDENT = " " * 13


@dataclass(frozen=True, slots=True)
class FleetOutcome:
    """One operation that has ended, or an initial request that started none.

    Attributes:
        result: as stored.
        ended: whether the command has finished with it.
    """

    result: FleetResult
    ended: bool = True

    @property
    def state(self) -> str:
        """The state: terminal, or `not_started`."""
        state = self.result.state
        return "not_started" if state is None else state.value

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this operation alone."""
        return exit_code_of_end(self.result.state, self.result.status_code)

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object. It contains no token and no body."""
        result = self.result
        return {
            "id": result.operation_id,
            "name": self._name,
            "group": None if result.group is None else masked_label(result.group),
            "state": self.state,
            "http_status": result.status_code,
            "ended_at": result.ended_at.isoformat(timespec="milliseconds"),
            "error": None if self._reason is None else {"reason": self._reason},
        }

    def as_text(self, stream: TextIO) -> str:
        """Return it as one line, followed by the reason if there is one; each line fits the stream."""
        width = columns(stream)
        start = f"{self.state.replace('_', ' ').capitalize():<11}  {self.result.operation_id}  "
        name = without_start(encodable(self._name or "", stream), max(width - len(start), 0))
        later = [] if self._reason is None else [encodable(self._reason, stream)]
        return "\n".join([f"{start}{name}".rstrip(), *(wrapped(_INDENT + text, width, _INDENT) for text in later)])

    @property
    def _name(self) -> str | None:
        """The label, safe to print."""
        label = self.result.label
        return None if label is None else escape_for_display(masked_label(label), _LONGEST_NAME)

    @property
    def _reason(self) -> str | None:
        """Why it did not succeed, safe to print."""
        text = self.result.error
        return None if text is None else escape_for_display(without_advice(text), _LONGEST_REASON)
