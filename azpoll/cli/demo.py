"""`azpoll demo`: a made-up Azure on this machine, and azpoll tracking a thousand operations of it over real HTTP."""

from __future__ import annotations

import argparse
import time
from random import Random, randrange
from typing import TYPE_CHECKING

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from azpoll.cli.command import Command, UsageError
from azpoll.cli.demo_flows import Transcript, plan_flows
from azpoll.cli.demo_run import run_demo
from azpoll.cli.demo_view import view_of_stdout
from azpoll.cli.demo_world import plan_fleet
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.report import judge
from azpoll.cli.summary import show
from azpoll.testing import FakeARM

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from azpoll.cli.demo_run import Run
    from azpoll.cli.demo_view import View
    from azpoll.transport.library import HTTPClient, HTTPResponse

_REQUESTS_EACH = 50
"""Requests per operation that the fake keeps for the report; far more than are made."""


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"not a number of operations: {text!r}")
    return int(text)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operations", type=_count, default=1000, metavar="N", help="besides the three flows (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="the same seed makes the same operations")
    parser.add_argument("--client", choices=("httpx", "httpx2"), default="httpx", help="HTTP client (default: httpx)")


def _run(arguments: argparse.Namespace) -> int:
    seed = randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311 - a made-up world needs no secrets
    view = view_of_stdout()
    # A thread for the server, so that what azpoll costs is measured apart; monotonic time is the clock of both.
    arm = FakeARM(clock=time.monotonic, log_size=_REQUESTS_EACH * (arguments.operations + 10))
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(arm.serve()) as base_url,
    ):
        view.line(f"A made-up Azure listens on {base_url}; nothing leaves this machine. Seed {seed}.", "quiet")
        run = anyio.run(_track, arguments, arm, base_url, Random(seed), view)  # noqa: S311 - as above
    figures = judge(run, arm)
    show(figures, view)
    return ExitCode.SUCCEEDED if figures.right else ExitCode.FAILED


async def _track(arguments: argparse.Namespace, arm: FakeARM, base_url: str, random: Random, view: View) -> Run:
    flows = plan_flows(arm)
    fleet = plan_fleet(arm, arguments.operations, random)
    transcript = Transcript(flows)
    async with _client(arguments.client, base_url, transcript) as client:
        return await run_demo(client, flows, transcript, fleet, view)


def _client(
    library: str, base_url: str, transcript: Transcript
) -> AbstractAsyncContextManager[HTTPClient[HTTPResponse]]:
    hooks = {"response": [transcript.hear]}
    if library == "httpx":
        return httpx.AsyncClient(base_url=base_url, event_hooks=hooks, trust_env=False)
    try:
        import httpx2  # noqa: PLC0415 - optional
    except ImportError:
        raise UsageError("httpx2 is not installed: pip install httpx2") from None
    return httpx2.AsyncClient(base_url=base_url, event_hooks=hooks, trust_env=False)


COMMAND = Command("demo", "track a thousand made-up operations on this machine, without Azure", _add_arguments, _run)
