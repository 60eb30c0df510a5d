"""`azpoll fleet demo`: a fleet on this machine, of which one worker is killed.

Four parts run in this order:

    postgres    starts a PostgreSQL server in a temporary folder
    workers     starts `azpoll worker` in processes of their own
    course      submits operations of a `FakeARM`, kills a worker, and reads the results
    report      compares the results with the server's own record
"""

from __future__ import annotations

import time
from random import Random, randrange
from typing import TYPE_CHECKING

import anyio
from anyio.from_thread import start_blocking_portal

from azpoll.cli.command_line import whole_number
from azpoll.cli.demo.view import create_view
from azpoll.cli.demo.workload import plan_workload
from azpoll.cli.exit_codes import ExitCode, UsageError
from azpoll.cli.fleet.demo.course import Course
from azpoll.cli.fleet.demo.postgres import check_postgres
from azpoll.cli.fleet.demo.report import evaluate, show
from azpoll.cli.fleet_database import check_extra
from azpoll.testing import FakeARM

if TYPE_CHECKING:
    import argparse

SUMMARY = "show a fleet on this machine, without Azure: a worker is killed, and no result is lost"

_LOGGED_REQUESTS_PER_OPERATION = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll fleet demo`."""
    parser.add_argument(
        "--operations", type=whole_number, default=300, metavar="N", help="number of operations (default: 300)"
    )
    parser.add_argument(
        "--seed",
        type=whole_number,
        default=None,
        metavar="N",
        help="the same seed gives the same operations (default: random)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo, print its report and return the exit code.

    Raises:
        UsageError: a package is not installed.
        CommandError: the server or a worker could not be started.
    """
    count: int = arguments.operations
    if not count:
        raise UsageError("--operations: a number of 1 or more is needed")
    check_extra("fleet-demo")
    check_postgres()
    view = create_view()
    seed = randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311 - a simulation needs no secrets
    arm = FakeARM(clock=time.monotonic, log_size=_LOGGED_REQUESTS_PER_OPERATION * count)
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(arm.serve()) as base_url,
    ):
        view.line(f"A simulated Azure listens on {base_url}; the seed is {seed}.", "quiet")
        view.line("Nothing leaves this machine.", "quiet")
        course = Course(base_url, plan_workload(arm, count, Random(seed)), view)  # noqa: S311 - as above
        anyio.run(course.run)
    if course.stopped_by is not None:
        return course.stopped_by
    report = evaluate(course, arm)
    show(report, view)
    return ExitCode.SUCCEEDED if report.is_correct else ExitCode.INTERNAL
