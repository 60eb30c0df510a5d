"""`python -m azpoll.testing`: serve a `FakeARM` on loopback until interrupted.

It also serves the token endpoint of a managed identity, and prints the environment variables that name both.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime

from azpoll.testing import socket_server
from azpoll.testing.fake_arm import FakeARM
from azpoll.testing.managed_identity import environment, with_managed_identity
from azpoll.testing.script import Script


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m azpoll.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; a free port by default")
    patterns = ("azure-async-operation", "operation-location", "location", "body")
    parser.add_argument("--pattern", choices=patterns, default=patterns[0])
    parser.add_argument("--duration", type=float, default=30.0, metavar="SECONDS", help="of each operation")
    parser.add_argument("--retry-after", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--outcome", default="Succeeded", metavar="WORD", help="Succeeded, Failed, Canceled, ...")
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> None:
    script = Script(
        pattern=options.pattern,
        duration_s=options.duration,
        retry_after=options.retry_after,
        outcome=options.outcome,
        percent_complete=True,
    )
    arm = FakeARM(default=script, epoch=datetime.now(UTC), log_size=1000)
    async with socket_server.serve(with_managed_identity(arm.exchange), options.port) as base_url:
        variables = " ".join(f"{name}={value}" for name, value in environment(base_url).items())
        print(f"{base_url} (any PUT, PATCH, POST or DELETE starts an operation)")  # noqa: T201 - a command
        print(f"export ARM_URL={base_url} {variables}", flush=True)  # noqa: T201 - as above
        await _wait_for_interrupt()


async def _wait_for_interrupt() -> None:
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    with suppress(NotImplementedError):  # - on Windows KeyboardInterrupt ends the command
        loop.add_signal_handler(signal.SIGINT, interrupted.set)
        loop.add_signal_handler(signal.SIGTERM, interrupted.set)
    await interrupted.wait()


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_parse(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
