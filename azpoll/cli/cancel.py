"""`azpoll cancel`: asks the owner of a journal to cancel operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.requests import add_request_arguments, run_requests

if TYPE_CHECKING:
    import argparse

SUMMARY = "ask the service to cancel operations of a journal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll cancel`."""
    add_request_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Queue the requests and return the exit code.

    Raises:
        CommandError: the journal cannot be read or written, or the output cannot be written.
    """
    return run_requests("cancel", arguments)
