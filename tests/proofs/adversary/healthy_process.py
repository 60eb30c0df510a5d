"""A healthy service in a process of its own: `python -m tests.proofs.adversary.healthy_process`.

It prints its origin, and its judgement of the client's conduct once its input ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from azpoll.testing import FakeARM, IncomingRequest, Limits, Rate, RetryAfter, Script
from tests.proofs.adversary.event_loop_probe import waited_s
from tests.proofs.adversary.polling_lateness import lateness_s

WAIT_S = 0.5
"""The `Retry-After` of each answer, in seconds."""

TOLERANCE_S = 0.001
"""A poll that is early by less is not early: the clocks of two processes are read at different times."""

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


def repeated_polls(arm: FakeARM) -> list[tuple[str, float, float, str]]:
    """Return the polls that came early or after the end, if the client has read the answer before each of them.

    Returns:
        The operation, when the answer before the poll was sent, when the poll arrived, and a text. The times are those
        of the event loop.
    """
    found: list[tuple[str, float, float, str]] = []
    answered_s: dict[str, float] = {}
    for record in arm.requests:
        if record.operation is None:
            continue
        number = re.search(r"/(g\d+)/", record.path)
        if (record.early_s > TOLERANCE_S or record.after_end) and number is not None:
            found.append((number[1], answered_s[record.operation], record.at_s, str(record)))
        answered_s[record.operation] = record.at_s
    return found


def broken(arm: FakeARM) -> list[str]:
    """Return the other broken rules of the client's conduct."""
    try:
        arm.one_request_at_a_time()
    except AssertionError as error:
        return [str(error)]
    return []


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
            "repeated": repeated_polls(arm),
            "lateness_s": lateness_s(arm, WAIT_S, asyncio.get_running_loop().time()),
            "cookies": sorted(cookies - {"own=1"}),
            "waited_s": waited_s(),
        }
        sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
