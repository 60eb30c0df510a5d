"""Healthy operations beside hundreds of hostile ones, each in a subscription of its own, in virtual time (T16, T20)."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, Drip, FakeARM, IncomingRequest, Reply, Script, redirect
from tests.proofs.adversary.polling_lateness import lateness_s, percentile
from tests.support.clients import client_of
from tests.support.scale import SCALE, scaled

if TYPE_CHECKING:
    import httpx

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HOSTILE, HEALTHY = 500, 20
LASTS_S = scaled(push=200, nightly=3600)
RETRY_AFTER_S = 10.0
MAX_LATE_S = 10.0
"""At p99, in seconds."""

FAR_S = 31_536_000_000.0
"""A thousand years."""

_NO_READS = {"x-ms-ratelimit-remaining-subscription-reads": "0"}

KINDS: dict[str, Script] = {
    "late": Script(duration_s=1e6, retry_after=1, polls=[Delay(29)]),
    "silent": Script(duration_s=1e6, retry_after=1, polls=[Delay(math.inf)]),
    "dripping": Script(duration_s=1e6, retry_after=1, polls=[Drip(1, 4)]),
    "429": Script(duration_s=1e6, retry_after=1, polls=[Reply(429, retry_after=FAR_S)]),
    "429 without a wait": Script(duration_s=1e6, retry_after=1, polls=[Reply(429, retry_after=0)]),
    "late 429": Script(duration_s=1e6, retry_after=1, polls=[Delay(29, Reply(429, retry_after=FAR_S)), Delay(29)]),
    "503": Script(duration_s=1e6, retry_after=1, polls=[Reply(503, retry_after=FAR_S)]),
    "no reads left": Script(duration_s=1e6, polls=[Reply(200, {"status": "Running"}, _NO_READS, retry_after=1)]),
    "redirects": Script(duration_s=1e6, retry_after=1, polls=[redirect("{poll_url}", 307)]),
    "impatient": Script(duration_s=1e6, retry_after=0),
    "initially silent": Script(initial=Delay(math.inf)),
    "initially dripping": Script(initial=Drip(1, 4)),
    "initially throttled": Script(initial=Delay(29, Reply(429, retry_after=1))),
}
"""The courses of hostile operations. The last poll is repeated."""

FREQUENT = {"no reads left", "redirects", "impatient", "429 without a wait"}
"""Kinds that are polled each second, so that fewer operations make as many requests."""

INITIAL = {"initially silent", "initially dripping", "initially throttled"}
"""Kinds whose initial requests take up to 120 s each. 30 of them leave connections for others, 500 do not."""

PLAYED: dict[str, list[str]] = {
    "mixed": sorted(KINDS.keys() - INITIAL - FREQUENT),
    "frequent": sorted(FREQUENT),
    "silent": ["silent"],
    "initially dripping": ["initially dripping"],
    **({kind: [kind] for kind in KINDS} if SCALE == "nightly" else {}),
}
"""The kinds of each run."""


def service_of(kinds: list[str]) -> FakeARM:
    def script_of(request: IncomingRequest) -> Script:
        hostile = re.match(r"/subscriptions/bad(\d+)", request.path)
        if hostile is None:
            return Script(duration_s=60, retry_after=RETRY_AFTER_S)
        return KINDS[kinds[int(hostile[1]) % len(kinds)]]

    return FakeARM(default=script_of, limits=None, latency_s=0.05, log_size=1_000_000)


async def begin_and_wait(tracker: azpoll.Tracker[httpx.Response], subscription: str) -> float:
    """Begin an operation and await its end; return the time that `begin` took, in seconds."""
    url = f"/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Fake/things/t?api-version=1"
    started_s = anyio.current_time()
    operation = await tracker.begin("PUT", url, json={})
    took_s = anyio.current_time() - started_s
    await operation
    return took_s


async def hostile_one(tracker: azpoll.Tracker[httpx.Response], number: int) -> None:
    """Begin a hostile operation, and another one whenever it ends."""
    while True:
        with suppress(azpoll.InitialRequestFailed, azpoll.PollingError):
            await begin_and_wait(tracker, f"bad{number}")
        await anyio.sleep(1)


async def healthy_one(tracker: azpoll.Tracker[httpx.Response], number: int, begin_s: list[float]) -> None:
    await anyio.sleep(5 + (LASTS_S - 120) * number / HEALTHY)
    begin_s.append(await begin_and_wait(tracker, f"good{number}"))


@pytest.mark.parametrize("name", PLAYED)
async def test_t20_healthy_operations_are_polled_in_time_beside_500_hostile_ones(
    name: str, anyio_backend_name: str
) -> None:
    kinds, begin_s, late_s = PLAYED[name], list[float](), list[float]()
    arm = service_of(kinds)
    hostile = HOSTILE if anyio_backend_name == "asyncio" and not FREQUENT.issuperset(kinds) else HOSTILE // 10
    if INITIAL.issuperset(kinds):
        hostile = 30
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client, on_exit="stop") as tracker,
        anyio.create_task_group() as tasks,
    ):
        for number in range(hostile):
            tasks.start_soon(hostile_one, tracker, number)
        for number in range(HEALTHY):
            tasks.start_soon(healthy_one, tracker, number, begin_s)
        await anyio.sleep(LASTS_S)
        late_s += lateness_s(arm, RETRY_AFTER_S, anyio.current_time(), lambda path: "/good" in path)
        tasks.cancel_scope.cancel()
    assert percentile(late_s, 0.99) <= MAX_LATE_S
    assert len(begin_s) == HEALTHY, "operations are lost"
    assert max(begin_s) <= MAX_LATE_S
    arm.no_early_polls()
    arm.one_request_at_a_time()
