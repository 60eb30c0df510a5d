"""A test kit for code that waits for Azure: a scripted fake of ARM, and virtual time.

It has three parts. Each works without the others and without the rest of azpoll.

`FakeARM` runs long-running operations of every polling pattern, with the faults of real services. One object serves
httpx (`arm.transport()`), httpx2 (`arm.transport("httpx2")`), any ASGI client (`arm` is an ASGI application) and real
sockets (`async with arm.serve() as base_url`). It logs every request and audits how the client polls.

`run_virtual` runs an async function under a virtual clock: `asyncio.sleep(3600)` takes no real time.

The pytest plugin provides both as fixtures, `fake_arm` and `virtual_time`.

    arm = FakeARM()
    arm.operation("PUT", "/subscriptions/s/resourceGroups/g", pattern="location", duration_s=300, retry_after=17)

    async def main() -> None:
        async with httpx.AsyncClient(transport=arm.transport(), base_url="https://management.azure.com") as client:
            ...  # the code under test

    run_virtual(main)
    arm.no_early_polls()

An operation follows a `Script`. A *step* answers each request on it: `Ordinary()` (the script's answer for the current
time), an explicit `Reply`, or a fault (`Drop`, `Cut`, `Drip`, `Delay`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.testing.exchange import Exchange, IncomingRequest
    from azpoll.testing.fake_arm import FakeARM
    from azpoll.testing.fake_operation import FakeOperation
    from azpoll.testing.rate_limits import Limits, Rate
    from azpoll.testing.request_log import RequestRecord, Statistics
    from azpoll.testing.retry_after import RetryAfter
    from azpoll.testing.script import Pattern, Script
    from azpoll.testing.steps import (
        ConnectionDropped,
        Cut,
        Delay,
        Drip,
        Drop,
        Ordinary,
        Reply,
        Step,
        gzip_bomb,
        html_page,
        redirect,
        status_monitor,
    )
    from azpoll.testing.virtual_time import (
        SocketsForbidden,
        VirtualLoop,
        VirtualRunner,
        VirtualTimeHang,
        run_virtual,
        virtual_backend,
    )
else:
    from azpoll.lazy_names import lazy_names

    _NAMES = {
        "azpoll.testing.exchange": "Exchange IncomingRequest",
        "azpoll.testing.fake_arm": "FakeARM",
        "azpoll.testing.fake_operation": "FakeOperation",
        "azpoll.testing.rate_limits": "Limits Rate",
        "azpoll.testing.request_log": "RequestRecord Statistics",
        "azpoll.testing.retry_after": "RetryAfter",
        "azpoll.testing.script": "Pattern Script",
        "azpoll.testing.steps": (
            "ConnectionDropped Cut Delay Drip Drop Ordinary Reply Step gzip_bomb html_page redirect status_monitor"
        ),
        "azpoll.testing.virtual_time": (
            "SocketsForbidden VirtualLoop VirtualRunner VirtualTimeHang run_virtual virtual_backend"
        ),
    }
    __getattr__, __dir__ = lazy_names(globals(), _NAMES)
    del TYPE_CHECKING, lazy_names


__all__ = [
    "ConnectionDropped",
    "Cut",
    "Delay",
    "Drip",
    "Drop",
    "Exchange",
    "FakeARM",
    "FakeOperation",
    "IncomingRequest",
    "Limits",
    "Ordinary",
    "Pattern",
    "Rate",
    "Reply",
    "RequestRecord",
    "RetryAfter",
    "Script",
    "SocketsForbidden",
    "Statistics",
    "Step",
    "VirtualLoop",
    "VirtualRunner",
    "VirtualTimeHang",
    "gzip_bomb",
    "html_page",
    "redirect",
    "run_virtual",
    "status_monitor",
    "virtual_backend",
]
