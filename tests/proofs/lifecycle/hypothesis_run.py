"""How Hypothesis runs the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test  # pyright: ignore[reportUnknownVariableType] - has no types

from tests.proofs.lifecycle.lifecycle_machine import Lifecycle

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    import httpx

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example)


def run(
    tally: Counter[str],
    *,
    examples: int,
    steps: int,
    between: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
    random: bool = False,
    shrink: bool = True,
) -> None:
    """Run the machine, and raise what it finds.

    Args:
        tally: counts what happened.
        examples: orders of steps.
        steps: of one order, at most.
        between: may stand between the program's trackers and the service.
        random: whether the orders are others each time.
        shrink: whether the first order that is found is made short; else it is raised as it is.
    """

    class Machine(Lifecycle):
        def __init__(self) -> None:
            super().__init__(tally, between)

    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=not random,
        database=None,
        deadline=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        report_multiple_bugs=shrink,
        suppress_health_check=_SLOW,
    )
    run_state_machine_as_test(Machine, settings=how)
