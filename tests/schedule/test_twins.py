"""Jobs that ask the same URL."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from azpoll.record import Record

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer, Unreachable
    from azpoll.protocol.states import State


class Nowhere:
    def changed(self, record: Record, came: Answer | Unreachable | None, lateness_s: float) -> None:
        """Hear nothing."""


def jobs(state: State, number: int) -> list[Record]:
    return [Record(str(name), None, copy.copy(state), Nowhere(), 0.0) for name in range(number)]
