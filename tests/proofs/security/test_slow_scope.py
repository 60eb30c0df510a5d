"""Threat T16: a scope with slow answers delays other scopes by at most one exchange."""

from __future__ import annotations

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, FakeARM, IncomingRequest, Ordinary, Reply, Script
from tests.support.clients import client_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

EXCHANGE_S = 120.0
RETRY_AFTER_S = 10.0
SLOW_OPERATIONS = 400
"""50 times the number of workers, so that one of these operations is always due."""


def script_of(request: IncomingRequest) -> Script:
    if "/subscriptions/bad/" in request.path:
        steps = [Delay(2 * EXCHANGE_S, Ordinary()), Delay(EXCHANGE_S - 1, Reply(429, retry_after=1))]
        return Script(duration_s=1e6, retry_after=1, polls=steps * 100)
    return Script(duration_s=600, retry_after=RETRY_AFTER_S)


async def test_a_scope_with_slow_answers_starves_no_other_scope() -> None:
    """Its answers come after the limit of an exchange, or just before it with 429, so it could take every worker."""
    arm = FakeARM(default=script_of, limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        for name in ("bad",) * SLOW_OPERATIONS + ("good",) * 5:
            url = f"/subscriptions/{name}/resourceGroups/g{len(arm.operations)}?api-version=1"
            await tracker.begin("PUT", url, json={}, result="status")
        await anyio.sleep(700)
        late_s = {scope.scope.rpartition(" ")[2]: scope.lateness_p99_s or 0.0 for scope in tracker.statistics().scopes}
    good = [operation for operation in arm.operations.values() if operation.ended_at_s is not None]
    assert len(good) == 5
    for operation in good:
        assert operation.ended_at_s is not None
        assert operation.told_end_at_s is not None, "it ended, but no poll has read the end"
        assert operation.told_end_at_s - operation.ended_at_s <= RETRY_AFTER_S + EXCHANGE_S
    assert late_s["good"] <= EXCHANGE_S < late_s["bad"], "the slow scope waits for itself"
