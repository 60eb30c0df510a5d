"""A failure made small: answers are taken out of its script for as long as it still fails in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proofs.simulation.core_driver import Core, play
from tests.proofs.simulation.core_invariants import judge
from tests.proofs.simulation.fault_scripts import Drawn, Written
from tests.proofs.simulation.ground_truth import drawn
from tests.proofs.simulation.operation_history import Sent
from tests.proofs.simulation.simulation_campaign import randomness_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.simulation.ground_truth import Truth
    from tests.proofs.simulation.operation_history import History

Names = list[str | None]


def report(seed: int, number: int, core: Core = Core()) -> str:  # noqa: B008 - a tuple
    """Return a failure as text: how to repeat it, what the service said at least, and what was asked."""
    randomness = randomness_of(seed, number)
    truth, script = drawn(number, randomness), Drawn(randomness)
    broken = judge(truth, play(truth, script, core))
    lines = [f"operation {number} of seed {seed}: {broken or 'nothing is broken'}", f"  {truth}"]
    if broken is not None:
        names = shrunk(truth, script.names, broken, core)
        history = play(truth, Written(names), core)
        lines += [f"  shrunk: {judge(truth, history)}", f"  script: {names}"]
        lines += _told(history)
    lines.append(f"  repeat: python -m tests.proofs.simulation --seed {seed} --only {number}")
    return "\n".join(lines)


def shrunk(truth: Truth, names: Names, broken: str, core: Core) -> Names:
    """Return a script from which no answer can be taken, or made honest, without losing the failure."""
    kind = broken.partition(":")[0]

    def fails(these: Names) -> bool:
        found = judge(truth, play(truth, Written(these), core))
        return found is not None and found.startswith(kind)

    if not fails(names):
        return names  # it needs what no script holds: chance in the core
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


def _told(history: History) -> list[str]:
    return [
        f"    {entry.url} at {entry.at_s:.3f} s" if isinstance(entry, Sent) else f"      {entry}" for entry in history
    ]
