"""What a run came to: so that nobody believes in a test in which nothing happens."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.proofs.lifecycle.lifecycle_program import Program


def tally_of(program: Program) -> Counter[str]:
    """Return how often each thing happened that has a name here."""
    counts = program.world.arm.statistics()
    return Counter(
        {
            "runs": 1,
            "operations": sum(work.fake is not None for work in program.works),
            "refused beginnings": sum(work.fake is None for work in program.works),
            "requests": counts.requests,
            "401": counts.unauthorized,
            "429": counts.throttled,
            "resumed": sum(handle is not handle.work.handles[0] for handle in program.handles),
            "resumed twice at once": sum(work.was_doubled for work in program.works),
            "canceled at the service": sum(work.fake is not None and work.fake.canceled for work in program.works),
            "left waiting": sum(waiter.left for handle in program.handles for waiter in handle.waiters),
            "told": sum(len(waiter.told) for handle in program.handles for waiter in handle.waiters),
            "errors of a tracker": sum(isinstance(room.error, ExceptionGroup) for room in program.rooms),
        }
    ) + Counter(f"ended: {handle.ending}" for handle in program.handles)
