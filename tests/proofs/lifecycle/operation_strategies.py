"""What operations Hypothesis draws: of every pattern, with every fault, and with every option of their tracking."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from azpoll.testing import Ordinary, Reply, RetryAfter, Script, redirect
from tests.proofs.stack.random_operations import FAULTS, ONLY_OF_A_MONITOR, OUTCOMES, PATTERNS

if TYPE_CHECKING:
    from azpoll.options import ResultWanted
    from azpoll.testing import Pattern, Step

ELSEWHERE = "https://evil.example"
MOST_FAULTS = 4
"""In a row: fewer than rules 25 and 27 give up after, however long a machine sleeps between them."""

_NO_RESULT = sorted(FAULTS.keys() - ONLY_OF_A_MONITOR)
_FOREIGN = {
    "a foreign monitor": Reply(200, {"status": "Running"}, {"Azure-AsyncOperation": f"{ELSEWHERE}/x"}),
    "a foreign redirect": redirect(f"{ELSEWHERE}/x", 307),
}


@dataclass(frozen=True)
class Draft:
    """An operation that is to be begun.

    Attributes:
        method: of its initial request.
        script: how it goes at the service.
        foreign: whether some answer names a URL that is not to be trusted.
        timeout: of its tracking.
        result: what is wanted in the end.
        by_hand: whether the program sends the initial request itself, and gives the response to the tracker.
    """

    method: str
    script: Script
    foreign: bool
    timeout: float | None
    result: ResultWanted
    by_hand: bool


def _step(kind: str, seed: int) -> Step:
    return _FOREIGN[kind] if kind in _FOREIGN else FAULTS[kind](random.Random(seed))  # noqa: S311 - a simulation


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Return an operation of any kind."""
    pattern: Pattern = draw(st.sampled_from(PATTERNS))
    monitored = pattern in {"azure-async-operation", "operation-location"}
    possible = [*sorted(FAULTS), *_FOREIGN] if monitored else _NO_RESULT
    kinds = draw(st.lists(st.sampled_from(possible), max_size=MOST_FAULTS))
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
