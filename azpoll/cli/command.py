"""`Command`: what each subcommand is to the parser. A new one is a module with such a value and a row in `COMMANDS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    Attributes:
        name: as it is typed.
        summary: one line for `azpoll --help`.
        add_arguments: gives a parser the command's arguments.
        run: does the work and returns the exit code; what is slow to import is imported there.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class UsageError(Exception):
    """The command line asks for what cannot be done; nothing was sent."""
