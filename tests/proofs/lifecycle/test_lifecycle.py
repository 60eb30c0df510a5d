"""R4: a program may begin, await, leave, cancel, stop, close and resume in any order, under any event.

Hypothesis draws the order: on a push the same programs each time. It prints a failure as a shrunk program.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.proofs.lifecycle.hypothesis_run import run
from tests.support.scale import SCALE, scaled

pytestmark = pytest.mark.slow

EXAMPLES = scaled(push=120, nightly=200_000)
STEPS = scaled(push=50, nightly=100)
PER_RUN = 500
"""Programs per run: Hypothesis keeps all of them in memory, about 0.3 MiB each."""

EXPECTED_COUNTS = (
    *("operations", "requests", "401", "429", "resumed", "resumed concurrently", "canceled at the service"),
    *("refused initial requests", "cancelled waiters", "ends", "errors of a tracker"),
    *("ended: succeeded", "ended: failed", "ended: canceled", "ended: TrackerClosed", "ended: OperationTimeout"),
    *("ended: AuthenticationFailed", "ended: UntrustedPollingURL"),
)


@pytest.mark.timeout(0)
def test_no_order_of_steps_breaks_an_invariant() -> None:
    """No invariant breaks, and every kind of event has occurred."""
    counts = Counter[str]()
    for first in range(0, EXAMPLES, PER_RUN):
        run(counts, examples=min(PER_RUN, EXAMPLES - first), steps=STEPS, random=SCALE == "nightly")
    assert counts["runs"] >= EXAMPLES
    assert counts["operations"] > 3 * EXAMPLES
    assert {name: counts[name] for name in EXPECTED_COUNTS if counts[name] < EXAMPLES / 100} == {}
    assert {name for name in counts if name.startswith("ended: ")} <= set(EXPECTED_COUNTS)
