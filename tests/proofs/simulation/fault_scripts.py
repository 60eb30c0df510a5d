"""Scripts: which answers a service gives in place of the honest ones, drawn by chance or written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.proofs.simulation.service_faults import ENDED_WELL, FAULTS, INITIAL_FAULTS
from tests.proofs.simulation.simulated_service import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.proofs.simulation.service_reply import Said
    from tests.proofs.simulation.simulated_service import Role

KILLED = "(killed)"
"""In the place of an answer's name: it is honest, then the process ends and another takes over."""

_FAULTY = 0.32
_KILLS = 0.996
_ROW, _OUTAGE = 0.125, 0.006

_NAMED = {key: {said.name: said for said in faults} for key, faults in FAULTS.items()}
_ENDED_WELL = {said.name: said for said in ENDED_WELL}
_INITIAL = {said.name: said for said in INITIAL_FAULTS}
_AT_THE_END = (*FAULTS["monitor", Situation.MONITOR], *ENDED_WELL)


class Script(Protocol):
    """Decides what is said."""

    @property
    def kills(self) -> bool:
        """Whether the process ends after the latest answer."""
        ...

    def initial(self, honest: Said) -> Said:
        """Return the answer to the initial request."""
        ...

    def next(self, role: Role, situation: Situation, honest: Said, *, ended_well: bool) -> Said:
        """Return the answer to a GET of a URL of that role."""
        ...


class Drawn:
    """Faults by chance; what was drawn is kept, so that it can be played again.

    Some 30 % of answers are faults. One in eight comes several times in a row, and some for as long as
    an outage, so that a client meets the bounds beyond which it must give up.

    Attributes:
        names: of the answers given in place of honest ones; None for an honest one.
    """

    __slots__ = ("_again", "_draw", "_last", "kills", "names")

    def __init__(self, randomness: Random) -> None:
        self._draw = randomness.random
        self._again = 0
        self._last: Said | None = None
        self.kills = False
        self.names: list[str | None] = []

    def initial(self, honest: Said) -> Said:
        """Return the honest answer, or in one of 40 operations another."""
        draw = self._draw() * 40
        said = honest if draw >= 1 else INITIAL_FAULTS[int(draw * len(INITIAL_FAULTS))]
        self.names.append(None if said is honest else said.name)
        return said

    def next(self, role: Role, situation: Situation, honest: Said, *, ended_well: bool) -> Said:
        """Return the next answer."""
        draw = self._draw()
        self.kills = draw > _KILLS
        fault = None
        if self._again:
            fault = self._repeated(role, situation)
        elif draw < _FAULTY:
            fault = self._drawn(role, situation, draw / _FAULTY, ended_well=ended_well)
        if fault is None:
            self.names.append(KILLED if self.kills else None)
            return honest
        self.kills = False
        self.names.append(fault.name)
        return fault

    def _drawn(self, role: Role, situation: Situation, draw: float, *, ended_well: bool) -> Said | None:
        faults = FAULTS.get((role, situation))
        if faults is None:
            return None
        if ended_well and situation is Situation.MONITOR:
            faults = _AT_THE_END
        self._last = fault = faults[int(draw * len(faults))]
        row = self._draw()
        if row < _ROW:
            self._again = 1 + int(self._draw() * (80 if row < _OUTAGE else 5))
        return fault

    def _repeated(self, role: Role, situation: Situation) -> Said | None:
        last, self._again = self._last, self._again - 1
        there = _NAMED.get((role, situation), {})
        return last if last is not None and there.get(last.name) is last else None


class Written:
    """The answers named, in that order, then honest ones; and an honest one where a name has no place."""

    __slots__ = ("_names", "_place", "kills")

    def __init__(self, names: Sequence[str | None] = ()) -> None:
        self._names = names
        self._place = 0
        self.kills = False

    def initial(self, honest: Said) -> Said:
        """Return the first answer."""
        name = self._take()
        return honest if name is None else _INITIAL.get(name, honest)

    def next(self, role: Role, situation: Situation, honest: Said, *, ended_well: bool) -> Said:
        """Return the next answer."""
        name = self._take()
        self.kills = name == KILLED
        if name is None:
            return honest
        if ended_well and situation is Situation.MONITOR and name in _ENDED_WELL:
            return _ENDED_WELL[name]
        return _NAMED.get((role, situation), {}).get(name, honest)

    def _take(self) -> str | None:
        self._place += 1
        return self._names[self._place - 1] if self._place <= len(self._names) else None
