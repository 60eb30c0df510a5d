"""`azpoll demo`: track a thousand operations of a simulated Azure on this machine, over real HTTP.

Three parts run in this order:

    flows, workload   plan the operations in a `FakeARM`
    runner            starts and awaits them through azpoll, shown by a view
    report            compares the run with the server's own record
"""

from __future__ import annotations

import time
from random import Random, randrange
from typing import TYPE_CHECKING

import anyio
from anyio.from_thread import start_blocking_portal

from azpoll.cli.command_line import one_of, whole_number
from azpoll.cli.demo.client import create_client
from azpoll.cli.demo.flows import Transcript, plan_flows
from azpoll.cli.demo.report import evaluate, show
from azpoll.cli.demo.runner import run_demo
from azpoll.cli.demo.view import create_view
from azpoll.cli.demo.workload import plan_workload
from azpoll.cli.exit_codes import ExitCode
from azpoll.testing import FakeARM

if TYPE_CHECKING:
    import argparse

    from azpoll.cli.demo.runner import Run
    from azpoll.cli.demo.view import View

SUMMARY = "track 1,000 simulated operations on this machine, without Azure"

_LOGGED_REQUESTS_PER_OPERATION = 50
"""Requests per operation that the fake logs for the report; far more than are sent."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll demo`."""
    parser.add_argument(
        "--operations",
        type=whole_number,
        default=1000,
        metavar="N",
        help="number of operations besides the three flows (default: 1000)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number,
        default=None,
        metavar="N",
        help="the same seed gives the same operations (default: random)",
    )
    clients = ("httpx", "httpx2")
    parser.add_argument(
        "--client",
        type=one_of(clients),
        default=clients[0],
        metavar="|".join(clients),
        help="HTTP client (default: httpx)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo, print its report and return the exit code.

    Raises:
        UsageError: the HTTP client is not installed.
    """
    seed = randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311 - a simulation needs no secrets
    view = create_view()
    # The server has its own thread, so that its CPU time is not counted as azpoll's. Both use the monotonic clock.
    arm = FakeARM(clock=time.monotonic, log_size=_LOGGED_REQUESTS_PER_OPERATION * (arguments.operations + 10))
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(arm.serve()) as base_url,
    ):
        view.line(f"A simulated Azure listens on {base_url}; the seed is {seed}.", "quiet")
        view.line("Nothing leaves this machine.", "quiet")
        demo_run = anyio.run(_track, arguments, arm, base_url, Random(seed), view)  # noqa: S311 - as above
    report = evaluate(demo_run, arm)
    show(report, view)
    return ExitCode.SUCCEEDED if report.is_correct else ExitCode.INTERNAL


async def _track(arguments: argparse.Namespace, arm: FakeARM, base_url: str, random: Random, view: View) -> Run:
    flows = plan_flows(arm)
    workload = plan_workload(arm, arguments.operations, random)
    transcript = Transcript(flows)
    async with create_client(arguments.client, base_url, transcript.on_response) as client:
        return await run_demo(client, flows, transcript, workload, view)
