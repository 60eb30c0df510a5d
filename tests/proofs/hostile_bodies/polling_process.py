"""Polls hostile bodies and prints how much each has cost the process: `polling_process.py LIBRARY BASE NAME...`."""

from __future__ import annotations

import json
import resource
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

import azpoll


def peak_kib() -> int:
    """Return the most memory this process has ever held.

    `ru_maxrss` would count what the process held that started this one; Linux keeps this one's own mark.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


async def polled(tracker: azpoll.Tracker[Any], library: Any, base: str, header: str, name: str) -> dict[str, object]:
    """Let one operation be polled, at once and at its deadline; return how it ended and what it has cost."""
    before = peak_kib()
    request = library.Request("DELETE", f"{base}/thing")
    response = library.Response(202, headers={header: f"{base}/{name}", "Retry-After": "0"}, request=request)
    operation = await tracker.track(response, timeout=0.05).wait()
    return {
        "name": name,
        "header": header,
        "error": type(operation.exception()).__name__,
        "grown_kib": peak_kib() - before,
    }


async def main(name: str, base: str, bombs: list[str]) -> None:
    """Warm up with ordinary answers, then poll each bomb through each pattern."""
    library = import_module(name)
    async with library.AsyncClient() as client, azpoll.Tracker(client, min_interval=0, on_exit="stop") as tracker:
        for header in ("Azure-AsyncOperation", "Location") * 20:
            await polled(tracker, library, base, header, "ordinary")
        for bomb in bombs:
            for header in ("Azure-AsyncOperation", "Location"):
                sys.stdout.write(json.dumps(await polled(tracker, library, base, header, bomb)) + "\n")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3:])
