"""Shrinks a failure: removes replies from its script while it still breaks the same invariant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proofs.simulation.core_driver import Core, simulate
from tests.proofs.simulation.core_invariants import find_violation
from tests.proofs.simulation.fault_scripts import FixedScript, RandomScript
from tests.proofs.simulation.ground_truth import random_truth
from tests.proofs.simulation.operation_history import Sent
from tests.proofs.simulation.simulation_campaign import randomness_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.simulation.ground_truth import Truth
    from tests.proofs.simulation.operation_history import History

Names = list[str | None]


def report(seed: int, number: int, core: Core = Core()) -> str:  # noqa: B008 - a tuple
    """Return a failure as text: the shrunk script, the requests, and the command that repeats it."""
    randomness = randomness_of(seed, number)
    truth, script = random_truth(number, randomness), RandomScript(randomness)
    broken = find_violation(truth, simulate(truth, script, core))
    lines = [f"operation {number} of seed {seed}: {broken or 'nothing is broken'}", f"  {truth}"]
    if broken is not None:
        names = shrunk(truth, script.names, broken, core)
        history = simulate(truth, FixedScript(names), core)
        lines += [f"  shrunk: {find_violation(truth, history)}", f"  script: {names}"]
        lines += _lines_of(history)
    lines.append(f"  repeat: python -m tests.proofs.simulation --seed {seed} --only {number}")
    return "\n".join(lines)


def shrunk(truth: Truth, names: Names, broken: str, core: Core) -> Names:
    """Return a minimal script: removing any reply, or making it honest, loses the failure."""
    kind = broken.partition(":")[0]

    def fails(these: Names) -> bool:
        found = find_violation(truth, simulate(truth, FixedScript(these), core))
        return found is not None and found.startswith(kind)

    if not fails(names):
        return names  # the core is random, so the script alone does not repeat it
    before: Names = []
    while before != names:
        before = names
        names = _without(names, fails)
    return names


def _without(names: Names, fails: Callable[[Names], bool]) -> Names:
    size = len(names)
    while size:
        place = 0
        while place < len(names):
            fewer = names[:place] + names[place + size :]
            plainer = [*names[:place], *[None] * len(names[place : place + size]), *names[place + size :]]
            if fails(fewer):
                names = fewer
                continue
            if plainer != names and fails(plainer):
                names = plainer
            place += size
        size //= 2
    return names


def _lines_of(history: History) -> list[str]:
    return [
        f"    {entry.url} at {entry.at_s:.3f} s" if isinstance(entry, Sent) else f"      {entry}" for entry in history
    ]
