"""The other policies on the whole stack: one task per operation, httpx over `FakeARM`.

This is slow, so it runs small fleets; they show that `benchmarks.fleet.bucket_model`, used for large ones, is fair.
"""

from __future__ import annotations

from http import HTTPStatus

import anyio
import httpx

from azpoll.testing import run_virtual
from benchmarks.fleet.bucket_model import POLICIES, Rules
from benchmarks.fleet.scenario import GROUP, ORIGIN, QUERY, RETRY_AFTER_S, Fleet, Outcome, outcome_at, service


def whole_stack(fleet: Fleet, policy: str, seed: int) -> Outcome:
    """Simulate a policy of `bucket_model.POLICIES`."""
    arm = service(fleet, seed)
    rules = POLICIES[policy]

    async def run() -> None:
        async with (
            httpx.AsyncClient(transport=arm.transport(), base_url=ORIGIN) as client,
            anyio.create_task_group() as tasks,
        ):
            for number in range(fleet.operations):
                response = await client.put(f"{GROUP}/Microsoft.Test/widgets/w-{number}?{QUERY}", json={})
                tasks.start_soon(_wait, client, response.headers["azure-asyncoperation"], rules)
                await anyio.sleep(fleet.every_s)

    run_virtual(run, seed=seed)
    return outcome_at(arm, fleet, f"{policy}, whole stack")


async def _wait(client: httpx.AsyncClient, url: str, rules: Rules) -> None:
    await anyio.sleep(rules.first_s)
    tries = 0
    while True:
        response = await client.get(url)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            tries += 1
            if tries >= rules.tries:
                return
        else:
            tries = 0
            if response.json()["status"] == "Succeeded":
                return
        await anyio.sleep(float(response.headers.get("retry-after", RETRY_AFTER_S)))
