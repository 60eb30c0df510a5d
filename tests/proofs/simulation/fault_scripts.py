"""Scripts of the replies that replace honest ones: random or fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.proofs.simulation.service_faults import FAULTS, INITIAL_FAULTS, SUCCEEDED_FAULTS
from tests.proofs.simulation.simulated_service import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.proofs.simulation.service_reply import ServiceReply
    from tests.proofs.simulation.simulated_service import Role

KILLED = "(killed)"
"""Replaces the name of a reply: the reply is honest, then the process is killed and another one resumes."""

_FAULTY = 0.32
_KILLS = 0.996
_ROW, _OUTAGE = 0.125, 0.006

_NAMED = {key: {reply.name: reply for reply in faults} for key, faults in FAULTS.items()}
_SUCCEEDED = {reply.name: reply for reply in SUCCEEDED_FAULTS}
_INITIAL = {reply.name: reply for reply in INITIAL_FAULTS}
_AT_THE_END = (*FAULTS["monitor", Situation.MONITOR], *SUCCEEDED_FAULTS)


class Script(Protocol):
    """Chooses the replies of the service."""

    @property
    def kills(self) -> bool:
        """Whether the process is killed after the latest reply."""
        ...

    def initial(self, honest: ServiceReply) -> ServiceReply:
        """Return the reply to the initial request."""
        ...

    def next(self, role: Role, situation: Situation, honest: ServiceReply, *, succeeded: bool) -> ServiceReply:
        """Return the reply to a GET of a URL of that role."""
        ...


class RandomScript:
    """Random faults, recorded by name so that the script can be replayed.

    About 30 % of the replies are faults. One fault in eight is repeated up to 6 times, and some up to 81 times, so that
    a client reaches the limits at which it must give up.

    Attributes:
        names: the names of the replies; None for an honest one.
    """

    __slots__ = ("_again", "_draw", "_last", "kills", "names")

    def __init__(self, randomness: Random) -> None:
        self._draw = randomness.random
        self._again = 0
        self._last: ServiceReply | None = None
        self.kills = False
        self.names: list[str | None] = []

    def initial(self, honest: ServiceReply) -> ServiceReply:
        """Return the honest reply; in one of 40 operations a fault."""
        draw = self._draw() * 40
        reply = honest if draw >= 1 else INITIAL_FAULTS[int(draw * len(INITIAL_FAULTS))]
        self.names.append(None if reply is honest else reply.name)
        return reply

    def next(self, role: Role, situation: Situation, honest: ServiceReply, *, succeeded: bool) -> ServiceReply:
        """Return the next reply."""
        draw = self._draw()
        self.kills = draw > _KILLS
        fault = None
        if self._again:
            fault = self._repeated(role, situation)
        elif draw < _FAULTY:
            fault = self._drawn(role, situation, draw / _FAULTY, succeeded=succeeded)
        if fault is None:
            self.names.append(KILLED if self.kills else None)
            return honest
        self.kills = False
        self.names.append(fault.name)
        return fault

    def _drawn(self, role: Role, situation: Situation, draw: float, *, succeeded: bool) -> ServiceReply | None:
        faults = FAULTS.get((role, situation))
        if faults is None:
            return None
        if succeeded and situation is Situation.MONITOR:
            faults = _AT_THE_END
        self._last = fault = faults[int(draw * len(faults))]
        row = self._draw()
        if row < _ROW:
            self._again = 1 + int(self._draw() * (80 if row < _OUTAGE else 5))
        return fault

    def _repeated(self, role: Role, situation: Situation) -> ServiceReply | None:
        last, self._again = self._last, self._again - 1
        there = _NAMED.get((role, situation), {})
        return last if last is not None and there.get(last.name) is last else None


class FixedScript:
    """Named replies in order, then honest ones. A name that the URL does not have gives an honest reply."""

    __slots__ = ("_names", "_place", "kills")

    def __init__(self, names: Sequence[str | None] = ()) -> None:
        self._names = names
        self._place = 0
        self.kills = False

    def initial(self, honest: ServiceReply) -> ServiceReply:
        """Return the first reply."""
        name = self._take()
        return honest if name is None else _INITIAL.get(name, honest)

    def next(self, role: Role, situation: Situation, honest: ServiceReply, *, succeeded: bool) -> ServiceReply:
        """Return the next reply."""
        name = self._take()
        self.kills = name == KILLED
        if name is None:
            return honest
        if succeeded and situation is Situation.MONITOR and name in _SUCCEEDED:
            return _SUCCEEDED[name]
        return _NAMED.get((role, situation), {}).get(name, honest)

    def _take(self) -> str | None:
        self._place += 1
        return self._names[self._place - 1] if self._place <= len(self._names) else None
