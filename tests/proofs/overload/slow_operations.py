"""Healthy operations beside many that hang, and the lateness of their polls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import anyio
import httpx

import azpoll
from azpoll.testing import Delay, Drip, FakeARM, IncomingRequest, Ordinary, Script, status_monitor
from tests.proofs.fleets.fleet import ORIGIN, CountingTransport
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from azpoll.testing.steps import Step

HANGS_S = 29.0
RETRY_AFTER_S = 10.0

HANGING: dict[str, tuple[Step, ...]] = {
    "late answers": (Delay(HANGS_S, Ordinary()),),
    "every second answer is late": (Ordinary(), Delay(HANGS_S, Ordinary())),
    "two in three answers are late": (Ordinary(), Delay(HANGS_S, Ordinary()), Delay(HANGS_S, Ordinary())),
    "no answers": (Delay(1e4),),
    "slow bodies": (Drip(1, 4.0, status_monitor("InProgress")),),
}
"""The answers of an operation that hangs, over and over."""

SCOPES: dict[str, Callable[[int], str]] = {
    "own subscriptions": lambda number: f"{ORIGIN}/subscriptions/bad{number}",
    "own origins": lambda number: f"https://bad{number}.example/subscriptions/s",
    "one bad subscription": lambda _: f"{ORIGIN}/subscriptions/bad",
    "the subscription of the healthy": lambda _: f"{ORIGIN}/subscriptions/good",
}
"""The scope of an operation that hangs, by its number."""


class PooledTransport(CountingTransport):
    """A transport with a number of connections; None for an unknown one."""

    def __init__(self, arm: FakeARM, connections: int | None) -> None:
        super().__init__(arm)
        self._pool = Pool(connections)


class Pool:
    """The pool of a transport, as the pools of httpcore name their size."""

    def __init__(self, connections: int | None) -> None:
        self._max_connections = connections


class Lateness(NamedTuple):
    """The lateness of healthy operations in seconds.

    Attributes:
        polls: of each poll.
        ends: seconds between the end of each operation and the answer that told it.
        lost: number of operations whose end was not told.
        in_flight: the highest number of concurrent requests.
        slow_answers: number of answers to operations that hang.
    """

    polls: list[float]
    ends: list[float]
    lost: int
    in_flight: int
    slow_answers: int

    def quantile(self, share: float) -> float:
        """Return the lateness of polls that `share` (0..1) of all do not exceed."""
        return -1.0 if not self.polls else sorted(self.polls)[min(int(len(self.polls) * share), len(self.polls) - 1)]


async def lateness_beside(
    steps: Sequence[Step],
    scope: Callable[[int], str],
    *,
    hanging: int = 500,
    healthy: int = 1,
    duration_s: float = 600.0,
    until_s: float = 700.0,
    owner: Hashable = None,
    connections: int | None = None,
    max_in_flight: int | None = None,
) -> Lateness:
    """Track operations that hang, then healthy ones, all at the same time; return the lateness of the healthy ones."""

    def script(request: IncomingRequest) -> Script:
        if "/good/healthy" in request.path:
            return Script(duration_s=duration_s, retry_after=RETRY_AFTER_S)
        return Script(duration_s=1e6, retry_after=RETRY_AFTER_S, polls=[*steps] * 300)

    arm = FakeARM(default=script, limits=None, latency_s=0.05, log_size=1_000_000)
    transport = PooledTransport(arm, connections)
    late: list[float] = []
    answers = 0

    def listen(event: azpoll.Event) -> None:
        nonlocal answers
        if isinstance(event, azpoll.PollAnswered):
            if event.label == "healthy":
                late.append(event.lateness_s)
            else:
                answers += event.status_code == 200

    def track(url: str, label: str) -> None:
        path = url.partition("://")[2].partition("/")[2]
        origin = url[: -len(path) - 1]
        exchange = arm.exchange(IncomingRequest("PUT", origin, f"/{path}", "api-version=1", {}, b"{}"))
        exchange.told()
        exchange.finished(complete=True)
        assert exchange.status is not None
        initial = httpx.Response(
            exchange.status,
            headers=exchange.headers,
            content=exchange.body,
            request=httpx.Request("PUT", f"{url}?api-version=1"),
        )
        tracker.track(initial, result="status", label=label, owner=owner if label == "healthy" else None)

    async with (
        new_client(transport=transport, base_url=ORIGIN) as client,
        azpoll.Tracker(client, on_exit="stop", max_in_flight=max_in_flight) as tracker,
    ):
        tracker.subscribe(listen)
        for number in range(hanging):
            track(f"{scope(number)}/resourceGroups/g/providers/Microsoft.Fake/things/t{number}", "hangs")
        for number in range(healthy):
            track(f"{ORIGIN}/subscriptions/good/healthy/g/providers/Microsoft.Fake/things/h{number}", "healthy")
        await anyio.sleep(until_s)
    good = [operation for operation in arm.operations.values() if "/good/healthy" in operation.path]
    ends = [
        operation.told_end_at_s - operation.ended_at_s
        for operation in good
        if operation.told_end_at_s is not None and operation.ended_at_s is not None
    ]
    return Lateness(late, ends, healthy - len(ends), transport.max_in_flight_seen, answers)
