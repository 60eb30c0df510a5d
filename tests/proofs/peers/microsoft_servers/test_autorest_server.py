"""Every long-running operation of the autorest test server, and the counts of the server."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any, Final, TypedDict

import anyio
import httpx
import pytest

import azpoll
from tests.proofs.peers.microsoft_servers.autorest_delete_post import DELETES_AND_POSTS
from tests.proofs.peers.microsoft_servers.autorest_errors import ERRORS
from tests.proofs.peers.microsoft_servers.autorest_put_patch import PRODUCT, PUTS
from tests.proofs.peers.microsoft_servers.autorest_retries import GIVEN_UP, RETRIES
from tests.proofs.peers.microsoft_servers.server_scenario_run import (
    LIMIT_S,
    AnyClientClass,
    AnyTracker,
    fresh_client,
    rows,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.proofs.peers.microsoft_servers.server_scenario import Scenario

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300), pytest.mark.slow]

SCENARIOS: Final = PUTS + DELETES_AND_POSTS + RETRIES + GIVEN_UP + ERRORS
METHODS: Final = frozenset({"put", "patch", "post", "delete", "get"})
REPORTS: Final = ("vanilla", "azure", "optional", "dpg")
# A header test without an operation, whose name matches the pattern below.
NOT_AN_OPERATION: Final = frozenset({"CustomHeaderInRequest"})
# Specified in the package, but not served.
NOT_SERVED: Final = frozenset({"storage.json"})

Operation = TypedDict(
    "Operation",
    {"x-ms-long-running-operation": bool, "x-ms-long-running-operation-options": dict[str, str]},
    total=False,
)


@rows(scenario for scenario in SCENARIOS if not scenario.waits)
async def test_outcome(autorest: str, scenario: Scenario, client_class: AnyClientClass) -> None:
    """The operation ends as the table says, after exactly the requests of the table."""
    await run(scenario, client_class, autorest)


async def test_the_server_counts_every_scenario(autorest: str, client_class: AnyClientClass) -> None:
    """The server counts a scenario after its last step; concurrent runs of all scenarios are counted.

    Only this test runs the scenarios that take 1 s or more.
    """
    wrong: list[Exception] = []

    async def check(scenario: Scenario) -> None:
        try:
            await run(scenario, client_class, autorest)
        except Exception as error:  # noqa: BLE001 - the counts are checked first
            error.add_note(scenario.id)
            wrong.append(error)

    async with fresh_client(client_class, autorest) as (client, _):
        (await client.post("/report/clear")).raise_for_status()
        with anyio.fail_after(LIMIT_S * 2):
            async with anyio.create_task_group() as tasks:
                for scenario in SCENARIOS:
                    tasks.start_soon(check, scenario)
        counted: dict[str, int] = {}
        for report in REPORTS:
            counted |= (await client.get(f"/report/{report}")).json()
    operations = {name for name in counted if re.search("LRO|^CustomHeader", name)} - NOT_AN_OPERATION
    assert operations == {name for scenario in SCENARIOS for name in scenario.names}
    assert {name for name in operations if counted[name] == 0} == set()
    if wrong:
        raise ExceptionGroup("outcomes that differ from the table", wrong)


async def test_rule_26_an_auth_that_raises_is_given_up(autorest: str, paired_client_class: AnyClientClass) -> None:
    """The auth signs the initial request, then raises for each poll: after two of them its exception is the cause."""
    refused = ConnectionError("the identity service is down")

    def sign(request: Any) -> Any:
        if request.method == "GET":
            raise refused
        return request

    async with fresh_client(paired_client_class, autorest) as (client, answers):
        client.auth = sign
        tracker: AnyTracker = azpoll.Tracker(client, patience=azpoll.Patience(auth_attempts=2), min_interval=0)
        async with tracker:
            operation = await tracker.begin("POST", "/lro/postasync/noretry/succeeded", json=PRODUCT)
            with (
                anyio.fail_after(LIMIT_S),
                pytest.raises(azpoll.AuthenticationFailed, match="2 times in a row") as lost,
            ):
                await operation
    assert lost.value.__cause__ is refused
    assert answers.status_codes == [202]


def test_every_specified_operation_is_in_the_table(modules: Path) -> None:
    """Each long-running operation of Microsoft's OpenAPI documents is a row of the table."""
    specified = set(_specified(modules / "@microsoft.azure" / "autorest.testserver" / "swagger"))
    assert specified
    assert specified <= {(scenario.method, scenario.path, scenario.final_state_via) for scenario in SCENARIOS}


def _specified(folder: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield method, path and `final-state-via` of each served long-running operation."""
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
    """No other machine can reach the servers during the tests."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; it only selects the outward address
        except OSError:
            pytest.skip("this machine has only a loopback address")
        outward = probe.getsockname()[0]
    for base_url in (autorest, spector):
        port = httpx.URL(base_url).port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(OSError), socket.create_connection((outward, port), timeout=5):  # noqa: PT011 - refused or filtered
            pass
