"""One game: hostile operations, bystanders at the hostile server, and healthy operations of one tracker."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import azpoll
from tests.proofs.adversary.adversary_client import module_of, new_game_client
from tests.proofs.adversary.event_loop_probe import loop_probe, waited_s
from tests.proofs.adversary.healthy_process import healthy_end

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from azpoll.options import Method
    from tests.proofs.adversary.adversary_client import GameLibrary

REQUEST_TIMEOUT_S = 2.0
SLACK_S = 12.0
"""The time for the last polls of the healthy operations, in seconds."""

PROCESSES = 3
"""The client and two servers. Each may have to wait for a processor, as long as this one."""

METHODS: tuple[Method, ...] = ("PUT", "POST")

_PATIENCE = azpoll.Patience(attempts=4, seconds=3, grace_attempts=3, grace_seconds=2)


@dataclass(frozen=True)
class GameOptions:
    """The options of a game.

    Attributes:
        only: the kinds of attacks; empty for all.
        hostile: the number of concurrent hostile operations; the same of bystanders and healthy ones.
    """

    seed: str
    library: GameLibrary
    seconds: float
    only: tuple[str, ...] = ()
    hostile: int = 60
    bystanders: int = 8
    healthy: int = 12


@dataclass
class GameResult:
    """The client's view of a game.

    Attributes:
        ends: the end of each hostile operation by name.
        broken: the broken invariants that the client itself sees.
        begin_s: the time of each `begin` of a healthy operation, in seconds.
        bystanders: the end of each bystander by number.
        read_s: when the client has read an answer to each operation, by label, on the clock of `time.monotonic`.
        held_s: the longest time for which the event loop was held.
        cpu_s: of this process.
        waited_s: for which this process had no processor.
        closed_s: the time that the tracker took to close.
    """

    ends: dict[str, str] = field(default_factory=dict[str, str])
    broken: list[str] = field(default_factory=list[str])
    begin_s: list[float] = field(default_factory=list[float])
    bystanders: dict[int, str] = field(default_factory=dict[int, str])
    read_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    held_s: float = 0.0
    cpu_s: float = 0.0
    waited_s: float = 0.0
    closed_s: float = 0.0


async def end_of(operation: azpoll.AsyncOperation[Any]) -> str:
    """Return the end of an operation as a word; exceptions that are not azpoll's pass."""
    try:
        await operation
    except azpoll.OperationFailed:
        return "failed"
    except azpoll.OperationCanceled:
        return "canceled"
    except azpoll.PollingError as error:
        return "succeeded" if error.succeeded else f"{type(error).__name__}: {error}"
    except azpoll.AzpollError as error:
        return type(error).__name__
    return "succeeded"


class Game:
    """Plays a game."""

    def __init__(self, options: GameOptions, hostile: str, healthy: str) -> None:
        self.result = GameResult()
        self._options = options
        self._hostile = hostile
        self._healthy = healthy
        self._rng = Random(options.seed)  # noqa: S311 - seeded
        self._module = module_of(options.library)
        self._is_over = False

    async def play(self) -> GameResult:
        """Play until the time is over; return what the client saw."""
        result, loop = self.result, asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: result.broken.append(f"unhandled in the loop: {context}"))
        started_s, waiting_s = time.process_time(), waited_s()
        async with new_game_client(self._options.library, self._healthy) as client, loop_probe() as probe:
            tracker: azpoll.Tracker[Any] = azpoll.Tracker(
                client, min_interval=0.3, request_timeout=REQUEST_TIMEOUT_S, on_exit="stop"
            )
            async with asyncio.TaskGroup() as tasks:
                async with tracker:
                    tracker.subscribe(self._note)
                    await self._play_with(tracker, tasks)
                    self._is_over = True
                    closing_s = time.perf_counter()
                result.closed_s = time.perf_counter() - closing_s
            result.held_s, result.cpu_s = probe.longest_s, time.process_time() - started_s
        result.waited_s = waited_s() - waiting_s
        return result

    def _note(self, event: azpoll.Event) -> None:
        match event:
            case (
                azpoll.OperationTracked(at_s=at_s, label=label)
                | azpoll.PollAnswered(at_s=at_s, label=label, status_code=int())
            ):
                self.result.read_s[str(label)].append(at_s)
            case _:
                pass

    async def _play_with(self, tracker: azpoll.Tracker[Any], tasks: asyncio.TaskGroup) -> None:
        options = self._options
        healthy = [tasks.create_task(self._healthy_one(tracker, number)) for number in range(options.healthy)]
        for slot in range(options.bystanders):
            tasks.create_task(self._guarded(self._bystander(tracker, slot)))
        for slot in range(options.hostile):
            tasks.create_task(self._guarded(self._hostile_ones(tracker, slot)))
        lasts_s, waiting_s = options.seconds + SLACK_S, waited_s()
        await asyncio.wait(healthy, timeout=lasts_s)
        await asyncio.wait(healthy, timeout=PROCESSES * (waited_s() - waiting_s))
        for number, task in enumerate(healthy):
            if not task.done():
                self.result.broken.append(f"healthy operation {number} was lost: no end {SLACK_S} s after its own")
                task.cancel()

    async def _guarded(self, play: Coroutine[Any, Any, None]) -> None:
        """Run a player; report an exception that is not azpoll's."""
        try:
            await play
        except azpoll.TrackerClosed:
            pass
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            self.result.broken.append(f"an awaiter got {type(error).__name__}: {error}"[:300])

    async def _healthy_one(self, tracker: azpoll.Tracker[Any], number: int) -> None:
        options = self._options
        later = number % 4 * options.seconds / 6
        await asyncio.sleep(later)
        lasts_s = options.seconds - later
        url = f"{self._healthy}/subscriptions/g{number}/resourceGroups/g/providers/Microsoft.Fake/things/t"
        started_s = time.perf_counter()
        url = f"{url}?api-version=1&seconds={lasts_s:.2f}"
        try:
            operation = await tracker.begin("PUT", url, json={}, label=f"g{number}")
            self.result.begin_s.append(time.perf_counter() - started_s)
            end = await end_of(operation)
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            end = f"{type(error).__name__}: {error}"
        if end != healthy_end(number):
            self.result.broken.append(f"healthy operation {number} ended as {end}, not {healthy_end(number)}"[:300])

    async def _bystander(self, tracker: azpoll.Tracker[Any], slot: int) -> None:
        number = slot
        await asyncio.sleep(self._rng.random())
        while not self._is_over:
            here = f"{self._hostile}/subscriptions/b{number}"
            operation = tracker.track(self._initial("POST", here, "Azure-AsyncOperation"), label=f"b{number}")
            end = await end_of(operation)
            if end == "TrackerClosed":
                return
            self.result.bystanders[number] = end
            number += self._options.bystanders

    async def _hostile_ones(self, tracker: azpoll.Tracker[Any], slot: int) -> None:
        """Track one hostile operation after the other."""
        await asyncio.sleep(self._rng.random())
        number = 0
        while not self._is_over:
            name = f"{slot}-{number}"
            number += 1
            with suppress(azpoll.InitialRequestFailed, azpoll.PollingError):
                operation = await self._start(tracker, name, Random(f"{self._options.seed} {name}"))  # noqa: S311 - seeded
                self.result.ends[name] = await end_of(operation)
            await asyncio.sleep(0.05)

    async def _start(self, tracker: azpoll.Tracker[Any], name: str, rng: Random) -> azpoll.AsyncOperation[Any]:
        way, method = rng.choice("mmli"), rng.choice(METHODS)
        here = f"{self._hostile}/subscriptions/h{name}/{way}"
        if way == "i":
            return await tracker.begin(method, f"{here}/thing", json={}, patience=_PATIENCE)
        header = "Location" if way == "l" else rng.choice(["Azure-AsyncOperation", "Operation-Location"])
        operation = tracker.track(self._initial(method, here, header), patience=_PATIENCE, cancel_method="DELETE")
        if rng.random() < 0.1:
            await asyncio.sleep(0.5)
            with suppress(azpoll.CancelFailed):
                await operation.cancel()
        return operation

    def _initial(self, method: str, here: str, header: str) -> Any:
        request = self._module.Request(method, f"{here}/thing?api-version=1")
        headers = {header: f"{here}/op?api-version=1", "Retry-After": "0"}
        return self._module.Response(202, headers=headers, request=request)
