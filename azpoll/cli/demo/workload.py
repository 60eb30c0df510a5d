"""The workload of the demo: operations of all polling patterns, with failures, cancellations and faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpoll.testing import Cut, Drop, Ordinary, Reply, RetryAfter, html_page

if TYPE_CHECKING:
    from random import Random

    from azpoll.options import Method
    from azpoll.testing import FakeARM, FakeOperation, Pattern, Step

OPERATIONS_PER_SUBSCRIPTION = 25
"""ARM grants each subscription 25 reads per second, and so does the fake."""

SHORTEST_S, LONGEST_S = 1.5, 6.5

_KINDS: tuple[tuple[Method, str, Pattern, int], ...] = (
    ("POST", "Microsoft.Compute/virtualMachines/vm-{n}/start?api-version=2016-03-30", "azure-async-operation", 20),
    ("PUT", "Microsoft.Resources/deployments/deploy-{n}?api-version=2016-09-01", "azure-async-operation", 20),
    ("PUT", "Microsoft.Storage/storageAccounts/store{n}?api-version=2016-01-01", "location", 20),
    ("PUT", "Microsoft.Web/sites/site-{n}?api-version=2024-04-01", "body", 15),
    ("PATCH", "Microsoft.Search/searchServices/search-{n}?api-version=2025-05-01", "operation-location", 8),
    ("POST", "Microsoft.CognitiveServices/accounts/ai-{n}/analyze?api-version=2024-10-01", "operation-location", 7),
    ("DELETE", "Microsoft.Network/virtualNetworks/net-{n}?api-version=2024-05-01", "azure-async-operation", 5),
    ("DELETE", "Microsoft.KeyVault/vaults/vault-{n}?api-version=2023-07-01", "location", 5),
)
"""Method, resource, polling pattern, and share in percent."""

_RETRY_AFTERS: tuple[float | RetryAfter | None, ...] = (
    *(1.0, 2.0, 2.0, 2.0, 3.0, 3.0, None),
    *(RetryAfter(2.0, "imf-date"), RetryAfter(1.5), RetryAfter(1.5, "retry-after-ms")),
)

_THROTTLED = Reply(429, {"error": {"code": "TooManyRequests", "message": "Come again later."}}, retry_after=2)
_LOCKED = Reply(429, {"error": {"code": "RetryableErrorDueToAnotherOperation", "message": "Busy."}}, retry_after=2)
_FAULTS: tuple[tuple[Step, ...], ...] = (
    (_THROTTLED,),  # concerns the whole subscription
    (_LOCKED,),  # concerns this operation alone
    (_LOCKED, _LOCKED),
    (Reply(503, retry_after=1),),
    (Reply(500),),
    (html_page(502),),
    (Drop(),),
    (Ordinary(), Drop()),
    (Reply(500), Reply(503, retry_after=2)),
    (html_page(504),),
    (Drop(reset=True),),
    (Cut(),),
)

FAILED, CANCELED, FAULTY = 0.04, 0.03, 0.12
"""Shares of the operations that fail, that are canceled, and whose polls are answered with faults."""


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """One operation to start.

    Attributes:
        method: of the initial request.
        url: path and query of the initial request.
        fake: the operation in the fake service.
    """

    method: Method
    url: str
    fake: FakeOperation


def plan_workload(arm: FakeARM, count: int, random: Random) -> list[PlannedOperation]:
    """Plan operations of all kinds in the fake; the same seed gives the same operations."""
    return [_plan(arm, number, random) for number in range(count)]


def _plan(arm: FakeARM, number: int, random: Random) -> PlannedOperation:
    (method, resource, pattern, _), *_ = random.choices(_KINDS, [kind[3] for kind in _KINDS])
    subscription = f"{number // OPERATIONS_PER_SUBSCRIPTION:08x}-0000-4000-8000-000000000000"
    url = f"/subscriptions/{subscription}/resourceGroups/demo/providers/{resource.format(n=number)}"
    fake = arm.operation(
        method,
        url.partition("?")[0],
        pattern=pattern,
        duration_s=random.uniform(SHORTEST_S, LONGEST_S),
        retry_after=random.choice(_RETRY_AFTERS),
        outcome=_outcome(pattern, random),
        percent_complete=random.random() < 0.5,  # noqa: PLR2004 - half of the operations report a percentage
        polls=_polls(random),
    )
    return PlannedOperation(method, url, fake)


def _outcome(pattern: Pattern, random: Random) -> str:
    chance = random.random()
    if chance < FAILED:
        return "Failed"
    # A Location URL answers 4xx for every outcome but success, so a cancellation looks like a failure there.
    return "Canceled" if chance < FAILED + CANCELED and pattern != "location" else "Succeeded"


def _polls(random: Random) -> tuple[Step, ...] | None:
    if random.random() >= FAULTY:
        return None
    before = (Ordinary(),) * random.randrange(2)
    return (*before, *random.choice(_FAULTS), Ordinary())
