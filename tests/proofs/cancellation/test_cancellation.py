"""R3: cancellation at every step of the event loop, with one, two and eight callers, by asyncio, anyio and trio.

Each scenario runs once undisturbed, which counts its steps, and then once for each step. A caller that is cancelled
before that step repeats its action, and the invariants must hold. At night all pairs of steps are tried too.
"""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

import pytest

from tests.proofs.cancellation.cancellation_scenarios import SCENARIOS
from tests.proofs.cancellation.scenario_run import check, run_scenario
from tests.proofs.cancellation.stepping_loops import CANCEL_METHODS, CancelMethod
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

PER_RUN = scaled(push=1, nightly=2)
"""The number of cancellations in one run."""

SCOPES_OF_ASYNCIO = [2, 1, 8][: scaled(push=1, nightly=3)]
"""The numbers of callers for cancel scopes on asyncio, which behave like the other two methods."""

CASES = [
    (name, method, number)
    for name, scenario in SCENARIOS.items()
    for method in CANCEL_METHODS
    for number in ([1, 2, 8] if method != "scope" else SCOPES_OF_ASYNCIO)
    if number <= scenario.max_callers
]


def points(steps: int) -> Iterator[tuple[int, ...]]:
    """Yield the steps before which each run cancels."""
    return chain.from_iterable(combinations(range(1, steps + 1), count) for count in range(1, PER_RUN + 1))


@pytest.mark.parametrize(("name", "method", "number"), CASES)
def test_a_cancellation_at_any_step_affects_no_other_caller(name: str, method: CancelMethod, number: int) -> None:
    scenario = SCENARIOS[name]
    undisturbed = run_scenario(scenario, method, number)
    check(scenario, undisturbed, undisturbed)
    cancelled_in: set[str] = set()
    for at in points(undisturbed.steps.taken):
        try:
            run = run_scenario(scenario, method, number, *at)
            check(scenario, run, undisturbed)
        except BaseException as error:
            error.add_note(f"cancelled before the steps {at} of {undisturbed.steps.taken}")
            raise
        cancelled_in.update(*(caller.cancelled_in for caller in run.cancelled))
    if number == scenario.max_callers and method != "scope":  # the exception of anyio's cancel scope has no place
        assert scenario.cancelled_in <= cancelled_in, "no cancellation reached these awaits"
