"""The cost of one hostile answer by itself: CPU time, the time for which the event loop is held, and memory."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azpoll.transport.client import ClientTransport
from tests.proofs.adversary.adversary_client import new_game_client
from tests.proofs.adversary.attack_generator import COSTLY, draw
from tests.proofs.adversary.judgement import MAX_CPU_S, MAX_HELD_S, SLOW_MACHINE
from tests.proofs.adversary.server_process import serve
from tests.proofs.adversary.wire_answer import Place
from tests.proofs.hostile_bodies.costs_process import heartbeat, read
from tests.support.resident_memory import peak, reset_peak

if TYPE_CHECKING:
    from tests.proofs.adversary.adversary_client import GameLibrary
    from tests.proofs.adversary.wire_answer import WireAnswer

MIB = 2**20
TRIES = 3
REQUEST_TIMEOUT_S = 20.0


@dataclass
class AnswerCost:
    """The cost of one answer, the least of several tries if the first is above a bound.

    Attributes:
        held_s: the most CPU time between two iterations of the event loop, in seconds of its thread.
        memory: the peak above the baseline, in bytes.
    """

    number: int
    answer: WireAnswer
    cpu_s: float = 1e9
    held_s: float = 1e9
    memory: float = 1e12

    def broken(self) -> list[str]:
        """Return the bounds that the cost is above."""
        found: list[str] = []
        if self.cpu_s > MAX_CPU_S * SLOW_MACHINE:
            found.append(f"{self.cpu_s:.2f} s of CPU time")
        if self.held_s > MAX_HELD_S * SLOW_MACHINE:
            found.append(f"the event loop held for {self.held_s:.2f} s")
        if self.memory > max(32 * MIB, 25 * self.answer.size):
            found.append(f"{self.memory / MIB:.0f} MiB of memory for {self.answer.size / MIB:.2f} MiB")
        return found


async def costs(seed: str, library: GameLibrary, numbers: range, only: tuple[str, ...] = ()) -> list[AnswerCost]:
    """Return the costs of the answers with these numbers."""
    kinds = only or COSTLY
    async with serve("hostile_process", seed, json.dumps(kinds), library) as server, new_game_client(library) as client:
        here, foreign = server.origins
        transport: ClientTransport[Any] = ClientTransport(client, request_timeout_s=REQUEST_TIMEOUT_S)
        for number in range(20):
            await read(transport, f"{here}/subscriptions/b{number}/op")
        found: list[AnswerCost] = []
        for number in numbers:
            path = f"/subscriptions/hsolo{number}/m/op"
            answer = draw(f"{seed} solo{number} 0", Place(here, foreign, path), kinds, int(library.endswith("-h2")))
            cost = AnswerCost(number, answer)
            for _ in range(TRIES):
                await _measure(transport, f"{here}{path}", cost)
                if not cost.broken():
                    break
            found.append(cost)
    return found


async def _measure(transport: ClientTransport[Any], url: str, cost: AnswerCost) -> None:
    before, started_s = reset_peak(), time.process_time()
    await read(transport, url)
    cost.cpu_s = min(cost.cpu_s, time.process_time() - started_s)
    cost.memory = min(cost.memory, peak() - before)
    async with heartbeat() as beats:
        await read(transport, url)
    cost.held_s = min(cost.held_s, beats.longest_s)


def report(seed: str, library: GameLibrary, cost: AnswerCost) -> str:
    """Return one line about an answer that costs too much, with the command that repeats it."""
    command = f"python -m tests.proofs.adversary --seed {seed} --library {library} --answer {cost.number}"
    return f"answer {cost.number} ({' + '.join(cost.answer.kinds)}): {', '.join(cost.broken())}\n  {command}"
