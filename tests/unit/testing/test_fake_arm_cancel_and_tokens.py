"""Operations can be cancelled, and tokens expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.testing import FakeARM, Script, status_monitor

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

GROUP = "/subscriptions/s1/resourceGroups/g"


async def test_arm_cancel_ends_the_operation_canceled(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    operation = fake_arm.operation("PUT", GROUP, duration_s=1000, cancel_takes_s=10)
    initial = await client.put(GROUP)
    assert (await client.post(f"{GROUP}/cancel")).status_code == 204
    url = initial.headers["azure-asyncoperation"]
    assert (await client.get(url)).json()["status"] == "InProgress"
    await anyio.sleep(5)
    await client.post(f"{GROUP}/cancel")
    await anyio.sleep(5)
    document = (await client.get(url)).json()
    assert (document["status"], document["error"]["code"]) == ("Canceled", "OperationCanceled")
    assert (await client.post(f"{GROUP}/cancel")).status_code == 409
    assert operation.canceled
    assert operation.outcome == "Canceled"


async def test_a_status_monitor_takes_cancel(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(pattern="operation-location", polls=[status_monitor("Running")])
    initial = await client.put("/x?api-version=1")
    url, _, query = initial.headers["operation-location"].partition("?")
    answer = await client.post(f"{url}:cancel?{query}")
    assert (answer.status_code, answer.json()["status"]) == (200, "Canceled")
    assert (await client.get(url)).json()["status"] == "Canceled"


async def test_a_cancel_path_may_be_an_operation_of_its_own(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script()
    fake_arm.operation("POST", f"{GROUP}/cancel", duration_s=5)
    await client.put(GROUP)
    assert (await client.post(f"{GROUP}/cancel")).status_code == 202
    assert (await client.post("/unknown/cancel")).status_code == 202


async def test_tokens_expire(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script()
    fake_arm.require_token("tok1")
    old, new = {"Authorization": "Bearer tok1"}, {"Authorization": "Bearer tok2"}
    assert (await client.put("/x")).status_code == 401
    assert (await client.put("/x", headers=old)).status_code == 201
    fake_arm.rotate_token("tok2")
    refused = await client.get("/x", headers=old)
    assert refused.status_code == 401
    assert "invalid_token" in refused.headers["www-authenticate"]
    assert (await client.get("/x", headers=new)).status_code == 200
    assert fake_arm.statistics().unauthorized == 2
    assert [record.authorized for record in fake_arm.requests] == [False, True, True, True]
