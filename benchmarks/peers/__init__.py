"""All measured peers by name, and the modules that each needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.workload import Workload


@dataclass(frozen=True)
class Peer:
    """One way to poll.

    Attributes:
        name: name in tables and goals.
        function: "module.function" of this package, which works on a `Workload`.
        needs: modules it imports.
        is_azpoll: whether azpoll does the polling.
    """

    name: str
    function: str
    needs: tuple[str, ...]
    is_azpoll: bool = False

    def load(self) -> Callable[[Workload], Awaitable[None]]:
        """Import and return the function."""
        module, _, name = self.function.partition(".")
        function: Callable[[Workload], Awaitable[None]] = getattr(import_module(f"{__name__}.{module}"), name)
        return function

    def missing(self) -> str | None:
        """Return the first module that is not installed."""
        for name in self.needs:
            try:
                if find_spec(name) is None:
                    return name
            except ModuleNotFoundError as error:
                return error.name
        return None


def _azpoll(over: str, function: str, *needs: str) -> Peer:
    return Peer(f"azpoll over {over}", f"tracker.{function}", needs, is_azpoll=True)


AZPOLL_HTTPX = _azpoll("httpx", "httpx", "httpx")
AZPOLL_HTTPX2 = _azpoll("httpx2", "httpx2", "httpx2")
AZPOLL_FAST = _azpoll("azpoll.fast", "fast", "httpx", "pyreqwest")
AZPOLL_FAST_AUTH = _azpoll("azpoll.fast, with an auth", "fast_with_auth", "httpx", "pyreqwest")
AZPOLL_PYREQWEST = _azpoll("pyreqwest's own transport", "pyreqwest", "httpx", "pyreqwest")
AZPOLL_AIOHTTP = _azpoll("httpx-aiohttp", "httpx_aiohttp", "httpx", "httpx_aiohttp")
AZURE = Peer("azure-core over aiohttp", "azure.aiohttp", ("azure.core", "azure.mgmt.core", "aiohttp"))
HTTPX = Peer("httpx loop", "loops.httpx", ("httpx",))
HTTPX_GATED = Peer("httpx loop behind a semaphore", "loops.gated", ("httpx",))
HTTPX2 = Peer("httpx2 loop", "loops.httpx2", ("httpx2",))
AIOHTTP = Peer("aiohttp loop", "loops.aiohttp", ("aiohttp",))
PYREQWEST = Peer("pyreqwest loop", "loops.pyreqwest", ("pyreqwest",))
RAW = Peer("raw asyncio, no HTTP library", "raw.connections", ())

PEERS = (
    *(AZPOLL_HTTPX, AZPOLL_HTTPX2, AZPOLL_FAST, AZPOLL_FAST_AUTH, AZPOLL_PYREQWEST, AZPOLL_AIOHTTP),
    *(AZURE, HTTPX, HTTPX_GATED, HTTPX2, AIOHTTP, PYREQWEST, RAW),
)


def named(name: str) -> Peer:
    """Return the peer of a name."""
    return next(peer for peer in PEERS if peer.name == name)
