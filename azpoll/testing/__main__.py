"""`python -m azpoll.testing`: serve a `FakeARM` on loopback until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime

from azpoll.testing.fake_arm import FakeARM
from azpoll.testing.script import Script


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m azpoll.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; a free one unless given")
    patterns = ("azure-async-operation", "operation-location", "location", "body")
    parser.add_argument("--pattern", choices=patterns, default=patterns[0])
    parser.add_argument("--duration", type=float, default=30.0, metavar="SECONDS", help="of each operation")
    parser.add_argument("--retry-after", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--outcome", default="Succeeded", metavar="WORD", help="Succeeded, Failed, Canceled, ...")
    return parser.parse_args(words)


async def _serve(chosen: argparse.Namespace) -> None:
    script = Script(
        pattern=chosen.pattern,
        duration_s=chosen.duration,
        retry_after=chosen.retry_after,
        outcome=chosen.outcome,
        percent_complete=True,
    )
    async with FakeARM(default=script, epoch=datetime.now(UTC), log_size=1000).serve(port=chosen.port) as base_url:
        print(f"{base_url} (any PUT, PATCH, POST or DELETE starts an operation)", flush=True)  # noqa: T201 - a command
        await _interrupted()


async def _interrupted() -> None:
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    with suppress(NotImplementedError):  # Windows; there KeyboardInterrupt ends it
        loop.add_signal_handler(signal.SIGINT, interrupted.set)
        loop.add_signal_handler(signal.SIGTERM, interrupted.set)
    await interrupted.wait()


def main(words: list[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments(words)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
