"""Every long-running operation of azure-http-specs, and spector's own verdict on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.proofs.peers.microsoft_servers.server_scenario_run import AnyClientClass, fresh_client, play, rows
from tests.proofs.peers.microsoft_servers.spector_scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.proofs.peers.microsoft_servers.server_scenario import Scenario

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300), pytest.mark.xdist_group("acceptance")]


def _version(url: str) -> str | None:
    version: str | None = httpx.URL(url).params.get("api-version")
    return version


@rows(scenario for scenario in SCENARIOS if not scenario.waits)
async def test_outcome(spector: str, scenario: Scenario, client_class: AnyClientClass) -> None:
    """The operation ends as the table says, in the requests that it says, each with the api-version (rule 12)."""
    wire = await play(scenario, client_class, spector)
    assert {_version(url) for url in wire.urls} == {_version(scenario.path)}


async def test_spector_passes_every_scenario(spector: str, paired_client_class: AnyClientClass) -> None:
    """Spector reports `pass` where each endpoint of a scenario was asked, rightly, and answered in the 200s.

    The operations that wait for a Retry-After are tried here alone.
    """
    for scenario in SCENARIOS:  # one after the other: the server counts polls for all clients together
        await play(scenario, paired_client_class, spector)
    async with fresh_client(paired_client_class, spector) as (client, _):
        results: dict[str, str] = (await client.get("/.coverage")).json()[0]["results"]
    played = {name for scenario in SCENARIOS for name in scenario.names}
    assert {name for name in results if "_Lro" in name} <= played
    assert {name: results[name] for name in sorted(played)} == dict.fromkeys(sorted(played), "pass")
