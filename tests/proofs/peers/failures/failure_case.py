"""`Case` and `Scenario`: one failure of a peer, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpoll.testing import FakeARM, Limits, Script
from tests.proofs.peers.failures.failure_scenarios import to_the_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.testing import Pattern, Step
    from tests.proofs.peers.failures.compared_library import Stage


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a server does, and what each library makes of it.

    Attributes:
        name: of the test.
        server: what the server does, for the page.
        azpoll: what `play` tells of azpoll: what is right.
        azure_core: what `play` tells of azure-core.
        core_is_right: whether azure-core serves its caller as well here.
        script: how the operation goes.
        method: of the initial request.
        play: what is done with the library.
        limits: of the service's reads and writes; none, unless the scenario is about them.
        expiring: whether the caller's credential knows when its tokens end.
    """

    name: str
    server: str
    azpoll: str
    azure_core: str
    core_is_right: bool = False
    script: Script = field(default_factory=Script)
    method: str = "PUT"
    play: Callable[[Stage], Awaitable[str]] = to_the_end
    limits: Limits | None = None
    expiring: bool = True

    def arm(self) -> FakeARM:
        """Return the service."""
        return FakeARM(default=self.script, limits=self.limits)


@dataclass(frozen=True)
class Case:
    """A failure that a peer is known for.

    Attributes:
        name: of the tests.
        title: what goes wrong, for the page.
        evidence: where it was reported or seen, besides azure-core 1.41.
        scenarios: what shows it.
    """

    name: str
    title: str
    evidence: str
    scenarios: tuple[Scenario, ...]


def polled(*steps: Step, pattern: Pattern = "azure-async-operation") -> Script:
    """Return the script of an operation whose polls are answered by these steps, the last repeated."""
    return Script(polls=steps, pattern=pattern)
