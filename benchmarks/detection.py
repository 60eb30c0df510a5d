"""Polls and detection delay of schedules, where the service names no wait: the whole stack in virtual time.

Each operation has a type of azpoll's table of recorded operations, in proportion to their counts, and a duration drawn
from the quantiles of that type. The schedule knows the same table. So the figures show its effect where operations are
as those that were recorded.
"""

from __future__ import annotations

import json
import random
from functools import partial
from importlib.resources import files
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import anyio
import httpx

import azpoll
from azpoll.options import Method
from azpoll.schedule.polling_schedule import time_of
from azpoll.testing import FakeARM, Script, run_virtual

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.schedule.polling_schedule import Quantiles
    from benchmarks.jobs import Figures

AZURE_CORE, DOUBLING, RECORDED, DEARER = (
    *("30 s fixed, as azure-core", "azpoll, durations=None: 1, 2, 4 .. 30 s", "azpoll, by default"),
    "azpoll, durations=Durations(price=2.25)",
)

POLICIES = (AZURE_CORE, DOUBLING, RECORDED, DEARER)

ASSUMPTION = (
    "Durations are drawn from the types of azpoll's table of recorded operations, each as often as it was recorded."
    " The tails below p10 and above p90 are log-linear: the logarithm of the time goes on in the share of operations"
    " as between the nearest two quantiles. No answer has a `Retry-After`, and no time passes in the network."
)

ORIGIN = "https://management.azure.com"

INTERVAL_S = 30.0
"""The interval of azure-core where a service names none."""

STARTS_S = 3600.0
"""Operations start at even intervals within an hour, so that those that end teach those that start later."""

_METHODS: dict[str, Method] = {each: each for each in get_args(Method)}
_SEED = 1
_GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, are spread evenly at every number of them


class Drawn(NamedTuple):
    """One operation of a run."""

    method: Method
    url: str
    duration_s: float


def detection(policy: str, operations: int) -> Figures:
    """Polls per operation, and the delay from the end of an operation to the poll that reports it."""
    drawn = draw(operations)
    durations = iter([each.duration_s for each in drawn])
    arm = FakeARM(default=lambda _request: Script(duration_s=next(durations)), limits=None, log_size=10)
    run_virtual(_fixed if policy == AZURE_CORE else partial(_tracked, policy), arm, drawn)
    told = [(fake.told_end_at_s, fake.ended_at_s) for fake in arm.operations.values()]
    delays_s = sorted(told_s - ended_s for told_s, ended_s in told if told_s is not None and ended_s is not None)
    assert len(delays_s) == operations
    return {
        "polls": sum(fake.polls for fake in arm.operations.values()) / operations,
        "mean_s": sum(delays_s) / operations,
        "p50_s": delays_s[operations // 2],
        "p90_s": delays_s[operations * 9 // 10],
    }


def draw(operations: int) -> list[Drawn]:
    """Return operations of all types, in a random order that is the same for every policy."""
    rows = list(_rows())
    ends = list(accumulate(count for count, _, _ in rows))
    drawn: list[Drawn] = []
    row = 0
    for number in range(operations):
        while ends[row] < (number + 0.5) / operations * ends[-1]:
            row += 1
        _, (provider, types, name), quantiles = rows[row]
        method, _, action = name.partition(" ")
        url = _url(provider, "".join(f"/{each}/{number}" for each in types.split("/") if each), action)
        drawn.append(Drawn(_METHODS[method.upper()], url, time_of(quantiles, number * _GOLDEN % 1)))
    random.Random(_SEED).shuffle(drawn)
    return drawn


def _rows() -> Iterator[tuple[int, tuple[str, str, str], Quantiles]]:
    """Yield the count of each row, its provider, type and method with action, and its quantiles."""
    table: dict[str, Any] = json.loads(files("azpoll.schedule").joinpath("durations.json").read_text(encoding="utf-8"))
    for provider, types in table["types"].items():
        for path, names in types.items():
            for name, (count, _, _, _, *quantiles) in names.items():
                yield count, (provider, path, name), tuple(quantiles)


def _url(provider: str, path: str, action: str) -> str:
    """Return the URL of an operation; a provider with the name of a host is not part of ARM."""
    if provider == "microsoft.resources" and path.startswith("/resourcegroups"):
        start = f"{ORIGIN}/subscriptions/s"
    elif provider.endswith((".com", ".net")):
        start = f"https://x.{provider}/v1.0"
    else:
        start = f"{ORIGIN}/subscriptions/s/providers/{provider}"
    return f"{start}{path}/{action}" if action else start + path


async def _tracked(policy: str, arm: FakeARM, drawn: list[Drawn]) -> None:
    durations = {DOUBLING: None, RECORDED: azpoll.Durations(), DEARER: azpoll.Durations(price=2.25)}[policy]
    async with (
        httpx.AsyncClient(transport=arm.transport()) as client,
        azpoll.Tracker(client, budget=None, durations=durations) as tracker,
    ):
        for each in drawn:
            await tracker.begin(each.method, each.url, result="status")
            await anyio.sleep(STARTS_S / len(drawn))


async def _fixed(arm: FakeARM, drawn: list[Drawn]) -> None:
    """Poll as azure-core does: a task per operation that sleeps before each poll."""

    async def wait(client: httpx.AsyncClient, polling_url: str) -> None:
        status = "InProgress"
        while status == "InProgress":
            await anyio.sleep(INTERVAL_S)
            status = (await client.get(polling_url)).json()["status"]

    async with httpx.AsyncClient(transport=arm.transport()) as client, anyio.create_task_group() as tasks:
        for each in drawn:
            response = await client.request(each.method, each.url)
            tasks.start_soon(wait, client, response.headers["azure-asyncoperation"])
            await anyio.sleep(STARTS_S / len(drawn))
