"""The arguments of a command line. No message repeats an argument, since each may be a signed URL or a token."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, TypedDict

from azpoll.cli.exit_codes import EPILOG, UsageError
from azpoll.cli.terminal import write_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
_GLOBAL_OPTIONS = ("--help", "--version", "-h")

OF_ACTION = "of_action"
"""The member of the arguments that holds the parser of an action, such as `install` of `azpoll fleet install`."""

_MISSING = "the following arguments are required: "


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` where argparse would print its message and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the error for a message of argparse."""
        raise UsageError(_without_arguments(message))

    def _print_message(self, message: str, file: object = None) -> None:
        """Write the help or the version; argparse would ignore that standard output cannot be written."""
        del file
        write_line(message.rstrip())


class ParserOptions(TypedDict):
    """The arguments of `add_parser` that all commands and actions share."""

    help: str
    description: str
    epilog: str
    formatter_class: type[argparse.HelpFormatter]
    exit_on_error: bool


def parser_options(summary: str) -> ParserOptions:
    """Return the options of the parser of a command or action with this summary."""
    return {
        "help": summary,
        "description": f"{summary[0].upper()}{summary[1:]}.",
        "epilog": EPILOG,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "exit_on_error": False,
    }


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return a `type` for argparse that accepts these names only."""

    def name(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{', '.join(names[:-1])} or {names[-1]} is needed")
        return text

    return name


def whole_number(text: str) -> int:
    """Return a whole number from 0 to 999,999,999. This is a `type` for argparse.

    Raises:
        ArgumentTypeError: the text is not one.
    """
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError("a whole number from 0 to 999999999 is needed")
    return int(text)


def command_of(words: Sequence[str], commands: Sequence[str]) -> str | None:
    """Return the command among the words; None if an option alone is given.

    Raises:
        UsageError: there is no command, or an unknown one.
    """
    known = f"{', '.join(commands[:-1])} or {commands[-1]}"
    word = next((word for word in words if not word.startswith("-")), None)
    if word in commands:
        return word
    if word is None and words:
        if not any(option.startswith(words[0].partition("=")[0]) for option in _GLOBAL_OPTIONS):
            raise UsageError(_unknown_option(1, words[0], _GLOBAL_OPTIONS))
        return None
    if word is None:
        raise UsageError(f"a command is needed: {known}; see --help")
    raise UsageError(f"argument {words.index(word) + 1} is not a command: {_suggestion(word, commands) or known}")


def parse(parser: Parser, of_command: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command line. Operations may be given between options.

    Args:
        parser: of the whole command line.
        of_command: of its command.
        words: the command line.

    Raises:
        UsageError: an argument is invalid.
        SystemExit: the help or the version was printed.
    """
    try:
        arguments, rest = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise UsageError(_text_of(error)) from None
    for word in rest:
        place = words.index(word) + 1
        if word.startswith("-") and word != "-":
            usage = getattr(arguments, OF_ACTION, of_command).format_usage()
            raise UsageError(_unknown_option(place, word, _OPTION.findall(usage)))
        if "targets" not in arguments:
            raise UsageError(f"argument {place} is unknown: only options are taken")
        arguments.targets.append(word)
    return arguments


def _text_of(error: argparse.ArgumentError) -> str:
    cause = error.__context__
    # The texts of azpoll's own types repeat no argument.
    text = str(cause) if isinstance(cause, argparse.ArgumentTypeError) else _without_arguments(str(error.message))
    return text if error.argument_name is None else f"{error.argument_name}: {text}"


def _without_arguments(message: str) -> str:
    if message.startswith(_MISSING):
        return f"{message.removeprefix(_MISSING)} is missing"
    if message.startswith("expected "):
        return message.replace("argument", "value")
    if message.startswith("ignored explicit argument"):
        return "the option takes no value"
    if message.startswith("ambiguous option"):
        return "an option is abbreviated too much"
    return "the value is invalid"


def _unknown_option(place: int, word: str, options: Sequence[str]) -> str:
    advice = _suggestion(word.partition("=")[0], options)
    return f"argument {place} is an unknown option" + (f": {advice}" if advice else "")


def _suggestion(word: str, known: Sequence[str]) -> str | None:
    similar = get_close_matches(word.lower(), known, n=1)
    return f"did you mean {similar[0]}?" if similar else None
