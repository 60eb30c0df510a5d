"""What `wait` and `status` share: their arguments, and how they reach the operations."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from azpoll.cli import credentials, origins
from azpoll.cli.output import FORMS
from azpoll.cli.targets import PATTERNS, Target, read_targets
from azpoll.errors import UntrustedPollingURL

if TYPE_CHECKING:
    import argparse

    from azpoll.operation import AsyncOperation
    from azpoll.protocol.url_policy import Origin
    from azpoll.tracker import Tracker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments that say what may be asked, and how the answers are shown."""
    parser.add_argument(
        "--pattern",
        choices=tuple(PATTERNS),
        help="the header a URL came from (resource: none, the URL is the resource's own); guessed unless given",
    )
    parser.add_argument(
        "--auth",
        metavar="env:NAME|none",
        help=f"where the bearer token is read; env:{credentials.DEFAULT_VARIABLE} if that is set, else none",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="trust this host (or host:port) too: needed for resume tokens and for URLs from standard input",
    )
    parser.add_argument("-o", "--output", choices=FORMS, default="text", help="on standard output (default: text)")


@dataclass(frozen=True, slots=True)
class Access:
    """Which operations, with which credential, at which origins.

    Attributes:
        targets: what the command line names.
        allowed: origins of `--allow-host`.
        headers: of every request; they may hold the credential.
    """

    targets: list[Target]
    allowed: frozenset[Origin]
    headers: dict[str, str] = field(repr=False)

    def client(self) -> httpx.AsyncClient:
        """Return a new client."""
        return httpx.AsyncClient(headers=self.headers)

    def trusted(self) -> tuple[str, ...]:
        """Return every origin that may be asked, for `Tracker(allowed_origins=...)`."""
        named = {target.origin for target in self.targets if target.trusted}
        return tuple(map(str, self.allowed | named))

    def resume(
        self,
        tracker: Tracker[httpx.Response],
        target: Target,
        *,
        timeout_s: float | None = None,
        interval_s: float | None = None,
    ) -> AsyncOperation[httpx.Response]:
        """Track a target.

        Raises:
            UntrustedPollingURL: nobody has said that its origin is to be trusted; nothing was sent.
        """
        if not target.trusted and target.origin not in self.allowed:
            raise UntrustedPollingURL(
                f"its origin {target.origin} is not trusted and nothing was sent there. If it is to be trusted, add"
                f" --allow-host {target.origin}"
            )
        # "status": how it ended is asked for here, and reading the result may need more permission.
        return tracker.resume(target.text, label=target.name, result="status", timeout=timeout_s, interval=interval_s)


def access_of(arguments: argparse.Namespace, words: list[str]) -> Access:
    """Return what parsed arguments ask for.

    Raises:
        UsageError: one of them can never be right.
    """
    headers = credentials.bearer_headers(arguments.auth, os.environ)
    allowed = origins.allowed(arguments.allow_host)
    return Access(read_targets(words, sys.stdin, arguments.pattern), allowed, headers)
