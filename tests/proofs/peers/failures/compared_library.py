"""The interface of a compared library, azpoll or azure-core, and its fake service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from azpoll.options import Method
    from azpoll.testing import FakeARM, RequestRecord

ORIGIN = "https://management.azure.com"
FOREIGN = "https://attacker.example"
THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/t"
QUERY = "api-version=2024-01-01"

SECRET = "b34r3r-0f-g0ld"
"""The prefix of every bearer token; no other text contains it."""

PASSWORD = "p4ssw0rd-in-the-body"
"""A secret in the body of each initial request."""

DAY_S = 86_400.0
"""The limit of a scenario; an operation that is still polled then counts as endless."""


class Handle(Protocol):
    """One operation that a library polls."""

    async def end(self) -> str:
        """Await the operation; return its end in a few words."""
        ...

    def token(self) -> str:
        """Return a token to resume from."""
        ...

    def stop(self) -> None:
        """Stop polling."""
        ...


class Library(Protocol):
    """The calls that both libraries support."""

    async def begin(self, method: Method, path: str) -> Handle:
        """Send an initial request; return the handle of its operation."""
        ...

    def resume(self, token: str) -> Handle:
        """Resume an operation from a token."""
        ...


class IdentityProvider:
    """The identity provider; `token` is the valid bearer token."""

    def __init__(self, arm: FakeARM) -> None:
        self.token = SECRET
        self._arm = arm
        self._made = 0

    def change(self) -> None:
        """Replace the token; the service accepts only the new one."""
        self._made += 1
        self.token = f"{SECRET}-{self._made}"
        self._arm.rotate_token(self.token)


@dataclass(frozen=True)
class Setup:
    """The setup of one run of a scenario.

    Attributes:
        arm: the service.
        keys: its identity provider.
        library: azpoll or azure-core.
        method: the method of the initial request.
    """

    arm: FakeARM
    provider: IdentityProvider
    library: Library
    method: Method

    async def begin(self, path: str = THING) -> Handle:
        """Start an operation."""
        return await self.library.begin(self.method, path)

    def gets(self) -> list[RequestRecord]:
        """Return all GETs so far."""
        return [request for request in self.arm.requests if request.method == "GET"]
