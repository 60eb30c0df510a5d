"""Runs each known failure with azpoll and with azure-core, and compares the published page."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import FakeARM, run_virtual
from tests.proofs.peers.failures.azpoll_library import with_azpoll
from tests.proofs.peers.failures.azure_core_library import with_azure_core
from tests.proofs.peers.failures.compared_library import FOREIGN, IdentityProvider, Library, Setup
from tests.proofs.peers.failures.failure_cases import CASES
from tests.proofs.peers.failures.failures_page import PAGE, page

if TYPE_CHECKING:
    from tests.proofs.peers.failures.failure_case import Scenario

SCENARIOS = [
    pytest.param(
        scenario,
        id=f"{case.name}-{scenario.name}",
        marks=[pytest.mark.slow] if scenario.limits is not None else [],
    )
    for case in CASES
    for scenario in case.scenarios
]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_azpoll_gives_the_right_result(scenario: Scenario, backend: str) -> None:
    arm = scenario.arm()
    provider = IdentityProvider(arm)

    async def run(library: Library) -> str:
        return await scenario.run(Setup(arm, provider, library, scenario.method))

    result = run_virtual(with_azpoll, arm, provider, run, backend="trio" if backend == "trio" else "asyncio")

    assert result == scenario.azpoll
    check(arm)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_azure_core_gives_the_result_on_the_page(scenario: Scenario) -> None:
    arm = scenario.arm()
    provider = IdentityProvider(arm)

    async def main() -> str:
        async def run(library: Library) -> str:
            return await scenario.run(Setup(arm, provider, library, scenario.method))

        return await with_azure_core(arm, provider, run, expiring=scenario.expiring)

    assert run_virtual(main) == scenario.azure_core


def check(arm: FakeARM) -> None:
    """Assert the invariants of azpoll in every scenario."""
    arm.no_early_polls()
    arm.no_requests_after_end()
    arm.one_request_at_a_time()
    assert not any(request.url.startswith(FOREIGN) for request in arm.requests)


def test_the_page_matches_the_cases() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.proofs.peers.failures --write"


def test_the_page_names_the_versions_it_was_made_with() -> None:
    for distribution in ("azure-core", "azure-mgmt-core"):
        assert f"{distribution} {version(distribution)}" in page()


def test_every_scenario_has_a_unique_name() -> None:
    names = [param.id for param in SCENARIOS]
    assert len(set(names)) == len(names)
