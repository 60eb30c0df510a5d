"""How the status of an operation is read: `--pattern`, `--status-member` and `--terminal-word`."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from azpoll.cli.command_line import one_of
from azpoll.options import Outcome, PatternName

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from azpoll import FollowOptions

PATTERNS: dict[str, PatternName] = {
    "aao": "azure-async-operation",
    **{name: name for name in get_args(PatternName)},
}
"""Value of `--pattern` to the pattern of the library."""

_OUTCOMES: dict[str, Outcome] = {each: each for each in get_args(Outcome)}


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """The options of one command line.

    Attributes:
        pattern: of the URLs; None to guess it.
        status_member: dotted path of the member with the status word; None for `status`.
        terminal_words: words that end an operation, besides Azure's own.
    """

    pattern: PatternName | None = None
    status_member: str | None = None
    terminal_words: dict[str, Outcome] = field(default_factory=dict[str, Outcome])

    def as_keywords(self) -> FollowOptions:
        """Return the keywords of `Tracker.follow` and `resume`; an option that is not given keeps that of a token."""
        keywords: FollowOptions = {}
        if self.status_member is not None:
            keywords["status_member"] = self.status_member
        if self.terminal_words:
            keywords["terminal_words"] = self.terminal_words
        return keywords


def add_status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that say how a status is read."""
    parser.add_argument(
        "--pattern",
        type=one_of(tuple(PATTERNS)),
        metavar="NAME",
        help="how the URL is read: the header that it was taken from (azure-async-operation or aao,"
        " operation-location, location), or resource for the resource's own URL (default: guessed from the URL)",
    )
    parser.add_argument(
        "--status-member",
        type=_member,
        metavar="PATH",
        help="dotted path of the member with the status, such as runtimeStatus or state.id (default: status)",
    )
    parser.add_argument(
        "--terminal-word",
        action="append",
        default=[],
        type=_terminal_word,
        metavar="WORD=OUTCOME",
        help="status word that ends an operation as succeeded, failed or canceled; may be repeated",
    )


def status_options_from(arguments: Namespace) -> StatusOptions:
    """Return the options that parsed arguments describe."""
    pattern = None if arguments.pattern is None else PATTERNS[arguments.pattern]
    return StatusOptions(pattern, arguments.status_member, dict(arguments.terminal_word))


def _member(text: str) -> str:
    if not all(text.split(".")):
        raise ArgumentTypeError("names with dots between them are needed, such as properties.state")
    return text


def _terminal_word(text: str) -> tuple[str, Outcome]:
    word, _, named = text.rpartition("=")
    outcome = _OUTCOMES.get(named.strip().lower())
    if not word.strip() or outcome is None:
        raise ArgumentTypeError("WORD=succeeded, WORD=failed or WORD=canceled is needed")
    return word.strip(), outcome
