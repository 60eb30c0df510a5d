"""Requests to the owner of a journal: `Requester` queues them and waits for their outcomes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpoll.cli.access import add_output_argument
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import ExitCode, worst
from azpoll.cli.journal_file import (
    add_ids_argument,
    add_journal_argument,
    check_exists,
    ids_of,
    journal_errors,
    opened_journal,
)
from azpoll.cli.layout import columns, wrapped
from azpoll.cli.output import create_output
from azpoll.cli.terminal import encodable
from azpoll.journal import submit
from azpoll.protocol.redaction import escape_for_display
from azpoll.tracking.journal import JournalResult
from azpoll.tracking.journal_requests import ACCEPTED, ALREADY_ENDED, FORGOTTEN, NO_SUCH_OPERATION

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import TextIO

    from azpoll.journal import Action, JournalReader

_LOOK_S = 0.05
_WAIT_S = 10.0
_LONGEST_REASON = 1000
_INDENT = " " * 13

_WORDS: dict[str, tuple[str, ExitCode, str | None]] = {
    ACCEPTED: ("Accepted", ExitCode.SUCCEEDED, "the service was asked to cancel the operation, which ends by itself"),
    FORGOTTEN: ("Forgotten", ExitCode.SUCCEEDED, None),
    NO_SUCH_OPERATION: ("Not found", ExitCode.UNREADABLE, None),
    ALREADY_ENDED: ("Ended", ExitCode.REFUSED, "the operation had ended before"),
}
"""Outcome of a request to word, exit code and explanation."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request and its outcome.

    Attributes:
        id: of the operation.
        word: of the text form; in lower case it is the member `outcome`.
        exit_code: of this request alone.
        reason: explanation; None for none.
    """

    id: str
    word: str
    exit_code: ExitCode
    reason: str | None = None
    ended: bool = True

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {"id": self.id, "outcome": self.word.lower().replace(" ", "_"), "reason": self.reason}

    def as_text(self, stream: TextIO) -> str:
        """Return it as one line, followed by the explanation; each line fits the stream."""
        first = f"{self.word:<11}  {self.id}"
        if self.reason is None:
            return first
        return f"{first}\n{wrapped(_INDENT + encodable(self.reason, stream), columns(stream), _INDENT)}"


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll cancel` and `azpoll forget`."""
    add_ids_argument(parser)
    add_journal_argument(parser)
    parser.add_argument(
        "--timeout",
        type=parse_duration,
        default=_WAIT_S,
        metavar="TIME",
        help="how long the process that owns the journal is waited for (default: 10s)",
    )
    add_output_argument(parser)


def run_requests(action: Action, arguments: argparse.Namespace) -> int:
    """Queue a request for each operation, print the outcomes, and return the exit code.

    Raises:
        CommandError: the journal cannot be read or written, or the output cannot be written.
    """
    ids, path = ids_of(arguments.targets), arguments.journal
    output = create_output(arguments.output)
    give_up_at_s = time.monotonic() + arguments.timeout
    check_exists(path)
    with opened_journal(path):  # refuses a foreign file before anything is written
        pass
    with journal_errors(path):
        numbers = {ident: _queued(path, action, ident) for ident in ids}
    answers: list[Answered] = []
    with opened_journal(path) as reader:
        for ident, number in numbers.items():
            answer = number if isinstance(number, Answered) else _answer(reader, ident, number, give_up_at_s)
            answers.append(answer)
            output.ended(answer)
    code = worst(answer.exit_code for answer in answers)
    output.finished(answers, code)
    return code


def _queued(path: Path, action: Action, ident: str) -> int | Answered:
    """Return the number of a queued request, or its outcome if no process needs to carry it out."""
    with opened_journal(path) as reader:
        entry = reader.get(ident)
    if entry is None:
        return _answered(ident, NO_SUCH_OPERATION)
    if action == "cancel" and isinstance(entry.row, JournalResult):
        return _answered(ident, ALREADY_ENDED)
    return submit(path, action, ident)


def _answer(reader: JournalReader, ident: str, number: int, give_up_at_s: float) -> Answered:
    """Wait until a request has an outcome, its time is over, or no process owns the journal."""
    while True:
        owner = reader.owner()
        outcome = reader.outcome(number)
        if outcome is not None:
            return _answered(ident, outcome)
        if owner is None or not owner.is_alive:
            waits = "no process owns the journal: the request waits until `azpoll run` or another owner tracks it"
            return Answered(ident, "Queued", ExitCode.JOURNAL_IN_USE, waits)
        if time.monotonic() >= give_up_at_s:
            waits = f"process {owner.process_id} owns the journal, and has not carried the request out yet"
            return Answered(ident, "Queued", ExitCode.TIMEOUT, waits)
        time.sleep(_LOOK_S)


def _answered(ident: str, outcome: str) -> Answered:
    word, code, reason = _WORDS.get(outcome, ("Refused", ExitCode.REFUSED, None))
    if outcome not in _WORDS:
        reason = escape_for_display(outcome, _LONGEST_REASON)
    return Answered(ident, word, code, reason)
