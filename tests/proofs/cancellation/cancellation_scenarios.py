"""What goes on while somebody leaves: polls, renewals, final GETs, beginnings, cancel requests, and whole trackers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import anyio
import httpx

import azpoll
from azpoll.testing import Delay, Drip, FakeARM, Ordinary, Reply, Script
from tests.proofs.cancellation.cancelled_caller import Visitor, verdict
from tests.proofs.cancellation.scenario_run import Operation, Play, Scene, path_of
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from azpoll.testing import IncomingRequest, Step

GRACE_S = 5.0
SLOWLY = Drip(40, 0.1)
"""A body in three parts or so: a poll that waits in many places."""

HASTY = Script(duration_s=6, retry_after=3)
SLOW = Script(duration_s=6, retry_after=3, polls=[Delay(20), Ordinary()])
"""Its first poll is not answered within the grace of a tracker that is left."""

WAITED = frozenset({"OperationRecord.wait_ended"})


def ways_to_wait(operation: Operation) -> list[Callable[[], Awaitable[str]]]:
    async def simply() -> str:
        return await verdict(operation)

    async def by_wait() -> str:
        return await verdict(await operation.wait(1000))

    async def by_snapshots() -> str:
        last = [snapshot.state async for snapshot in operation.snapshots()][-1]
        return str(last)

    async def by_completion() -> str:
        [ended] = [one async for one in azpoll.as_completed([operation])]
        return await verdict(ended)

    return [simply, by_wait, by_snapshots, by_completion]


async def await_one(scene: Scene, operation: Operation) -> None:
    ways = ways_to_wait(operation)
    await scene.visited(lambda number: ways[number % len(ways)])


async def failing(scene: Scene) -> None:
    """Polls that drip, one of them refused with 503, of an operation that fails."""
    polls: list[Step] = [SLOWLY, Reply(503, retry_after=2), Ordinary()]
    scene.arm.operation("DELETE", duration_s=6, retry_after=3, outcome="Failed", polls=polls)
    async with scene.client() as client:
        response = await client.delete(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            await await_one(scene, tracker.track(response))


async def fetching(scene: Scene) -> None:
    """A final GET that is dropped, refused, and then drips."""
    finals: list[Step] = [Reply(503, retry_after=2), SLOWLY]
    scene.arm.operation("PUT", duration_s=1, retry_after=3, finals=finals)
    async with scene.client() as client:
        response = await client.put(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            await await_one(scene, tracker.track(response))


async def waiting(scene: Scene) -> None:
    """`azpoll.wait`, of an operation for each."""
    scene.arm.default = Script(duration_s=2, retry_after=3)
    async with scene.client() as client:
        responses = [await client.delete(path_of(number)) for number, _ in enumerate(scene.visitors)]

        def turn_of(number: int) -> Callable[[], Awaitable[str]]:
            return lambda: verdict(azpoll.wait(client, responses[number]))

        await scene.visited(turn_of)


class Renewing(httpx.Auth):
    """Renews a refused token, as one that asks an identity service does."""

    def __init__(self, arm: FakeARM) -> None:
        self._arm = arm
        self._number = 1
        self._token = "1"
        arm.require_token(self._token)

    def expire(self) -> None:
        """Let the present token be refused from now on."""
        self._number += 1
        self._arm.rotate_token(str(self._number))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            await anyio.sleep(0.1)
            token = str(self._number)
            await anyio.sleep(0.1)
            self._token = token
            request.headers["Authorization"] = f"Bearer {token}"
            yield request


async def renewing(scene: Scene) -> None:
    """Polls of three operations, which are all refused with 401 and share one renewal."""
    scene.arm = FakeARM(default=Script(duration_s=6, retry_after=3), latency_s=2)  # all are under way together
    auth = Renewing(scene.arm)
    async with scene.client(auth) as client:
        responses = [await client.delete(path_of(number)) for number in range(3)]
        auth.expire()
        async with azpoll.Tracker(client) as tracker:
            operations = [tracker.track(response) for response in responses]
            await scene.visited(lambda number: lambda: verdict(operations[number % 3]))


async def begin_many(scene: Scene, tracker: azpoll.Tracker[httpx.Response]) -> None:
    """Let each visitor begin an operation of its own, await it, and begin it again if it had to leave before."""
    begun: dict[int, Operation] = {}

    async def begin(number: int) -> str:
        if number not in begun:
            begun[number] = await tracker.begin("DELETE", path_of(number))
        if len(begun) == len(scene.visitors):
            scene.steps.end()  # to await is what other plays are about
        return await verdict(begun[number])

    await scene.visited(lambda number: lambda: begin(number))
    begun.clear()
    assert await begin(0) == "succeeded", "nobody holds up those who come later"


async def beginning(scene: Scene) -> None:
    """Initial requests that wait for their turn, for their answer, and for the time that a 429 names."""
    refusals = iter([Reply(429, retry_after=2)])

    def script(_request: IncomingRequest) -> Script:
        return Script(duration_s=2, retry_after=3, initial=next(refusals, None))

    scene.arm.default = script
    async with scene.client() as client, azpoll.Tracker(client, max_in_flight=1) as tracker:
        await begin_many(scene, tracker)


async def beginning_refused(scene: Scene) -> None:
    """Initial requests that are refused with 401, so that whoever begins renews, or waits for another that does."""
    scene.arm.default = Script(duration_s=2, retry_after=3)
    auth = Renewing(scene.arm)
    auth.expire()
    async with scene.client(auth) as client, azpoll.Tracker(client, max_in_flight=2) as tracker:
        await begin_many(scene, tracker)


async def canceling(scene: Scene) -> None:
    """Requests to cancel, made while a poll is under way."""
    fake = scene.arm.operation("DELETE", duration_s=100, retry_after=3, cancel_takes_s=4)
    async with scene.client() as client:
        response = await client.delete(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            operation = tracker.track(response, cancel_url=path_of(0).replace("?", "/cancel?"))
            await anyio.sleep(3.1)

            def cancel_by(_number: int) -> Callable[[], Awaitable[str]]:
                return cancel

            async def cancel() -> str:
                with suppress(azpoll.CancelFailed):  # asked again when it had been canceled, which nobody knew yet
                    await operation.cancel()
                return await verdict(operation)

            await scene.visited(cancel_by)
            assert fake.canceled


def slow_or_hasty(request: IncomingRequest) -> Script:
    return SLOW if request.path.endswith("t1") else HASTY


def owning(*, on_exit: Literal["wait", "stop"], fails: bool = False) -> Callable[[Scene], Awaitable[None]]:
    """Return a play in which the owner of a tracker leaves, from its entry to its exit."""

    async def play(scene: Scene) -> None:
        owner = scene.owner = Visitor(scene.way, GRACE_S)
        scene.arm.default = slow_or_hasty
        operations: list[Operation] = []
        async with scene.client() as client, anyio.create_task_group() as tasks:
            responses = [await client.delete(path_of(number)) for number in range(2)]

            async def wait(visitor: Visitor, operation: Operation) -> None:
                visitor.told = await verdict(operation)

            async def own() -> str:
                async with azpoll.Tracker(client, on_exit=on_exit) as tracker:
                    again = [tracker.resume(each.resume_token()) for each in operations if each.state != "succeeded"]
                    operations[:] = again if operations else [tracker.track(response) for response in responses]
                    for visitor in scene.visitors if operations else []:
                        tasks.start_soon(wait, visitor, operations[0])
                    await anyio.sleep(3.2)
                    if fails:
                        raise LookupError
                return "left"

            async def turn() -> str:
                try:
                    return await own()
                except LookupError:
                    return "left"

            scene.steps.begin(scene.strike)
            await owner.come(turn)
            scene.steps.end()
            await anyio.sleep(0.01)
            assert all(visitor.told for visitor in scene.visitors), "whoever waited is told when the tracker is left"
            await take_up(client, operations)

    return play


async def take_up(client: httpx.AsyncClient, operations: list[Operation]) -> None:
    """Await in another tracker what has not ended."""
    async with azpoll.Tracker(client) as tracker:
        for operation in operations:
            assert operation.done()
            if operation.state != "succeeded":
                assert await verdict(tracker.resume(operation.resume_token())) == "succeeded"


SUCCEEDED = frozenset({"succeeded"})
STOPPED = frozenset({"succeeded", "TrackerClosed"})

ALONE = scaled(push=2, nightly=8)
"""Of `azpoll.wait`, each has a tracker of its own and does nothing to the others."""

BEGUN = WAITED | {"InitialRequests._turn", "InitialRequests.send"}
ENTERED = frozenset({"TaskHost.open"})

PLAYS: dict[str, Play] = {
    "failing": Play(failing, frozenset({"failed"}), WAITED | {"OperationRecord.wait_changed", "_Completed.__anext__"}),
    "fetching": Play(fetching, SUCCEEDED, WAITED),
    "renewing": Play(renewing, SUCCEEDED, WAITED),
    "waiting": Play(waiting, SUCCEEDED, WAITED | ENTERED, extra=1, patience_s=GRACE_S, again=True, most=ALONE),
    "beginning": Play(beginning, SUCCEEDED, BEGUN, extra=1),
    "beginning refused": Play(beginning_refused, SUCCEEDED, WAITED | {"SharedAuth.async_auth_flow"}, extra=1),
    "canceling": Play(canceling, frozenset({"canceled"}), WAITED | {"cancel"}, extra=1),
    "waiting exit": Play(owning(on_exit="wait"), STOPPED, ENTERED | {"OperationRegistry.wait_empty"}, extra=2),
    "stopping exit": Play(owning(on_exit="stop"), STOPPED, ENTERED, extra=2),
    "failing block": Play(owning(on_exit="wait", fails=True), STOPPED, ENTERED, extra=2),
}
