"""Every long-running operation of the autorest test server, and the server's own count of them."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Final, TypedDict

import anyio
import httpx
import pytest

from tests.proofs.peers.microsoft_servers.autorest_delete_post import OTHERS
from tests.proofs.peers.microsoft_servers.autorest_errors import SADS
from tests.proofs.peers.microsoft_servers.autorest_put_patch import PUTS
from tests.proofs.peers.microsoft_servers.autorest_retries import RETRIES
from tests.proofs.peers.microsoft_servers.server_scenario_run import LIMIT_S, AnyClientClass, fresh_client, play, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.proofs.peers.microsoft_servers.server_scenario import Scenario

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300), pytest.mark.xdist_group("acceptance")]

SCENARIOS: Final = PUTS + OTHERS + RETRIES + SADS
METHODS: Final = frozenset({"put", "patch", "post", "delete", "get"})
REPORTS: Final = ("vanilla", "azure", "optional", "dpg")
# Of the names in the server's reports that look like ours: this one is a header test without an operation.
NOT_AN_OPERATION: Final = frozenset({"CustomHeaderInRequest"})
# Specified in the package, but served by nobody.
NOT_SERVED: Final = frozenset({"storage.json"})

Operation = TypedDict(
    "Operation",
    {"x-ms-long-running-operation": bool, "x-ms-long-running-operation-options": dict[str, str]},
    total=False,
)


@rows(scenario for scenario in SCENARIOS if not scenario.waits)
async def test_outcome(autorest: str, scenario: Scenario, client_class: AnyClientClass) -> None:
    """The operation ends as the table says, and no request more or less is sent for it."""
    await play(scenario, client_class, autorest)


@rows(scenario for scenario in SCENARIOS if scenario.waits)
async def test_outcome_after_a_wait(autorest: str, scenario: Scenario, paired_client_class: AnyClientClass) -> None:
    """As above; with the other library of each event loop they run in the test below, all at once."""
    await play(scenario, paired_client_class, autorest)


async def test_the_server_saw_every_scenario_through(autorest: str, client_class: AnyClientClass) -> None:
    """The server counts a scenario when its last step was asked for: all its long-running ones count, at once."""
    wrong: list[Exception] = []

    async def judge(scenario: Scenario) -> None:
        try:
            await play(scenario, client_class, autorest)
        except Exception as error:  # noqa: BLE001 - the count is looked at first, whatever went wrong
            error.add_note(scenario.id)
            wrong.append(error)

    async with fresh_client(client_class, autorest) as (client, _):
        (await client.post("/report/clear")).raise_for_status()
        with anyio.fail_after(LIMIT_S * 2):
            async with anyio.create_task_group() as all_at_once:
                for scenario in SCENARIOS:
                    all_at_once.start_soon(judge, scenario)
        counted: dict[str, int] = {}
        for report in REPORTS:
            counted |= (await client.get(f"/report/{report}")).json()
    operations = {name for name in counted if re.search("LRO|^CustomHeader", name)} - NOT_AN_OPERATION
    assert operations == {name for scenario in SCENARIOS for name in scenario.names}
    assert {name for name in operations if counted[name] == 0} == set()
    if wrong:
        raise ExceptionGroup("outcomes that differ from the table", wrong)


def test_every_specified_operation_is_in_the_table(modules: Path) -> None:
    """Microsoft's OpenAPI documents mark the long-running operations; each is a row of the table."""
    specified = set(_specified(modules / "@microsoft.azure" / "autorest.testserver" / "swagger"))
    assert specified
    assert specified <= {(scenario.method, scenario.path, scenario.final_state_via) for scenario in SCENARIOS}


def _specified(folder: Path) -> Iterator[tuple[str, str, str | None]]:
    """Give method, path and `final-state-via` of each long-running operation that is served."""
    values = {"{constantParameter}": ["iAmConstant"], "{mode}": ["raw", "model"]}
    for file in folder.glob("*.json"):
        if file.name in NOT_SERVED:
            continue
        paths: dict[str, dict[str, Operation]] = json.loads(file.read_text(encoding="utf-8-sig"))["paths"]
        for path, operations in paths.items():
            parameter = re.search(r"\{\w+\}", path)
            for method in METHODS & operations.keys():
                operation = operations[method]
                if not operation.get("x-ms-long-running-operation"):
                    continue
                via = operation.get("x-ms-long-running-operation-options", {}).get("final-state-via")
                for value in values[parameter[0]] if parameter else [""]:
                    yield method.upper(), re.sub(r"\{\w+\}", value, path), via


def test_only_loopback_is_bound(autorest: str, spector: str) -> None:
    """No other machine can reach the servers while the tests run."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only picks the address that faces the world
        except OSError:
            pytest.skip("this machine has no address but loopback")
        outward = probe.getsockname()[0]
    for base_url in (autorest, spector):
        port = httpx.URL(base_url).port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(OSError), socket.create_connection((outward, port), timeout=5):  # noqa: PT011  # refused, or filtered
            pass
