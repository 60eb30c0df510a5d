"""The settings with which Hypothesis runs the state machine."""

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
    counts: Counter[str],
    *,
    examples: int,
    steps: int,
    wrap_transport: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
    random: bool = False,
    shrink: bool = True,
) -> None:
    """Run the state machine.

    Args:
        counts: receives the event counts.
        examples: the number of programs.
        steps: the maximal number of steps of a program.
        wrap_transport: wraps the transport between the trackers and the service.
        random: whether each run draws other programs.
        shrink: whether Hypothesis shrinks the first program that fails.

    Raises:
        AssertionError: an invariant is broken.
    """

    class Machine(Lifecycle):
        def __init__(self) -> None:
            super().__init__(counts, wrap_transport)

    options = settings(
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
    run_state_machine_as_test(Machine, settings=options)
