"""Everybody who is measured, by name, and what each needs to be installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.scene import Scene


@dataclass(frozen=True)
class Peer:
    """One way to poll.

    Attributes:
        name: as it is printed.
        function: of a module of this package, "module.function"; it plays a `Scene`.
        needs: modules it imports.
        ours: whether it is azpoll.
    """

    name: str
    function: str
    needs: tuple[str, ...]
    ours: bool = False

    def load(self) -> Callable[[Scene], Awaitable[None]]:
        """Import and return the function."""
        module, _, name = self.function.partition(".")
        function: Callable[[Scene], Awaitable[None]] = getattr(import_module(f"{__name__}.{module}"), name)
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


FLOOR = Peer("raw asyncio, no HTTP library", "floor.connections", ())
AZURE = Peer("azure-core over aiohttp", "azure.aiohttp", ("azure.core", "azure.mgmt.core", "aiohttp"))
HTTPX = Peer("httpx loop", "naive.httpx", ("httpx",))
HTTPX_GATED = Peer("httpx loop behind a semaphore", "naive.gated", ("httpx",))
HTTPX2 = Peer("httpx2 loop", "naive.httpx2", ("httpx2",))
AIOHTTP = Peer("aiohttp loop", "naive.aiohttp", ("aiohttp",))
PYREQWEST = Peer("pyreqwest loop", "naive.pyreqwest", ("pyreqwest",))
ZAPROS = Peer("zapros loop", "naive.zapros", ("zapros",))
OURS_HTTPX = Peer("azpoll over httpx", "tracked.httpx", ("httpx",), ours=True)
OURS_HTTPX2 = Peer("azpoll over httpx2", "tracked.httpx2", ("httpx2",), ours=True)
OURS_PYREQWEST = Peer("azpoll over pyreqwest", "tracked.pyreqwest", ("httpx", "pyreqwest"), ours=True)
OURS_SIGNED = Peer("azpoll over pyreqwest, with an auth", "tracked.signed", ("httpx", "pyreqwest"), ours=True)
OURS_AIOHTTP = Peer("azpoll over httpx-aiohttp", "tracked.httpx_aiohttp", ("httpx", "httpx_aiohttp"), ours=True)
OURS_SESSION = Peer(
    "azpoll over httpx-aiohttp, a session given", "tracked.aiohttp_session", ("httpx", "httpx_aiohttp"), ours=True
)
OURS_THEIRS = Peer("azpoll over pyreqwest's own transport", "tracked.pyreqwests_own", ("httpx", "pyreqwest"), ours=True)
FAST = OURS_PYREQWEST
"""What `azpoll[fast]` installs."""

PEERS = (
    *(AZURE, HTTPX, HTTPX_GATED, HTTPX2, AIOHTTP, PYREQWEST, ZAPROS, FLOOR),
    *(OURS_HTTPX, OURS_HTTPX2, OURS_PYREQWEST, OURS_SIGNED, OURS_THEIRS, OURS_AIOHTTP, OURS_SESSION),
)


def named(name: str) -> Peer:
    """Return the peer of a name."""
    return next(peer for peer in PEERS if peer.name == name)
