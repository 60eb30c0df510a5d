"""R4: in whatever order a program begins, awaits, leaves, cancels, stops, closes and resumes, and whatever befalls it.

Hypothesis draws the order. On a push it draws the same ones each time; what it finds it prints, shrunk, as a program.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.proofs.lifecycle.hypothesis_run import run
from tests.support.scale import SCALE, scaled

EXAMPLES = scaled(push=200, nightly=200_000)
STEPS = scaled(push=50, nightly=100)
AT_ONCE = 500
"""Hypothesis remembers all examples of one run, some 0.3 MiB each."""

HAPPENS = (
    *("operations", "requests", "401", "429", "resumed", "resumed twice at once", "canceled at the service"),
    *("refused beginnings", "left waiting", "told", "errors of a tracker"),
    *("ended: succeeded", "ended: failed", "ended: canceled", "ended: TrackerClosed", "ended: OperationTimeout"),
    *("ended: AuthenticationFailed", "ended: UntrustedPollingURL"),
)


@pytest.mark.timeout(0)
def test_no_order_of_steps_breaks_an_invariant() -> None:
    """And all that may happen has happened: nobody is to believe in a test in which nothing does."""
    tally = Counter[str]()
    for first in range(0, EXAMPLES, AT_ONCE):
        run(tally, examples=min(AT_ONCE, EXAMPLES - first), steps=STEPS, random=SCALE == "nightly")
    assert tally["runs"] >= EXAMPLES
    assert tally["operations"] > 3 * EXAMPLES
    assert {name: tally[name] for name in HAPPENS if tally[name] < EXAMPLES / 100} == {}
    assert {name for name in tally if name.startswith("ended: ")} <= set(HAPPENS)
