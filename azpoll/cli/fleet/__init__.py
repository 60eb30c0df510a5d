"""`azpoll fleet`: install, look at and drain a fleet, and show one at work.

Each action is a module or package with `SUMMARY`, `add_arguments` and `run`, as a command is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.command_line import OF_ACTION, parser_options
from azpoll.cli.fleet import demo, drain, install, status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from types import ModuleType

SUMMARY = "install, look at and drain a fleet: operations of many machines in PostgreSQL"

ACTIONS: Mapping[str, ModuleType] = {"install": install, "status": status, "drain": drain, "demo": demo}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `azpoll fleet`."""
    actions = parser.add_subparsers(dest="action", metavar="|".join(ACTIONS), required=True)
    for name, action in ACTIONS.items():
        of_action = actions.add_parser(name, **parser_options(action.SUMMARY))
        action.add_arguments(of_action)
        of_action.set_defaults(**{OF_ACTION: of_action, "run_action": action.run})


def run(arguments: argparse.Namespace) -> int:
    """Run an action and return its exit code.

    Raises:
        CommandError: the action could not go on, for a reason that is no operation's.
    """
    code: int = arguments.run_action(arguments)
    return code
