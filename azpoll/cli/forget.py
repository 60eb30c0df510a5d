"""`azpoll forget`: deletes operations from a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.requests import add_request_arguments, run_requests

if TYPE_CHECKING:
    import argparse

SUMMARY = "delete operations from a journal, and stop their tracking"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll forget`."""
    add_request_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Queue the requests and return the exit code.

    Raises:
        CommandError: the journal cannot be read or written, or the output cannot be written.
    """
    return run_requests("forget", arguments)
