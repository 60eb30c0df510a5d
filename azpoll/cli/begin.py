"""`azpoll begin`: send an initial request, store its operation in a journal, and print the id."""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import anyio

from azpoll import InitialRequestFailed, JournalFailed, UntrustedPollingURL
from azpoll.cli.access import access_from, add_access_arguments
from azpoll.cli.command_line import one_of
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import CommandError, ExitCode, InputError, OutputError, UsageError
from azpoll.cli.journal_file import add_journal_argument, journal_errors, opened_journal, without_path
from azpoll.cli.log_lines import log_lines
from azpoll.cli.outcome import error_as_json, reason
from azpoll.cli.output import create_output
from azpoll.cli.signals import stop_signals
from azpoll.cli.stored import StoredOperation
from azpoll.cli.terminal import write_error_line, write_line
from azpoll.journal import BeginJournal
from azpoll.options import BeginOptions, FinalStateName
from azpoll.protocol.plan import Method

if TYPE_CHECKING:
    import argparse

    from azpoll import Event
    from azpoll.cli.access import Access

SUMMARY = "send an initial request and print the id of its operation in a journal"

_OPTIONS = "a header, a status member, a terminal word or a cancel URL"
"""The options whose values the tracker checks."""

_METHODS: dict[str, Method] = {name: name for name in get_args(Method)}
_FINAL_STATES: tuple[FinalStateName, ...] = get_args(FinalStateName)
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_UNAUTHORIZED = frozenset({401, 403})


class _Refused(CommandError):
    """No operation was started."""

    def __init__(self, error: InitialRequestFailed) -> None:
        text = reason(error)
        if error.may_have_acted:
            text += "; the journal has the request, and `azpoll run` finds out whether it was executed"
        super().__init__(text)
        self.error = error
        if error.status_code is None or error.may_have_acted:
            self.code = ExitCode.UNREADABLE
        else:
            self.code = ExitCode.UNAUTHORIZED if error.status_code in _UNAUTHORIZED else ExitCode.REFUSED


class _Stopped(CommandError):
    """A signal came before the answer."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__("ended before the request was answered; `azpoll run` finds out whether it was executed")
        self.code = code


@dataclass(slots=True)
class _Begun:
    """The outcome of the request."""

    id: str = ""
    token: str | None = field(default=None, repr=False)
    refusal: InitialRequestFailed | None = None
    journal_failure: str | None = None
    stopped_by: ExitCode | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll begin`."""
    parser.add_argument(
        "targets", nargs="+", metavar="METHOD URL", help=f"{', '.join(_METHODS)}, and the URL of the request"
    )
    add_journal_argument(parser)
    parser.add_argument("--body", metavar="FILE|-", help="file with the body, or - for standard input")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="header of the request; a body is application/json by default; may be repeated. Not for credentials",
    )
    parser.add_argument(
        "--timeout",
        type=parse_duration,
        metavar="TIME",
        help="stop waiting for an answer to the request after 90, 90s, 30m or 2h; it is repeated until then"
        " (default: ten minutes at least)",
    )
    parser.add_argument("--label", metavar="TEXT", help="name of the operation, in place of the end of its URL")
    parser.add_argument("--group", metavar="NAME", help="label of the group of the operation")
    parser.add_argument(
        "--final-state-via",
        type=one_of(_FINAL_STATES),
        metavar="NAME",
        help="where the result is read: " + ", ".join(_FINAL_STATES),
    )
    parser.add_argument(
        "--cancel-url",
        metavar="URL",
        help="where azpoll cancel sends its POST; for Azure Resource Manager usually the resource's URL with /cancel",
    )
    add_access_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the request, print the id, and return the exit code.

    Raises:
        CommandError: the request was refused or not sent, or the journal cannot be used.
    """
    if len(arguments.targets) != 2:  # noqa: PLR2004 - a method and a URL
        raise UsageError("a method and a URL are needed, in this order")
    method = _METHODS.get(arguments.targets[0].upper())
    if method is None:
        raise UsageError(f"argument 1 is no method: {', '.join(_METHODS)}")
    if "://" not in arguments.targets[1]:
        raise UsageError("argument 2 is no URL: it must begin with https:// or http://")
    access = access_from(arguments, [arguments.targets[1]])
    try:
        access.check_token(access.targets[0].origin)
    except UntrustedPollingURL as refusal:
        raise UsageError(str(refusal)) from refusal
    options = _options_of(arguments, access)
    with log_lines(logging.INFO):  # the failed attempts, which a caller may wait for minutes
        begun = anyio.run(_begin, access, arguments, method, options)
    if begun.stopped_by is not None:
        raise _Stopped(begun.stopped_by)
    if begun.refusal is not None:
        if arguments.output in {"json", "jsonl"}:
            write_line(_failure_as_json(begun.refusal, arguments.output))
        raise _Refused(begun.refusal)
    if begun.journal_failure is not None:
        if begun.token is not None:
            write_error_line(f"{begun.id}: {begun.token}")
        raise OutputError(f"the operation has begun, but the journal failed: {begun.journal_failure}")
    _print(begun.id, arguments)
    return ExitCode.SUCCEEDED


async def _begin(access: Access, arguments: argparse.Namespace, method: Method, options: BeginOptions) -> _Begun:
    """Send the request, and return when the journal has the operation."""
    begun, path, group = _Begun(), arguments.journal, arguments.group

    def on_event(event: Event) -> None:
        if isinstance(event, JournalFailed):
            begun.journal_failure = without_path(path, event.reason)

    def stop(code: ExitCode) -> None:
        begun.stopped_by = code
        scope.cancel()

    with anyio.move_on_after(arguments.timeout) as scope:
        async with stop_signals(stop):
            with journal_errors(path):
                async with access.tracker(BeginJournal(path)) as tracker:
                    tracker.subscribe(on_event)
                    try:
                        source = tracker if group is None else tracker.group(group)
                        operation = await source.begin(method, arguments.targets[1], **options)
                    except InitialRequestFailed as error:
                        begun.refusal = error
                        return begun
                    except ValueError as error:  # its text may repeat an argument
                        raise UsageError(f"{_OPTIONS} cannot be used") from error
                    begun.id = operation.id
                    begun.token = None if operation.done() else operation.resume_token()
                    begun.stopped_by = None  # too late: the operation has begun
                    return begun
    begun.stopped_by = begun.stopped_by or ExitCode.TIMEOUT
    return begun


def _print(ident: str, arguments: argparse.Namespace) -> None:
    if arguments.output == "text":
        write_line(ident)
        return
    with opened_journal(arguments.journal) as reader:
        entry = reader.get(ident)
    output = create_output(arguments.output)
    found = [] if entry is None else [StoredOperation.of(entry)]
    for each in found:
        output.listed(each)
    if arguments.output == "json":
        output.finished(found, ExitCode.SUCCEEDED)


def _failure_as_json(error: InitialRequestFailed, output_format: str) -> str:
    failure = error_as_json(error)
    if output_format == "jsonl":
        return json.dumps({"event": "refused", "error": failure})
    return json.dumps({"exit_code": int(_Refused(error).code), "operations": [], "error": failure}, indent=2)


def _options_of(arguments: argparse.Namespace, access: Access) -> BeginOptions:
    headers = _headers_of(arguments.header)
    options: BeginOptions = {"headers": headers}
    reading = access.reading
    if reading.status_member is not None:
        options["status_member"] = reading.status_member
    if reading.terminal_words:
        options["terminal_words"] = reading.terminal_words
    if reading.pattern is not None:
        options["pattern"] = reading.pattern
    if arguments.final_state_via is not None:
        options["final_state_via"] = arguments.final_state_via
    if arguments.cancel_url is not None:
        options["cancel_url"] = arguments.cancel_url
    if arguments.label is not None:
        options["label"] = arguments.label
    if arguments.body is not None:
        options["content"] = _body_of(arguments.body)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
    return options


def _headers_of(given: list[str]) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for number, text in enumerate(given, 1):
        name, colon, value = text.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()) or not value.strip().isprintable():
            raise UsageError(f"--header number {number} is not NAME:VALUE")
        if name.strip().lower() in _CREDENTIALS:
            raise UsageError(f"--header number {number} is a credential, which would show in ps: use --auth")
        headers.append((name.strip(), value.strip()))
    return headers


def _body_of(name: str) -> bytes:
    try:
        if name != "-":
            return Path(name).read_bytes()
        if sys.stdin is None:
            raise InputError("standard input is closed")
        stream = getattr(sys.stdin, "buffer", None)
        return sys.stdin.read().encode() if stream is None else stream.read()
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or "it is closed or not text"
        raise InputError(f"the body cannot be read: {text}") from error
