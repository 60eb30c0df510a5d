"""Access to operations: the arguments that `wait` and `status` share, the credential and the trusted origins."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpoll import AzpollError, Budget, Tracker, UntrustedPollingURL
from azpoll.cli.client import create_client
from azpoll.cli.command_line import one_of
from azpoll.cli.credential import add_credential_arguments, auth_from, bearer_headers
from azpoll.cli.exit_codes import UsageError
from azpoll.cli.origins import in_options, is_listed, listed_origins, origin_of
from azpoll.cli.output import OUTPUT_FORMATS
from azpoll.cli.status_options import StatusOptions, add_status_arguments, status_options_from
from azpoll.cli.targets import Target, read_targets
from azpoll.cli.words import words_of
from azpoll.protocol.resume_token import encode
from azpoll.protocol.token_content import Token

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    import httpx

    from azpoll import AsyncOperation, Journal
    from azpoll.identity import AzureAuth


def add_targets_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the operations."""
    parser.add_argument(
        "targets",
        nargs="+",
        metavar="URL|TOKEN|-",
        help="polling URL, resume token, or - to read one of either per line from standard input,"
        " alone or after a name and a colon",
    )


def add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for reading, credential, trusted origins and output format."""
    add_status_arguments(parser)
    add_connection_arguments(parser)


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for credential, trusted origins and output format."""
    add_client_arguments(parser)
    add_output_argument(parser)


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for credential and trusted origins."""
    add_credential_arguments(parser)
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="also trust this host or host:port; required for resume tokens, for URLs from standard input, and for"
        " operations of a journal or a fleet; *.suffix for every host one label below a suffix",
    )
    parser.add_argument(
        "--anonymous-host",
        action="append",
        default=[],
        metavar="HOST",
        help="also read from this host, without the bearer token; *.suffix as for --allow-host",
    )
    parser.add_argument(
        "--rebase-to",
        metavar="URL",
        help="origin of a gateway, with an optional path, to which URLs of other origins move",
    )


def add_output_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the output format."""
    parser.add_argument(
        "-o",
        "--output",
        type=one_of(OUTPUT_FORMATS),
        default="text",
        metavar="|".join(OUTPUT_FORMATS),
        help="format of standard output (default: text)",
    )


@dataclass(frozen=True, slots=True)
class Access:
    """The operations to read, and how they are reached.

    Attributes:
        targets: the operations.
        allowed: the origins of `--allow-host`.
        anonymous: the origins of `--anonymous-host`.
        rebase_to: the URL of `--rebase-to`.
        reading: how the status is read.
        headers: of every request; they may contain the credential.
        auth: adds the tokens of a sign-in to requests; None without one.
    """

    targets: list[Target]
    allowed: frozenset[str]
    headers: dict[str, str] = field(repr=False)
    anonymous: frozenset[str] = frozenset()
    rebase_to: str | None = None
    reading: StatusOptions = field(default_factory=StatusOptions)
    auth: AzureAuth | None = None

    @asynccontextmanager
    async def tracker(
        self,
        journal: Journal | None = None,
        budget: Budget = Budget(),  # noqa: B008 - frozen
    ) -> AsyncGenerator[Tracker[httpx.Response]]:
        """Run a tracker with a client of its own. At the end, tracking stops and the operations keep running.

        Raises:
            JournalError: the journal cannot be opened.
            UsageError: an option lists an origin that it does not accept.
            EnvironmentVariableError: the environment names certificates or a proxy that cannot be used.
        """
        origins = self.allowed | {target.origin for target in self.targets if target.trusted}
        gateway = () if self.rebase_to is None else (self.rebase_to,)
        urls = {*origins, *self.anonymous, *gateway, *(target.origin for target in self.targets)}
        async with create_client(self.headers, urls, self.auth) as client:
            try:
                tracker = Tracker(
                    client,
                    allowed_origins=origins,
                    anonymous_origins=self.anonymous,
                    rebase_to=self.rebase_to,
                    journal=journal,
                    budget=budget,
                    on_exit="stop",
                )
            except ValueError as error:
                raise UsageError(in_options(str(error))) from error
            async with tracker:
                yield tracker

    def track(
        self,
        tracker: Tracker[httpx.Response],
        target: Target,
        *,
        timeout_s: float | None = None,
        interval_s: float | None = None,
    ) -> AsyncOperation[httpx.Response]:
        """Track a target: follow its URL, or resume its token.

        Raises:
            UntrustedPollingURL: the origin of the target is not trusted; nothing was sent.
            UsageError: an option is out of range.
        """
        if not target.trusted and not is_listed(target.origin, self.allowed | self.anonymous):
            raise UntrustedPollingURL(
                f"its origin {target.origin} is not trusted, so nothing was sent. To trust it, add"
                f" --allow-host {target.origin}"
            )
        self.check_token(target.origin)
        # result="status": the command reports the outcome only, and reading the result may need more permissions.
        options = self.reading.as_keywords()
        options["label"], options["result"] = target.name, "status"
        if timeout_s is not None:
            options["timeout"] = timeout_s
        if interval_s is not None:
            options["interval"] = interval_s
        try:
            if isinstance(target.source, Token):
                return tracker.resume(encode(target.source), **options)
            # The initial request is unknown. With GET, a 404 does not count as a deletion.
            pattern = target.pattern or "operation-location"
            return tracker.follow(target.source, method="GET", pattern=pattern, **options)
        except AzpollError:
            raise
        except ValueError as error:  # Its text may repeat an argument.
            raise UsageError("a status member, a terminal word or a time is too long") from error

    def check_token(self, origin: str) -> None:
        """Raise `UntrustedPollingURL` if the sign-in of `--auth` sends no token to an origin that needs one."""
        if self.auth is not None and not is_listed(origin, self.anonymous):
            self._check_token(self.auth, origin)

    def _check_token(self, auth: AzureAuth, origin: str) -> None:
        """Raise `UntrustedPollingURL` if polls go to this origin without a token, since it would refuse them."""
        if self.rebase_to is None and not auth.sends_token_to(origin):
            raise UntrustedPollingURL(
                f"its origin {origin} gets no token of --auth, so nothing was sent. To send the token there, add"
                f" --allow-host {origin}"
            )


def access_from(arguments: argparse.Namespace, words: list[str] | None) -> Access:
    """Return the access that parsed arguments describe.

    Args:
        arguments: parsed by a parser with `add_access_arguments`, or with `add_connection_arguments` and no words.
        words: the URLs and resume tokens among the arguments; None where a journal has them.

    Raises:
        UsageError: an argument is invalid.
        EnvironmentVariableError: the variables of the environment do not suit the sign-in.
        InputError: standard input cannot be read.
    """
    headers = bearer_headers(arguments.auth, os.environ)
    allowed = listed_origins("--allow-host", arguments.allow_host)
    anonymous = listed_origins("--anonymous-host", arguments.anonymous_host)
    gateway = set[str]() if arguments.rebase_to is None else {origin_of(arguments.rebase_to)}
    auth = auth_from(arguments, allowed | gateway, os.environ)
    reading = StatusOptions() if words is None else status_options_from(arguments)
    targets = [] if words is None else read_targets(words_of(words, sys.stdin), reading.pattern)
    return Access(targets, allowed, headers, anonymous, arguments.rebase_to, reading, auth)
