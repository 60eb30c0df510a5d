"""Requests are throttled by token buckets, as ARM does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.testing import FakeARM, Limits, Rate, Script
from tests.support.clients import client_of

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

ONE, TWO = "/subscriptions/one/x", "/subscriptions/TWO/x"


async def test_250_reads_pass_at_once_and_25_a_second(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    for left in range(249, -1, -1):
        answer = await client.get(ONE)
        assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == str(left)
    refused = await client.get(ONE)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error"]["code"] == "TooManyRequests"
    await anyio.sleep(1)
    codes = [(await client.get(ONE)).status_code for _ in range(26)]
    assert codes == [404] * 25 + [429]
    assert fake_arm.statistics().throttled == 2


@pytest.mark.parametrize(("method", "kind"), [("PUT", "writes"), ("POST", "writes"), ("DELETE", "deletes")])
async def test_writes_and_deletes_have_buckets_of_200_and_10_a_second(
    client: httpx.AsyncClient, fake_arm: FakeARM, method: str, kind: str
) -> None:
    fake_arm.default = Script()
    answers = [await client.request(method, ONE) for _ in range(201)]
    assert [answer.status_code for answer in answers].count(429) == 1
    assert answers[0].headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] == "199"
    await anyio.sleep(1)
    codes = [(await client.request(method, ONE)).status_code for _ in range(11)]
    assert codes.count(429) == 1
    assert fake_arm.statistics().started == 210


async def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    arm = FakeARM(limits=Limits(reads=Rate(2, 1)))
    async with client_of(arm) as client:
        await client.get(ONE)
        await anyio.sleep(100)
        assert [(await client.get(ONE)).status_code for _ in range(3)] == [404, 404, 429]


async def test_each_subscription_and_principal_has_its_own() -> None:
    arm = FakeARM(limits=Limits(reads=Rate(1, 0.5)))
    arm.require_token("a", principal="first")
    arm.require_token("b", principal="second")

    async with client_of(arm) as client:

        async def get(path: str, token: str) -> int:
            return (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code

        assert [await get(ONE, "a"), await get(ONE, "b"), await get(TWO, "a")] == [404, 404, 404]
        assert [await get(ONE, "a"), await get(TWO.lower(), "a")] == [429, 429]
        arm.rotate_token("c", principal="first")
        assert [await get(ONE, "c"), await get(ONE, "a"), await get(ONE, "b")] == [429, 401, 429]


async def test_paths_outside_subscriptions_count_for_the_tenant(client: httpx.AsyncClient) -> None:
    assert (await client.get("/providers")).headers["x-ms-ratelimit-remaining-tenant-reads"] == "249"


@pytest.mark.parametrize("limits", [None, Limits(reads=None)])
async def test_limits_can_be_lifted(limits: Limits | None) -> None:
    arm = FakeARM(limits=limits)
    async with client_of(arm) as client:
        assert {(await client.get(ONE)).status_code for _ in range(300)} == {404}


async def test_the_wait_can_be_set() -> None:
    arm = FakeARM(limits=Limits(writes=Rate(1, 1), retry_after_s=10))
    async with client_of(arm) as client:
        await client.put(ONE)
        assert (await client.put(ONE)).headers["retry-after"] == "10"
