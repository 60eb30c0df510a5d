"""The modules that a program imports: those that few programs need are imported at their first use."""

from __future__ import annotations

import subprocess
import sys

FEW_NEED = {
    "azpoll.group",
    "azpoll.protocol.azure_core_token",
    "azpoll.schedule.leased_bucket",
    "azpoll.snapshot",
    "azpoll.tracking.hint_board",
    "azpoll.tracking.journal",
    "azpoll.tracking.journaled_record",
    "azpoll.tracking.overview",
    "azpoll.tracking.stored_text",
}

OPERATION = """
import asyncio, httpx, sys
from azpoll import Tracker

MONITOR = "https://management.azure.com/subscriptions/s/operations/1"
words = iter(["Running", "Succeeded"])

def answer(request):
    if request.method == "PUT":
        return httpx.Response(201, headers={"Azure-AsyncOperation": MONITOR, "Retry-After": "0"}, json={})
    if request.url == MONITOR:
        return httpx.Response(200, headers={"Retry-After": "0"}, json={"status": next(words)})
    return httpx.Response(200, json={"name": "n"})

async def main():
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        async with Tracker(client, min_interval=0) as tracker:
            operation = await tracker.begin("PUT", "https://management.azure.com/subscriptions/s/n", json={})
            assert (await operation).json() == {"name": "n"}

before = set(sys.modules)
asyncio.run(main())
print("\\n".join(name for name in sys.modules.keys() - before if name.startswith("azpoll")))
"""


def printed_by(program: str) -> set[str]:
    """Return the words that a program prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - its own
    return set(done.stdout.split())


def test_importing_the_tracker_loads_no_module_that_few_programs_need() -> None:
    loaded = printed_by("import sys; from azpoll import Tracker; print(*sys.modules)")
    assert "azpoll.tracker" in loaded
    assert not loaded & FEW_NEED


def test_each_module_that_few_programs_need_exists() -> None:
    imports = "; ".join(f"import {name}" for name in sorted(FEW_NEED))
    assert printed_by(f"import sys; {imports}; print(*sys.modules)") >= FEW_NEED


def test_an_ordinary_operation_loads_no_further_module_of_azpoll() -> None:
    """No poll waits for an import, which may fail when the process has no file descriptor left."""
    assert not printed_by(OPERATION)
