"""Hypothesis strategies of operations: every pattern, every fault and every tracking option."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from azpoll.testing import Ordinary, Reply, RetryAfter, Script, redirect
from tests.proofs.stack.random_operations import FAULTS, MONITOR_FAULTS, OUTCOMES, PATTERNS

if TYPE_CHECKING:
    from azpoll.options import Method, ResultWanted
    from azpoll.testing import Pattern, Step

ELSEWHERE = "https://evil.example"
MAX_FAULTS = 4
"""In a row: fewer than the number after which rules 25 and 27 give up, even if the machine sleeps in between."""

_NO_RESULT = sorted(FAULTS.keys() - MONITOR_FAULTS)
_FOREIGN = {
    "a foreign monitor": Reply(200, {"status": "Running"}, {"Azure-AsyncOperation": f"{ELSEWHERE}/x"}),
    "a foreign redirect": redirect(f"{ELSEWHERE}/x", 307),
}


@dataclass(frozen=True)
class Draft:
    """An operation that has not begun.

    Attributes:
        method: the method of its initial request.
        script: its script at the service.
        foreign: whether an answer names an untrusted URL.
        timeout: the timeout of its tracking.
        result: the wanted result.
        by_hand: whether the program sends the initial request itself and passes the response to the tracker.
    """

    method: Method
    script: Script
    foreign: bool
    timeout: float | None
    result: ResultWanted
    by_hand: bool


def _step(kind: str, seed: int) -> Step:
    return _FOREIGN[kind] if kind in _FOREIGN else FAULTS[kind](random.Random(seed))  # noqa: S311 - a simulation


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Draw an operation."""
    pattern: Pattern = draw(st.sampled_from(PATTERNS))
    monitored = pattern in {"azure-async-operation", "operation-location"}
    possible = [*sorted(FAULTS), *_FOREIGN] if monitored else _NO_RESULT
    kinds = draw(st.lists(st.sampled_from(possible), max_size=MAX_FAULTS))
    seed = draw(st.integers(0, 9))
    first = draw(st.integers(0, 2))
    script = Script(
        pattern=pattern,
        duration_s=draw(st.sampled_from([0.0, 5.0, 60.0, 300.0])),
        retry_after=draw(st.sampled_from([None, 2.0, 17.0, 60.0, RetryAfter(17, "imf-date")])),
        outcome=draw(st.sampled_from(OUTCOMES[-6:])),
        location=pattern != "body" and draw(st.booleans()),
        cancel_takes_s=draw(st.sampled_from([0.0, 20.0])),
        polls=[*[Ordinary()] * first, *(_step(kind, seed) for kind in kinds), Ordinary()] if kinds else None,
    )
    return Draft(
        method=draw(st.sampled_from(["PUT", "PATCH"] if pattern == "body" else ["PUT", "PATCH", "POST", "DELETE"])),
        script=script,
        foreign=bool(_FOREIGN.keys() & kinds),
        timeout=draw(st.sampled_from([None, None, None, 20.0, 90.0])),
        result=draw(st.sampled_from(["final", "final", "status"])),
        by_hand=draw(st.booleans()),
    )
