"""A healthy service in a process of its own: `python -m tests.proofs.adversary.healthy_process`.

It prints its origin, and its judgement of the client's conduct once its input ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from functools import partial

from azpoll.testing import FakeARM, IncomingRequest, Limits, Rate, RetryAfter, Script
from tests.proofs.adversary.polling_lateness import lateness_s

WAIT_S = 0.5
"""The `Retry-After` of each answer, in seconds."""

_PLENTY = Rate(1_000_000, 1e6)


def healthy_end(number: int) -> str:
    """Return the end of a healthy operation."""
    return ("succeeded", "failed", "canceled")[number % 3]


def script_of(request: IncomingRequest) -> Script:
    """Return the course of an operation: `/subscriptions/g7/...?seconds=3`."""
    number = re.search(r"/g(\d+)", request.path)
    seconds = re.search(r"seconds=([\d.]+)", request.query)
    assert number is not None
    assert seconds is not None
    outcome = healthy_end(int(number[1])).capitalize()
    retry_after = RetryAfter(WAIT_S, "retry-after-ms")
    return Script(duration_s=float(seconds[1]), retry_after=retry_after, outcome=outcome, result={"id": number[1]})


def broken(arm: FakeARM) -> list[str]:
    """Return the broken rules of the client's conduct."""
    found: list[str] = []
    checks = (partial(arm.no_early_polls, tolerance_s=0.001), arm.one_request_at_a_time, arm.no_requests_after_end)
    for check in checks:
        try:
            check()
        except AssertionError as error:
            found.append(str(error))
    return found


async def main() -> None:
    """Serve until the standard input ends."""
    arm = FakeARM(default=script_of, limits=Limits(_PLENTY, _PLENTY, _PLENTY), floor_s=WAIT_S, log_size=1_000_000)
    async with arm.serve() as base_url:
        sys.stdout.write(json.dumps([base_url]) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        cookies = {request.headers.get("cookie", "none")[:80] for request in arm.requests}
        report = {
            "broken": broken(arm),
            "lateness_s": lateness_s(arm, WAIT_S, asyncio.get_running_loop().time()),
            "cookies": sorted(cookies - {"own=1"}),
        }
        sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
