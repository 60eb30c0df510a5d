"""`Case` and `Scenario`: a known failure of another client, and the scenarios that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpoll.testing import FakeARM, Limits, Script
from tests.proofs.peers.failures.failure_scenarios import end_and_gets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.options import Method
    from azpoll.testing import Pattern, Step
    from tests.proofs.peers.failures.compared_library import Setup


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The behaviour of a server, and the expected results of both libraries.

    Attributes:
        name: the name in the test id.
        server: the behaviour of the server, for the page.
        azpoll: the result of `run` with azpoll, which is the right one.
        azure_core: the result of `run` with azure-core.
        core_is_right: whether the result of azure-core is right too.
        script: the script of the operation.
        method: the method of the initial request.
        run: the calls of the library.
        limits: the rate limits of the service; None if the scenario is not about them.
        expiring: whether the caller's credential knows the expiry of its tokens.
    """

    name: str
    server: str
    azpoll: str
    azure_core: str
    core_is_right: bool = False
    script: Script = field(default_factory=Script)
    method: Method = "PUT"
    run: Callable[[Setup], Awaitable[str]] = end_and_gets
    limits: Limits | None = None
    expiring: bool = True

    def arm(self) -> FakeARM:
        """Return the fake service."""
        return FakeARM(default=self.script, limits=self.limits)


@dataclass(frozen=True)
class Case:
    """A known failure of another client.

    Attributes:
        name: the name in the test ids.
        title: the failure, for the page.
        evidence: the reports of the failure, besides azure-core 1.41.
        scenarios: the scenarios that show it.
    """

    name: str
    title: str
    evidence: str
    scenarios: tuple[Scenario, ...]


def script_of(*steps: Step, pattern: Pattern = "azure-async-operation") -> Script:
    """Return the script of an operation whose polls get these steps; the last step is repeated."""
    return Script(polls=steps, pattern=pattern)
