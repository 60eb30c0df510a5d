"""The request log judges how a client treats the service."""

from __future__ import annotations

import anyio
import httpx
import pytest

from azpoll.testing import (
    Cut,
    Delay,
    FakeARM,
    Ordinary,
    Reply,
    RetryAfter,
    Script,
    Step,
    redirect,
)
from tests.support.clients import ORIGIN, client_of

pytestmark = pytest.mark.anyio


async def started(client: httpx.AsyncClient) -> str:
    """Start an operation and return its polling URL, or the resource's."""
    headers = (await client.put("/x")).headers
    return str(headers.get("azure-asyncoperation") or headers.get("location") or "/x")


async def test_an_early_poll_is_reported(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(retry_after=10)
    url = await started(client)
    await anyio.sleep(9.5)
    await client.get(url)
    with pytest.raises(
        AssertionError,
        match=r"at 9\.500 s: GET https://management\.azure\.com/.*operationStatuses.* -> 200, 0\.500 s early",
    ):
        fake_arm.no_early_polls()
    fake_arm.no_early_polls(tolerance_s=0.6)
    assert fake_arm.statistics().early_polls == 1


@pytest.mark.parametrize("form", ["seconds", "imf-date", "rfc850-date", "asctime-date", "retry-after-ms"])
async def test_a_poll_on_time_is_not_early_for_any_form_of_retry_after(
    client: httpx.AsyncClient, fake_arm: FakeARM, form: str
) -> None:
    retry_after = {"retry-after-ms": RetryAfter(10, "retry-after-ms"), "seconds": RetryAfter(10)}.get(form)
    fake_arm.default = Script(retry_after=retry_after or RetryAfter(10, "imf-date"))
    url = await started(client)
    await anyio.sleep(10)
    await client.get(url)
    fake_arm.no_early_polls()
    await anyio.sleep(9)
    await client.get(url)
    with pytest.raises(AssertionError, match=r"1\.000 s early"):
        fake_arm.no_early_polls()


@pytest.mark.parametrize("reply", [Reply(429, retry_after=20), Reply(503, retry_after=20)])
async def test_a_refusal_may_have_a_retry_after(client: httpx.AsyncClient, fake_arm: FakeARM, reply: Reply) -> None:
    fake_arm.default = Script(retry_after=1, polls=[reply, Ordinary()])
    url = await started(client)
    await anyio.sleep(1)
    await client.get(url)
    await anyio.sleep(1)
    await client.get(url)
    with pytest.raises(AssertionError, match=r"19\.000 s early"):
        fake_arm.no_early_polls()


@pytest.mark.parametrize("told", [None, 0, -1])
async def test_the_floor_applies_without_a_retry_after(told: float | None) -> None:
    strict, lax = (
        FakeARM(default=Script(retry_after=told), floor_s=2),
        FakeARM(default=Script(retry_after=told), floor_s=0),
    )
    for arm in (strict, lax):
        async with client_of(arm) as client:
            url = await started(client)
            await anyio.sleep(0.5)
            await client.get(url)
    lax.no_early_polls()
    with pytest.raises(AssertionError, match=r"1\.500 s early"):
        strict.no_early_polls()


async def test_an_extreme_retry_after_applies_up_to_the_cap() -> None:
    arm = FakeARM(default=Script(retry_after=1e9), retry_after_cap_s=60)
    async with client_of(arm) as client:
        url = await started(client)
        await anyio.sleep(60)
        await client.get(url)
    arm.no_early_polls()


async def test_a_retry_after_counts_from_the_sending_of_the_answer(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(retry_after=10, initial=Delay(5))
    url = await started(client)
    await anyio.sleep(9)
    await client.get(url)
    with pytest.raises(AssertionError, match=r"1\.000 s early"):
        fake_arm.no_early_polls()


@pytest.mark.parametrize("first", [Reply(401), redirect("{poll_url}?hop=1")])
async def test_an_immediate_redirect_or_repetition_is_not_early(
    client: httpx.AsyncClient, fake_arm: FakeARM, first: Step
) -> None:
    fake_arm.default = Script(retry_after=1, polls=[first, Ordinary()])
    url = await started(client)
    await anyio.sleep(1)
    await client.get(url)
    await client.get(url)
    fake_arm.no_early_polls()


async def test_after_a_404_only_the_resource_may_be_requested_immediately() -> None:
    arm = FakeARM(default=Script(pattern="body", polls=[Reply(404)], duration_s=0), floor_s=5)
    async with client_of(arm) as client:
        await client.put("/x")
        await anyio.sleep(5)
        await client.get("/x")
        arm.no_early_polls()
        await client.get("/X")
        arm.no_early_polls()
        await client.get("/X")
    with pytest.raises(AssertionError, match=r"5\.000 s early"):
        arm.no_early_polls()


async def test_the_final_get_is_never_early_and_the_only_request_after_the_end(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(retry_after=10, duration_s=10)
    url = await started(client)
    await client.get("/x")
    await anyio.sleep(10)
    await client.get(url)
    await client.get("/x")
    fake_arm.no_early_polls()
    fake_arm.no_requests_after_end()
    await client.get("/x")
    with pytest.raises(AssertionError, match=r"GET https://management\.azure\.com/x -> 200"):
        fake_arm.no_requests_after_end()


@pytest.mark.parametrize(
    "script",
    [
        Script(duration_s=0),
        Script(duration_s=0, outcome="Failed"),
        Script(duration_s=0, pattern="location"),
        Script(duration_s=0, pattern="location", outcome="Failed"),
        Script(duration_s=0, pattern="body"),
        Script(polls=[Reply(204)]),
        Script(polls=[Reply(200)], pattern="location"),
    ],
)
async def test_a_poll_after_the_end_is_reported(client: httpx.AsyncClient, fake_arm: FakeARM, script: Script) -> None:
    fake_arm.default = script
    url = await started(client)
    await anyio.sleep(1)
    await client.get(url)
    if script.pattern != "body":  # there the initial answer told the end
        fake_arm.no_requests_after_end()
        await client.get(url)
    with pytest.raises(AssertionError, match="had ended"):
        fake_arm.no_requests_after_end()


async def test_an_end_that_did_not_arrive_may_be_polled_again(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=0, polls=[Cut(2), Ordinary()])
    url = await started(client)
    await anyio.sleep(1)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(url)
    await client.get(url)
    fake_arm.no_requests_after_end()
    assert fake_arm.statistics().told == 1


async def test_a_location_that_is_not_ready_may_be_polled_again(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=0, location=True, finals=[Reply(202, retry_after=3), Ordinary()])
    initial = await client.post("/x")
    await anyio.sleep(1)
    await client.get(initial.headers["azure-asyncoperation"])
    for _ in range(2):
        await client.get(initial.headers["location"])
        await anyio.sleep(3)
    fake_arm.no_requests_after_end()
    fake_arm.no_early_polls()


async def test_an_initial_answer_may_be_the_end(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(initial=Reply(204))
    await client.put("/x")
    (operation,) = fake_arm.operations.values()
    assert operation.told_end_at_s is not None


async def test_two_concurrent_requests_are_reported(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(polls=[Delay(1)])
    url = await started(client)
    await anyio.sleep(1)
    await client.get(url)
    fake_arm.one_request_at_a_time()
    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(client.get, url)
    with pytest.raises(AssertionError, match="and 2 more"):
        fake_arm.one_request_at_a_time()


async def test_each_client_of_an_operation_is_judged_by_itself() -> None:
    """The client that resumes polls beside the one that began the operation."""
    arm = FakeARM(latency_s=0.1, client_header="X-Client")
    operation = arm.operation(duration_s=9, retry_after=5)
    async with client_of(arm) as client:

        async def poll(name: str) -> None:
            await client.get(operation.monitor_url, headers={"x-client": name})

        await client.put("/x", headers={"x-client": "one"})
        await anyio.sleep(5)
        operation.audits["two"] = operation.audits["one"].resumed(knows_end=False)
        async with anyio.create_task_group() as group:
            group.start_soon(poll, "one")
            group.start_soon(poll, "two")
        await anyio.sleep(5)
        await poll("one")
        await poll("two")
        for check in (arm.no_early_polls, arm.one_request_at_a_time, arm.no_requests_after_end):
            check()
        assert operation.polls == 4
        await poll("two")
    with pytest.raises(AssertionError, match="had ended"):
        arm.no_requests_after_end()


async def test_a_client_that_resumes_is_judged_by_the_answers_before() -> None:
    arm = FakeARM(client_header="x-client")
    operation = arm.operation(duration_s=5, retry_after=5, pattern="azure-async-operation")
    async with client_of(arm) as client:
        await client.put("/x", headers={"x-client": "one"})
        operation.audits["two"] = operation.audits["one"].resumed(knows_end=False)
        await client.get(operation.monitor_url, headers={"x-client": "two"})
        with pytest.raises(AssertionError, match=r"5\.000 s early"):
            arm.no_early_polls()
        await anyio.sleep(5)
        await client.get(operation.monitor_url, headers={"x-client": "one"})
        operation.audits["three"] = operation.audits["one"].resumed(knows_end=True)
        await client.get(operation.resource_url, headers={"x-client": "three"})
        arm.no_requests_after_end()
        await client.get(operation.monitor_url, headers={"x-client": "three"})
    with pytest.raises(AssertionError, match="had ended"):
        arm.no_requests_after_end()


async def test_reads_per_second_are_counted_in_a_sliding_window(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    for delay_s in (0.9, 0.2, 5.0, 0.0):
        await client.get("/x")
        await anyio.sleep(delay_s)
    fake_arm.max_reads_per_second(2)
    fake_arm.max_reads_per_second(0.5, window_s=8)
    with pytest.raises(AssertionError, match=r"2 reads between .*; 1 per second allow 1 in 1 s"):
        fake_arm.max_reads_per_second(1)


async def test_credentials_for_another_origin_are_reported(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script()
    await client.put("/x", headers={"Authorization": "Bearer t"})
    await client.get("https://evil.example/x")
    fake_arm.no_credentials_elsewhere(ORIGIN)
    with pytest.raises(AssertionError, match=r"evil\.example"):
        fake_arm.no_requests_elsewhere(ORIGIN)
    await client.get("https://evil.example/y", headers={"api-key": "k"})
    with pytest.raises(AssertionError, match=r"evil\.example/y"):
        fake_arm.no_credentials_elsewhere(ORIGIN)
