"""What goes to standard output: text, one JSON document, a JSON event per line, or nothing."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azpoll.cli.exit_codes import ExitCode
    from azpoll.cli.outcome import Outcome
    from azpoll.cli.targets import Target
    from azpoll.events import PollAnswered

Form: TypeAlias = Literal["text", "json", "jsonl", "none"]
FORMS: tuple[Form, ...] = get_args(Form)


class Output(Protocol):
    """Tells standard output what happens."""

    def polled(self, target: Target, event: PollAnswered) -> None:
        """Tell of one answer."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """Tell that a target ended."""
        ...

    def finished(self, outcomes: Sequence[Outcome], code: ExitCode) -> None:
        """Tell the whole at the end of the command."""
        ...


def output_of(form: Form) -> Output:
    """Return the output of a form."""
    made: Mapping[Form, type[_Text | _Document | _Lines | _Nothing]] = {
        "text": _Text,
        "json": _Document,
        "jsonl": _Lines,
        "none": _Nothing,
    }
    return made[form]()


def abandon_stdout() -> None:
    """Let the interpreter flush into nothing at exit: the reader of standard output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Nothing:
    """Prints nothing."""

    def polled(self, target: Target, event: PollAnswered) -> None:
        del target, event

    def ended(self, outcome: Outcome) -> None:
        del outcome

    def finished(self, outcomes: Sequence[Outcome], code: ExitCode) -> None:
        del outcomes, code


class _Text(_Nothing):
    """Prints a line for each operation as it ends."""

    def ended(self, outcome: Outcome) -> None:
        print(outcome.sentence(), flush=True)


class _Document(_Nothing):
    """Prints one JSON document at the end."""

    def finished(self, outcomes: Sequence[Outcome], code: ExitCode) -> None:
        document = {"exit_code": int(code), "operations": [outcome.document() for outcome in outcomes]}
        print(json.dumps(document, indent=2), flush=True)


class _Lines:
    """Prints one JSON object per event, at once."""

    def polled(self, target: Target, event: PollAnswered) -> None:
        self._print(
            "polled",
            {
                "target": target.url,
                "http_status": event.status_code,
                "status": event.status,
                "next_read_in_s": None if event.wait_s is None else round(event.wait_s, 3),
            },
        )

    def ended(self, outcome: Outcome) -> None:
        self._print("ended", outcome.document())

    def finished(self, outcomes: Sequence[Outcome], code: ExitCode) -> None:
        for outcome in outcomes:
            if not outcome.ended:
                self._print("not_ended", outcome.document())
        self._print("finished", {"exit_code": int(code)})

    @staticmethod
    def _print(event: str, members: Mapping[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"event": event, "at": at, **members}), flush=True)
