"""Every long-running operation of azure-http-specs, and the results that spector reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.proofs.peers.microsoft_servers.server_scenario_run import AnyClientClass, fresh_client, rows, run
from tests.proofs.peers.microsoft_servers.spector_scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.proofs.peers.microsoft_servers.server_scenario import Scenario

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300), pytest.mark.slow]


def _version(url: str) -> str | None:
    version: str | None = httpx.URL(url).params.get("api-version")
    return version


@rows(scenario for scenario in SCENARIOS if not scenario.waits)
async def test_outcome(spector: str, scenario: Scenario, client_class: AnyClientClass) -> None:
    """The operation ends as the table says, after the requests of the table, each with its api-version (rule 12)."""
    answers = await run(scenario, client_class, spector)
    assert {_version(url) for url in answers.urls} == {_version(scenario.path)}


async def test_spector_passes_every_scenario(spector: str, paired_client_class: AnyClientClass) -> None:
    """Spector reports `pass` if each endpoint of a scenario got valid requests and answered with 2xx.

    Only this test runs the scenarios with a Retry-After.
    """
    for scenario in SCENARIOS:  # sequentially, since the server counts the polls of all clients together
        await run(scenario, paired_client_class, spector)
    async with fresh_client(paired_client_class, spector) as (client, _):
        results: dict[str, str] = (await client.get("/.coverage")).json()[0]["results"]
    completed = {name for scenario in SCENARIOS for name in scenario.names}
    assert {name for name in results if "_Lro" in name} <= completed
    assert {name: results[name] for name in sorted(completed)} == dict.fromkeys(sorted(completed), "pass")
