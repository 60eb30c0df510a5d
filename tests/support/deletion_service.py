"""A service with one DELETE, and a client that polls it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azpoll
from azpoll.testing import FakeARM, Step, status_monitor

if TYPE_CHECKING:
    from azpoll.testing import RequestRecord

THING = "/subscriptions/s/resourceGroups/g/things/t"
RUNNING, SUCCEEDED = status_monitor("Running"), status_monitor("Succeeded")


def service(*polls: Step) -> FakeARM:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[*polls, SUCCEEDED])
    return arm


async def polled(client: Any) -> None:
    """Begin one operation and await it."""
    async with client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("DELETE", THING))


def polls_of(arm: FakeARM) -> list[RequestRecord]:
    return [request for request in arm.requests if request.method == "GET"]
