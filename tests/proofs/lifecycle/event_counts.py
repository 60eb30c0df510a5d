"""Counts of the events of a run, so that a test can assert that they occur."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.proofs.lifecycle.lifecycle_program import Program


def counts_of(program: Program) -> Counter[str]:
    """Return the number of occurrences of each kind of event."""
    statistics = program.environment.arm.statistics()
    return Counter(
        {
            "runs": 1,
            "operations": sum(remote.fake is not None for remote in program.remotes),
            "refused initial requests": sum(remote.fake is None for remote in program.remotes),
            "requests": statistics.requests,
            "401": statistics.unauthorized,
            "429": statistics.throttled,
            "resumed": sum(handle is not handle.remote.handles[0] for handle in program.handles),
            "resumed concurrently": sum(remote.has_two_handles for remote in program.remotes),
            "canceled at the service": sum(
                remote.fake is not None and remote.fake.canceled for remote in program.remotes
            ),
            "cancelled waiters": sum(waiter.cancelled for handle in program.handles for waiter in handle.waiters),
            "ends": sum(len(waiter.ends) for handle in program.handles for waiter in handle.waiters),
            "errors of a tracker": sum(isinstance(holder.error, ExceptionGroup) for holder in program.holders),
        }
    ) + Counter(f"ended: {handle.ending}" for handle in program.handles)
