"""Random operations of every pattern, with every fault that services are known for."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpoll.options import Method
from azpoll.testing import Cut, Delay, Drip, Drop, Ordinary, Reply, RetryAfter, Script, html_page, redirect
from azpoll.testing.script import is_success

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.testing import Pattern, Step

ORIGIN = "https://management.azure.com"

PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "operation-location", "location", "body")
OUTCOMES = ("Succeeded",) * 6 + ("Completed", "Failed", "Failed", "Canceled", "Cancelled")
MAX_FAULTS = 6
"""In a row: fewer than the number after which azpoll gives up."""

_CODES = (408, 500, 502, 503, 504)


def _throttled(draw: random.Random) -> Step:
    code = draw.choice(["SubscriptionRequestsThrottled", "RetryableErrorDueToAnotherOperation"])
    return Reply(429, {"error": {"code": code}}, retry_after=draw.choice([None, 1.0, 17.0]))


FAULTS: dict[str, Callable[[random.Random], Step]] = {
    "429": _throttled,
    "5xx": lambda draw: Reply(draw.choice(_CODES), {"error": {"code": "Busy"}}),
    "5xx with Retry-After": lambda draw: Reply(503, retry_after=draw.uniform(0, 60)),
    "404": lambda _: Reply(404, {"error": {"code": "NotFound"}}),
    "403": lambda _: Reply(403, {"error": {"code": "AuthorizationFailed"}}),
    "dropped": lambda draw: Drop(reset=draw.random() < 0.5),
    "cut": lambda draw: Cut(draw.randint(1, 40)),
    "silence": lambda _: Delay(100),
    "late": lambda draw: Delay(draw.uniform(0, 20)),
    "dripping": lambda draw: Drip(7, draw.choice([0.1, 10])),
    "html": lambda _: html_page(),
    "null": lambda _: Reply(200, "null", terminal=False),
    "no JSON": lambda _: Reply(200, '{"status": ', terminal=False),
    "no status": lambda _: Reply(200, {"status": 7}, terminal=False),
    "redirect": lambda _: redirect("{poll_url}", 307),
}
"""Answers in place of a status. Some are possible only at a status monitor, where they cannot be the result."""

MONITOR_FAULTS = {"null", "no JSON", "no status", "html", "404", "403", "redirect", "cut"}


@dataclass
class Fleet:
    """A fleet of random operations.

    Attributes:
        methods: the methods of the initial requests.
        scripts: the scripts of the operations, in the same order.
        faults: the number of faults by kind.
    """

    methods: list[Method] = field(default_factory=list[Method])
    scripts: list[Script] = field(default_factory=list[Script])
    faults: dict[str, int] = field(default_factory=dict[str, int])


def random_fleet(seed: int, operations: int, kinds: frozenset[str] = frozenset(FAULTS)) -> Fleet:
    """Return the fleet of a seed, with faults of the given kinds."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    fleet = Fleet()
    for _ in range(operations):
        pattern = draw.choice(PATTERNS)
        fleet.methods.append(draw.choice(["PUT", "PATCH"] if pattern == "body" else ["PUT", "PATCH", "POST", "DELETE"]))
        polls = _polls(draw, pattern, kinds, fleet) if draw.random() < 0.6 else None
        fleet.scripts.append(
            Script(
                pattern=pattern,
                duration_s=min(draw.lognormvariate(4.5, 0.8), 1800),
                retry_after=draw.choice([None, 5.0, 17.0, RetryAfter(17, "imf-date"), RetryAfter(9, "retry-after-ms")]),
                outcome=draw.choice(OUTCOMES),
                running=draw.choice(["InProgress", "Running", "Accepted", "PreparingNetwork"]),
                location=pattern != "body" and draw.random() < 0.3,
                resource_location=draw.random() < 0.2 and pattern not in {"location", "body"},
                percent_complete=draw.random() < 0.5,
                polls=polls,
            )
        )
    return fleet


def _polls(draw: random.Random, pattern: Pattern, kinds: frozenset[str], fleet: Fleet) -> list[Step]:
    """Return ordinary answers with a burst of faults between them; the last answer is repeated."""
    monitored = pattern in {"azure-async-operation", "operation-location"}
    possible = sorted(kinds if monitored else kinds - MONITOR_FAULTS)
    steps: list[Step] = [Ordinary()] * draw.randint(0, 3)
    for _ in range(draw.randint(1, MAX_FAULTS)):
        kind = draw.choice(possible)
        fleet.faults[kind] = fleet.faults.get(kind, 0) + 1
        steps.append(FAULTS[kind](draw))
    return [*steps, Ordinary()]


def end_of(script: Script) -> str:
    """Return the end of an operation."""
    if is_success(script.outcome):
        return "succeeded"
    return "failed" if script.outcome == "Failed" else "canceled"
