"""The stage of every scenario: a `FakeARM`, and a library on it, which is azpoll or azure-core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from azpoll.testing import FakeARM, RequestRecord

ORIGIN = "https://management.azure.com"
FOREIGN = "https://attacker.example"
THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/t"
QUERY = "api-version=2024-01-01"

SECRET = "b34r3r-0f-g0ld"
"""The bearer token, or its beginning; no other text on the stage holds it."""

PASSWORD = "p4ssw0rd-in-the-body"
"""Stands in the body of each initial request."""

DAY_S = 86_400.0
"""No scenario waits longer; whoever has not ended then is taken to wait for ever."""


class Handle(Protocol):
    """One operation that a library polls."""

    async def ended(self) -> str:
        """Wait, and say in a few words how it ended for whoever awaits it."""
        ...

    def token(self) -> str:
        """Return what takes the polling up again."""
        ...

    def leave(self) -> None:
        """Poll it no more."""
        ...


class Library(Protocol):
    """What a scenario asks of azpoll and of azure-core alike."""

    async def begin(self, method: str, path: str) -> Handle:
        """Send an initial request and hold on to the operation it starts."""
        ...

    def resume(self, token: str) -> Handle:
        """Take up an operation from a token."""
        ...


class Keys:
    """The identity provider: gives the bearer token that is valid now."""

    def __init__(self, arm: FakeARM) -> None:
        self.token = SECRET
        self._arm = arm
        self._made = 0

    def change(self) -> None:
        """Make a new token; from now on the service takes no other."""
        self._made += 1
        self.token = f"{SECRET}-{self._made}"
        self._arm.rotate_token(self.token)


@dataclass(frozen=True)
class Stage:
    """What a play is given.

    Attributes:
        arm: the service.
        keys: its identity provider.
        library: azpoll or azure-core.
        method: of the initial request.
    """

    arm: FakeARM
    keys: Keys
    library: Library
    method: str

    async def begin(self, path: str = THING) -> Handle:
        """Start an operation."""
        return await self.library.begin(self.method, path)

    def gets(self) -> list[RequestRecord]:
        """Return all GETs so far."""
        return [request for request in self.arm.requests if request.method == "GET"]
