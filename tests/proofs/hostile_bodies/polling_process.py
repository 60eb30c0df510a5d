"""Polls hostile bodies and prints their cost in memory: `polling_process.py LIBRARY BASE NAME...`."""

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
    """Return the peak memory of this process, in KiB.

    `ru_maxrss` includes the memory of the parent process; `VmHWM` of Linux does not.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


async def poll_once(tracker: azpoll.Tracker[Any], library: Any, base: str, header: str, name: str) -> dict[str, object]:
    """Poll one operation, immediately and at its deadline; return its end and its cost."""
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


async def main(name: str, base: str, names: list[str]) -> None:
    """Warm up with ordinary answers, then poll each hostile body through each pattern."""
    library = import_module(name)
    async with library.AsyncClient() as client, azpoll.Tracker(client, min_interval=0, on_exit="stop") as tracker:
        for header in ("Azure-AsyncOperation", "Location") * 20:
            await poll_once(tracker, library, base, header, "ordinary")
        for body_name in names:
            for header in ("Azure-AsyncOperation", "Location"):
                sys.stdout.write(json.dumps(await poll_once(tracker, library, base, header, body_name)) + "\n")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3:])
