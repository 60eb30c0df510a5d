"""Scenarios with cancelled callers: polls, renewals, final GETs, initial requests, cancel requests, trackers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import anyio
import httpx

import azpoll
from azpoll.testing import Delay, Drip, FakeARM, Ordinary, Reply, Script
from tests.proofs.cancellation.cancelled_caller import Caller, end_of
from tests.proofs.cancellation.scenario_run import Operation, Scenario, ScenarioRun, path_of
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from azpoll.testing import IncomingRequest, Step

GRACE_S = 5.0
SLOW_BODY = Drip(40, 0.1)
"""A body in about three parts, so that a poll waits in many places."""

FAST = Script(duration_s=6, retry_after=3)
SLOW = Script(duration_s=6, retry_after=3, polls=[Delay(20), Ordinary()])
"""The answer to its first poll takes longer than the grace period of a closing tracker."""

WAITED = frozenset({"OperationRecord.wait_ended"})


def ways_to_wait(operation: Operation) -> list[Callable[[], Awaitable[str]]]:
    async def simply() -> str:
        return await end_of(operation)

    async def by_wait() -> str:
        return await end_of(await operation.wait(1000))

    async def by_snapshots() -> str:
        last = [snapshot.state async for snapshot in operation.snapshots()][-1]
        return str(last)

    async def by_completion() -> str:
        [ended] = [one async for one in azpoll.as_completed([operation])]
        return await end_of(ended)

    return [simply, by_wait, by_snapshots, by_completion]


async def await_one(run: ScenarioRun, operation: Operation) -> None:
    ways = ways_to_wait(operation)
    await run.run_callers(lambda number: ways[number % len(ways)])


async def failing(run: ScenarioRun) -> None:
    """Polls with slow bodies and a 503, of an operation that fails."""
    polls: list[Step] = [SLOW_BODY, Reply(503, retry_after=2), Ordinary()]
    run.arm.operation("DELETE", duration_s=6, retry_after=3, outcome="Failed", polls=polls)
    async with run.client() as client:
        response = await client.delete(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            await await_one(run, tracker.track(response))


async def fetching(run: ScenarioRun) -> None:
    """A final GET that gets a 503 and then a slow body."""
    finals: list[Step] = [Reply(503, retry_after=2), SLOW_BODY]
    run.arm.operation("PUT", duration_s=1, retry_after=3, finals=finals)
    async with run.client() as client:
        response = await client.put(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            await await_one(run, tracker.track(response))


async def waiting(run: ScenarioRun) -> None:
    """`azpoll.wait`, with one operation per caller."""
    run.arm.default = Script(duration_s=2, retry_after=3)
    async with run.client() as client:
        responses = [await client.delete(path_of(number)) for number, _ in enumerate(run.callers)]

        def action_of(number: int) -> Callable[[], Awaitable[str]]:
            return lambda: end_of(azpoll.wait(client, responses[number]))

        await run.run_callers(action_of)


class Renewing(httpx.Auth):
    """Renews a token after a 401, with the latency of an identity service."""

    def __init__(self, arm: FakeARM) -> None:
        self._arm = arm
        self._number = 1
        self._token = "1"
        arm.require_token(self._token)

    def expire(self) -> None:
        """Invalidate the current token."""
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


async def renewing(run: ScenarioRun) -> None:
    """Polls of three operations that all get a 401 and share one renewal."""
    run.arm = FakeARM(default=Script(duration_s=6, retry_after=3), latency_s=2)  # all polls are in flight together
    auth = Renewing(run.arm)
    async with run.client(auth) as client:
        responses = [await client.delete(path_of(number)) for number in range(3)]
        auth.expire()
        async with azpoll.Tracker(client) as tracker:
            operations = [tracker.track(response) for response in responses]
            await run.run_callers(lambda number: lambda: end_of(operations[number % 3]))


async def begin_many(run: ScenarioRun, tracker: azpoll.Tracker[httpx.Response]) -> None:
    """Run callers that begin and await one operation each, and begin again after a cancellation."""
    begun: dict[int, Operation] = {}

    async def begin(number: int) -> str:
        if number not in begun:
            begun[number] = await tracker.begin("DELETE", path_of(number))
        if len(begun) == len(run.callers):
            run.steps.end()  # other scenarios cancel the await
        return await end_of(begun[number])

    await run.run_callers(lambda number: lambda: begin(number))
    begun.clear()
    assert await begin(0) == "succeeded", "later callers are not blocked"


async def beginning(run: ScenarioRun) -> None:
    """Initial requests that wait in the queue, for their answer, and for the Retry-After of a 429.

    trio starts the callers in any order. At least one of two callers that get a 429 is cancelled.
    """
    refusals = iter([Reply(429, retry_after=2)] * 2)

    def script(_request: IncomingRequest) -> Script:
        return Script(duration_s=2, retry_after=3, initial=next(refusals, None))

    run.arm.default = script
    async with run.client() as client, azpoll.Tracker(client, max_in_flight=1) as tracker:
        await begin_many(run, tracker)


async def beginning_refused(run: ScenarioRun) -> None:
    """Initial requests that get a 401, so that a caller renews the token or waits for a renewal."""
    run.arm.default = Script(duration_s=2, retry_after=3)
    auth = Renewing(run.arm)
    auth.expire()
    async with run.client(auth) as client, azpoll.Tracker(client, max_in_flight=2) as tracker:
        await begin_many(run, tracker)


async def canceling(run: ScenarioRun) -> None:
    """Cancel requests while a poll is in flight."""
    fake = run.arm.operation("DELETE", duration_s=100, retry_after=3, cancel_takes_s=4)
    async with run.client() as client:
        response = await client.delete(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            operation = tracker.track(response, cancel_url=path_of(0).replace("?", "/cancel?"))
            await anyio.sleep(3.1)

            def cancel_by(_number: int) -> Callable[[], Awaitable[str]]:
                return cancel

            async def cancel() -> str:
                with suppress(azpoll.CancelFailed):  # repeated after the service has canceled
                    await operation.cancel()
                return await end_of(operation)

            await run.run_callers(cancel_by)
            assert fake.canceled


def slow_or_fast(request: IncomingRequest) -> Script:
    return SLOW if request.path.endswith("t1") else FAST


def owning(*, on_exit: Literal["wait", "stop"], fails: bool = False) -> Callable[[ScenarioRun], Awaitable[None]]:
    """Return a scenario that cancels the owner of a tracker, from its entry to its exit."""

    async def scenario(run: ScenarioRun) -> None:
        owner = run.owner = Caller(run.method, GRACE_S)
        run.arm.default = slow_or_fast
        operations: list[Operation] = []
        async with run.client() as client, anyio.create_task_group() as tasks:
            responses = [await client.delete(path_of(number)) for number in range(2)]

            async def wait(caller: Caller, operation: Operation) -> None:
                caller.result = await end_of(operation)

            async def own() -> str:
                async with azpoll.Tracker(client, on_exit=on_exit) as tracker:
                    resumed = [tracker.resume(each.resume_token()) for each in operations if each.state != "succeeded"]
                    operations[:] = resumed if operations else [tracker.track(response) for response in responses]
                    for caller in run.callers if operations else []:
                        tasks.start_soon(wait, caller, operations[0])
                    await anyio.sleep(3.2)
                    if fails:
                        raise LookupError
                return "left"

            async def action() -> str:
                try:
                    return await own()
                except LookupError:
                    return "left"

            run.steps.begin(run.cancel_callers)
            await owner.repeat(action)
            run.steps.end()
            await anyio.sleep(0.01)
            assert all(caller.result for caller in run.callers), "every awaiter gets a result when the tracker closes"
            await resume_all(client, operations)

    return scenario


async def resume_all(client: httpx.AsyncClient, operations: list[Operation]) -> None:
    """Resume and await the unfinished operations in another tracker."""
    async with azpoll.Tracker(client) as tracker:
        for operation in operations:
            assert operation.done()
            if operation.state != "succeeded":
                assert await end_of(tracker.resume(operation.resume_token())) == "succeeded"


SUCCEEDED = frozenset({"succeeded"})
STOPPED = frozenset({"succeeded", "TrackerClosed"})

SEPARATE = scaled(push=2, nightly=8)
"""Callers of `azpoll.wait`: each has its own tracker, so they do not affect each other."""

BEGUN = WAITED | {"InitialRequests._turn", "InitialRequests._pause"}
ENTERED = frozenset({"TaskHost._started"})

SCENARIOS: dict[str, Scenario] = {
    "failing": Scenario(failing, frozenset({"failed"}), WAITED | {"NewestValues.__anext__", "_Completed.__anext__"}),
    "fetching": Scenario(fetching, SUCCEEDED, WAITED),
    "renewing": Scenario(renewing, SUCCEEDED, WAITED),
    "waiting": Scenario(
        waiting, SUCCEEDED, WAITED | ENTERED, extra_requests=1, max_delay_s=GRACE_S, restarts=True, max_callers=SEPARATE
    ),
    "beginning": Scenario(beginning, SUCCEEDED, BEGUN, extra_requests=2),
    "beginning refused": Scenario(
        beginning_refused, SUCCEEDED, WAITED | {"SharedAuth.async_auth_flow"}, extra_requests=1
    ),
    "canceling": Scenario(canceling, frozenset({"canceled"}), WAITED | {"cancel"}, extra_requests=1),
    "waiting exit": Scenario(
        owning(on_exit="wait"), STOPPED, ENTERED | {"OperationRegistry.wait_empty"}, extra_requests=2
    ),
    "stopping exit": Scenario(owning(on_exit="stop"), STOPPED, ENTERED, extra_requests=2),
    "failing block": Scenario(owning(on_exit="wait", fails=True), STOPPED, ENTERED, extra_requests=2),
}
