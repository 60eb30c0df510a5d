"""Standard output: text, one JSON document, one JSON object per event, or nothing."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

from azpoll.cli.terminal import write_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from azpoll import PollAnswered
    from azpoll.cli.exit_codes import ExitCode

OutputFormat: TypeAlias = Literal["text", "json", "jsonl", "none"]
OUTPUT_FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)


class Identified(Protocol):
    """An operation that the output names."""

    def identity(self) -> dict[str, object]:
        """Return the members that name it."""
        ...


class Shown(Protocol):
    """The state of an operation as the output shows it."""

    @property
    def ended(self) -> bool:
        """Whether the command has finished with this operation."""
        ...

    def as_json(self) -> dict[str, object]:
        """Return the state as a JSON object without secrets."""
        ...

    def as_text(self, stream: TextIO) -> str:
        """Return the state as lines that fit the stream."""
        ...


class Output(Protocol):
    """Writes events and outcomes to standard output. Each method raises `OutputError` if that cannot be written."""

    def polled(self, target: Identified, event: PollAnswered) -> None:
        """Write one answer to a poll."""
        ...

    def ended(self, outcome: Shown) -> None:
        """Write the outcome of a target that ended."""
        ...

    def listed(self, state: Shown) -> None:
        """Write the state of an operation that the command only shows."""
        ...

    def finished(self, outcomes: Sequence[Shown], exit_code: ExitCode) -> None:
        """Write all outcomes at the end of the command."""
        ...


def create_output(output_format: OutputFormat) -> Output:
    """Return the output for a format."""
    classes: Mapping[OutputFormat, type[_Text | _Document | _Lines | _Nothing]] = {
        "text": _Text,
        "json": _Document,
        "jsonl": _Lines,
        "none": _Nothing,
    }
    return classes[output_format]()


class _Nothing:
    """Prints nothing."""

    def polled(self, target: Identified, event: PollAnswered) -> None:
        del target, event

    def ended(self, outcome: Shown) -> None:
        del outcome

    def listed(self, state: Shown) -> None:
        del state

    def finished(self, outcomes: Sequence[Shown], exit_code: ExitCode) -> None:
        del outcomes, exit_code


class _Text(_Nothing):
    """Prints each operation as it ends."""

    def ended(self, outcome: Shown) -> None:
        write_line(outcome.as_text(sys.stdout))

    def listed(self, state: Shown) -> None:
        write_line(state.as_text(sys.stdout))


class _Document(_Nothing):
    """Prints one JSON document at the end."""

    def finished(self, outcomes: Sequence[Shown], exit_code: ExitCode) -> None:
        document = {"exit_code": int(exit_code), "operations": [outcome.as_json() for outcome in outcomes]}
        write_line(json.dumps(document, indent=2))


class _Lines:
    """Prints one JSON object per event, immediately."""

    def polled(self, target: Identified, event: PollAnswered) -> None:
        self._print(
            "polled",
            {
                **target.identity(),
                "http_status": event.status_code,
                "status": event.status,
                "reason": event.reason,
                "next_read_in_s": None if event.wait_s is None else round(event.wait_s, 3),
            },
        )

    def ended(self, outcome: Shown) -> None:
        self._print("ended", outcome.as_json())

    def listed(self, state: Shown) -> None:
        self._print("operation", state.as_json())

    def finished(self, outcomes: Sequence[Shown], exit_code: ExitCode) -> None:
        for outcome in outcomes:
            if not outcome.ended:
                self._print("not_ended", outcome.as_json())
        self._print("finished", {"exit_code": int(exit_code)})

    @staticmethod
    def _print(event: str, members: Mapping[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        write_line(json.dumps({"event": event, "at": at, **members}))
