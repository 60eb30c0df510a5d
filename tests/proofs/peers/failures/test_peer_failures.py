"""Each failure of a peer, played with azpoll and with azure-core; the published page says the same."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import FakeARM, run_virtual
from tests.proofs.peers.failures.azpoll_library import with_azpoll
from tests.proofs.peers.failures.azure_core_library import with_azure_core
from tests.proofs.peers.failures.compared_library import FOREIGN, Keys, Library, Stage
from tests.proofs.peers.failures.failure_cases import CASES
from tests.proofs.peers.failures.failures_page import PAGE, page

if TYPE_CHECKING:
    from tests.proofs.peers.failures.failure_case import Scenario

SCENARIOS = [pytest.param(scenario, id=f"{case.name}-{scenario.name}") for case in CASES for scenario in case.scenarios]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_azpoll_survives(scenario: Scenario, backend: str) -> None:
    arm = scenario.arm()
    keys = Keys(arm)

    async def play(library: Library) -> str:
        return await scenario.play(Stage(arm, keys, library, scenario.method))

    told = run_virtual(with_azpoll, arm, keys, play, backend="trio" if backend == "trio" else "asyncio")

    assert told == scenario.azpoll
    judge(arm)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_azure_core_does_what_the_page_says(scenario: Scenario) -> None:
    arm = scenario.arm()
    keys = Keys(arm)

    async def main() -> str:
        async def play(library: Library) -> str:
            return await scenario.play(Stage(arm, keys, library, scenario.method))

        return await with_azure_core(arm, keys, play, expiring=scenario.expiring)

    assert run_virtual(main) == scenario.azure_core


def judge(arm: FakeARM) -> None:
    """Assert what holds for azpoll in every scenario."""
    arm.no_early_polls()
    arm.no_requests_after_end()
    arm.one_request_at_a_time()
    assert not any(request.url.startswith(FOREIGN) for request in arm.requests)


def test_the_page_is_that_of_the_cases() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.proofs.peers.failures --write"


def test_the_page_names_the_versions_it_was_made_with() -> None:
    for distribution in ("azure-core", "azure-mgmt-core"):
        assert f"{distribution} {version(distribution)}" in page()


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [param.id for param in SCENARIOS]
    assert len(set(names)) == len(names)
