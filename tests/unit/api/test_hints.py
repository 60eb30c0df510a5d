"""Hints bring polls forward, but never before their Retry-After, and they end no operation."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest

import azpoll
from azpoll.testing import FakeARM, Limits, Rate, Script
from tests.support.clients import ORIGIN, client_of, new_client
from tests.support.jobs import answer
from tests.support.marks import ASYNCIO
from tests.support.operations import GROUP, path_of, polls_of, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from azpoll.hints import HintBoard
    from azpoll.protocol.answer import Answer

pytestmark = pytest.mark.anyio

PLENTY = Rate(1_000_000, 1e6)
LIST = f"{GROUP}/lists/operations"
RESOURCE = path_of(1).partition("?")[0]


class Source:
    """A hint source that is a function of the board."""

    def __init__(self, run: Callable[[HintBoard], Awaitable[object]]) -> None:
        self._run = run

    async def run(self, board: HintBoard) -> None:
        await self._run(board)


def arm_of(**script: float | None) -> FakeARM:
    return FakeARM(default=Script(**script), limits=None)  # type: ignore[arg-type]  # - the fields are numbers


def item(number: int, state: object) -> dict[str, object]:
    """Return one operation of a deployment."""
    target = {"id": path_of(number).partition("?")[0]}
    return {"properties": {"provisioningState": state, "targetResource": target}}


class Library(httpx.AsyncBaseTransport):
    """Keeps the lists beside an arm.

    Args:
        arm: answers all else.
        *answers: one for each read of a list, the last for all further ones; JSON or responses.
    """

    def __init__(self, arm: FakeARM, *answers: object) -> None:
        self._arm = arm.transport()
        self._answers = answers
        self.reads: list[tuple[int, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith(LIST):
            return await self._arm.handle_async_request(request)
        answer = self._answers[min(len(self.reads), len(self._answers) - 1)]
        self.reads.append((round(anyio.current_time()), request.url.path))
        match answer:
            case httpx.Response():
                return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
            case _:
                return httpx.Response(200, json=answer)

    def client(self) -> httpx.AsyncClient:
        return new_client(transport=self, base_url=ORIGIN)


# One hint


@pytest.mark.parametrize(
    "name",
    [
        RESOURCE,
        RESOURCE.upper(),
        f"{RESOURCE}/",
        RESOURCE.replace("things", "%74hings"),
        f"{ORIGIN}{RESOURCE}?api-version=9",
    ],
)
async def test_a_resource_is_known_by_its_id_or_url_in_any_case(name: str) -> None:
    """ARM compares ids without case."""
    async with client_of(arm_of(duration_s=5.0)) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        for number in (1, 1, 2):
            await tracker.begin("PUT", path_of(number))
        assert tracker.hint(name) == 2
        assert tracker.hint(f"{GROUP}/unknown") == 0


async def test_an_action_is_known_by_the_resource_that_it_acts_on() -> None:
    """Event Grid names the machine, not its `start`."""
    action = path_of(1).replace("?", "/start?")
    async with client_of(arm_of(duration_s=5.0)) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        await tracker.begin("POST", action)
        assert tracker.hint(RESOURCE) == 1
        assert tracker.hint(action) == 1
        assert tracker.hint(f"{GROUP}/providers/Microsoft.Fake/things") == 0


async def test_a_hint_for_an_ended_operation_is_ignored() -> None:
    async with client_of(arm_of(duration_s=1.0)) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("PUT", path_of(1)))
        assert tracker.hint(RESOURCE) == 0
        stopped = await tracker.begin("PUT", path_of(1))
        assert tracker.hint(RESOURCE) == 1
        stopped.stop_tracking()
        assert tracker.hint(RESOURCE) == 0


async def test_a_hint_is_never_early_and_ends_nothing() -> None:
    """The poll waits for the Retry-After, and only the answer of the service ends the operation."""
    arm = arm_of(duration_s=100.0, retry_after=17.0)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", path_of(1))
        assert tracker.hint(RESOURCE) == 1
        with pytest.raises(azpoll.OperationTimeout):
            await operation.wait(timeout=20)
        assert operation.snapshot().polls == 1
    arm.no_early_polls()


async def test_a_hint_ends_a_wait_without_a_retry_after() -> None:
    """Event Grid reports the end at 100 s; the poll follows immediately instead of after 30 s."""
    async with client_of(arm_of(duration_s=100.0)) as client, azpoll.Tracker(client, interval=30) as tracker:
        operation = await tracker.begin("PUT", path_of(1))
        await anyio.sleep(100)
        assert not operation.done()
        tracker.hint(RESOURCE)
        await operation.wait()
        assert anyio.current_time() == pytest.approx(100, abs=0.1)


async def test_a_hint_during_a_poll_applies_to_the_next_poll() -> None:
    """The poll in flight was too early to see the end."""
    arm = FakeARM(default=Script(duration_s=39), limits=None, latency_s=5.0)
    async with client_of(arm) as client, azpoll.Tracker(client, interval=30) as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        await until(39)
        assert tracker.statistics().in_flight == 1
        tracker.hint(RESOURCE)
        await operation.wait()
    first_s, second_s = polls_of(arm)
    assert second_s - first_s == pytest.approx(5 + 1, abs=0.1)


# A source


@pytest.mark.parametrize("every_s", [0, -1, math.inf, math.nan])
async def test_an_invalid_interval_of_a_source_is_refused(every_s: float) -> None:
    with pytest.raises(ValueError, match="every_s"):
        azpoll.DeploymentOperations(f"{ORIGIN}{LIST}", every_s=every_s)


@pytest.mark.parametrize(
    ("url", "every_s", "error"),
    [(5, 1.0, TypeError), ("/deployments/d/operations", 1.0, ValueError), (f"{ORIGIN}{LIST}", "1", TypeError)],
)
async def test_an_invalid_argument_of_a_source_is_refused_at_once(
    url: Any, every_s: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"url must be|every_s must be"):
        azpoll.DeploymentOperations(url, every_s=every_s)


@ASYNCIO
@pytest.mark.slow
async def test_the_list_of_a_deployment_detects_ends_sooner_than_polls_alone() -> None:
    """With hints from one list, the ends of 700 operations under ARM's limit are detected sooner, no poll is early.

    On one event loop: neither the due times nor the hints have a part that depends on it.
    """
    means: dict[bool, float] = {}
    for hinted in (False, True):
        limits = Limits(reads=Rate(250, 25), writes=PLENTY, deletes=PLENTY, retry_after_s=10)
        arm = FakeARM(default=Script(duration_s=60, retry_after=17), limits=limits)
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            if hinted:
                path = f"{GROUP}/providers/Microsoft.Resources/deployments/blue/operations"
                tracker.add_hints(azpoll.DeploymentOperations(f"{ORIGIN}{path}?api-version=1"))
            for number in range(700):
                url = f"{GROUP}/providers/Microsoft.Fake/things/blue-{number}?api-version=1"
                await tracker.begin("PUT", url, result="status")
        told = [o.told_end_at_s - o.ended_at_s for o in arm.operations.values() if o.told_end_at_s and o.ended_at_s]
        assert len(told) == 700
        means[hinted] = sum(told) / len(told)
        arm.no_early_polls()
    assert means[True] < means[False]


async def test_a_list_is_read_until_all_its_operations_have_ended() -> None:
    """The list is read every 10 s; an empty or invalid list may be filled later."""
    running, ended = {"value": [item(1, "Running"), item(2, "Succeeded")]}, {"value": [item(1, "Failed")]}
    library = Library(arm_of(duration_s=50.0, retry_after=5.0), {}, [7], {"value": []}, running, ended)
    async with library.client() as client, azpoll.Tracker(client) as tracker:
        tracker.add_hints(azpoll.DeploymentOperations(f"{ORIGIN}{LIST}?api-version=1"))
        await tracker.begin("PUT", path_of(1))
        await anyio.sleep(200)
    assert library.reads == [(at_s, LIST) for at_s in (0, 10, 20, 30, 40)]


async def test_invalid_items_of_a_list_are_ignored() -> None:
    """The operation of the one valid item is polled at 20 s, before its due time."""
    nameless = {"properties": {"provisioningState": "Succeeded"}}
    odd: list[object] = [None, 7, [], {}, {"properties": 1}, {"properties": {}}, item(1, None), item(1, 7), nameless]
    library = Library(arm_of(duration_s=15.0), {"value": 5}, {"value": odd}, {"value": [*odd, item(1, "Succeeded")]})
    async with library.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        tracker.add_hints(azpoll.DeploymentOperations(f"{ORIGIN}{LIST}?api-version=1"))
        operation = await tracker.begin("PUT", path_of(1))
        await operation.wait()
        assert anyio.current_time() == pytest.approx(20, abs=1)


async def test_all_pages_are_read() -> None:
    """Pages at any URL of the same origin are read immediately."""
    pages = (
        {"value": [item(2, "Succeeded")], "nextLink": f"{LIST}/more?api-version=1"},
        {"value": [item(1, "Failed")]},
    )
    library = Library(arm_of(duration_s=5.0), *pages)
    async with library.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        operation = await tracker.begin("PUT", path_of(1))
        await anyio.sleep(7)
        tracker.add_hints(azpoll.DeploymentOperations(f"{ORIGIN}{LIST}?api-version=1"))
        await operation.wait()
        assert anyio.current_time() == pytest.approx(7, abs=0.1)
    assert library.reads == [(7, LIST), (7, f"{LIST}/more")]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(200, json={"nextLink": "https://evil.example/list"}), "the next page of a list is refused"),
        (httpx.Response(404), "a read for hints"),
    ],
    ids=["another origin", "not found"],
)
async def test_an_unreadable_list_ends_only_the_hints(
    answer: httpx.Response, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged, no request goes elsewhere, and the operations are polled as before."""
    arm = arm_of(duration_s=500.0, retry_after=17.0)
    async with Library(arm, answer).client() as client, azpoll.Tracker(client) as tracker:
        with caplog.at_level(logging.ERROR, "azpoll"):
            tracker.add_hints(azpoll.DeploymentOperations(f"{ORIGIN}{LIST}?api-version=1"))
            await (await tracker.begin("PUT", path_of(1)))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert says in str(record.exc_info[1])
    arm.no_requests_elsewhere(ORIGIN)
    arm.no_early_polls()


async def test_the_reads_of_a_source_count_for_the_budget() -> None:
    """The read is retried like a poll."""
    library = Library(arm_of(), httpx.Response(503, headers={"retry-after": "3"}), {"value": []})
    bodies: list[bytes] = []

    async def read(board: HintBoard) -> None:
        bodies.append((await board.read(f"{ORIGIN}{LIST}?api-version=1")).body)

    async with library.client() as client, azpoll.Tracker(client) as tracker:
        tracker.add_hints(Source(read))
        await anyio.sleep(10)
        statistics = tracker.statistics()
    assert bodies == [b'{"value":[]}']
    assert library.reads == [(0, LIST), (3, LIST)]
    assert (statistics.tracked, statistics.scopes[0].reads) == (0, 2)


async def _returns() -> None:
    return


async def _fails() -> None:
    raise LookupError("a source that gave up")


@pytest.mark.parametrize("end", [_returns, _fails, None], ids=["returns", "fails", "is taken away"])
async def test_covered_operations_are_polled_as_before_after_their_source_ended(
    end: Callable[[], Awaitable[None]] | None,
) -> None:
    """Covered operations wait for spare reads, a tenth of a burst of 100; without their source they do not."""
    arm = arm_of(duration_s=5.0, retry_after=10.0)
    budget = azpoll.Budget(rate=1, max_rate=1, burst=100)
    covered: list[int] = []

    async def cover(board: HintBoard) -> None:
        covered.extend(board.report_running(path_of(number)) for number in range(100))
        await anyio.sleep(20)
        if end is None:
            await anyio.sleep_forever()
        else:
            await end()

    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget) as tracker:
        for number in range(100):
            await tracker.begin("PUT", path_of(number), result="status")
        take_away = tracker.add_hints(Source(cover))
        await anyio.sleep(19)
        assert covered == [1] * 100
        assert 10 <= tracker.statistics().succeeded <= 20
        await anyio.sleep(1.5)
        if end is None:
            take_away()
            await anyio.sleep(0.1)
        assert tracker.statistics().succeeded >= 95
    arm.no_early_polls()


async def test_a_hint_of_an_end_overrides_the_coverage() -> None:
    """An operation that one source covers and another reports as ended is polled first."""
    arm = arm_of(duration_s=5.0, retry_after=10.0)

    async def cover(board: HintBoard) -> None:
        for number in range(100):
            board.report_running(path_of(number))
        board.report_ended(RESOURCE)
        board.report_running(RESOURCE)
        await anyio.sleep_forever()

    budget = azpoll.Budget(rate=1, max_rate=1, burst=2)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget, on_exit="stop") as tracker:
        operations = [await tracker.begin("PUT", path_of(number), result="status") for number in range(100)]
        tracker.add_hints(Source(cover))
        await anyio.sleep(10.5)
        assert operations[1].done()
        assert sum(operation.done() for operation in operations) <= 3


# Hostile lists


def page(link: str | None, number: int = 1, **headers: str) -> httpx.Response:
    """Return one page of a list, whose only operation runs."""
    document: dict[str, object] = {"value": [item(number, "Running")]}
    if link is not None:
        document["nextLink"] = link
    return httpx.Response(200, json=document, headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest.mark.parametrize("links", [[LIST], [f"{LIST}/2", LIST], [f"{LIST}/2", f"{LIST}/3", f"{LIST}/2"]])
async def test_a_list_whose_pages_name_each_other_is_read_once(
    links: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The hints end with an error in the log, and polling goes on."""
    library = Library(arm_of(duration_s=200.0, retry_after=10.0), *(page(ORIGIN + link) for link in links))
    async with library.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        tracker.add_hints(azpoll.DeploymentOperations(ORIGIN + LIST))
        await anyio.sleep(150)
        assert len(library.reads) == len(links)
        await operation.wait()
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "source of hints ended with an error" in record.getMessage()


async def test_a_list_without_end_is_read_up_to_100_pages() -> None:
    library = Library(arm_of(), *(page(f"{ORIGIN}{LIST}/{number}") for number in range(1000)))
    async with library.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        tracker.add_hints(azpoll.DeploymentOperations(ORIGIN + LIST, every_s=1))
        await anyio.sleep(600)
        assert len(library.reads) == 100


@pytest.mark.parametrize(
    ("asked", "waited_s"), [("30", 30), ("1e9", 0), ("31536000000", 3600), ("0", 1), ("-5", 1), ("x", 0)]
)
async def test_rule_35_the_retry_after_of_a_page_delays_the_next_one(asked: str, waited_s: int) -> None:
    library = Library(arm_of(), page(f"{ORIGIN}{LIST}/2", retry_after=asked), page(None))
    async with library.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        tracker.add_hints(azpoll.DeploymentOperations(ORIGIN + LIST, every_s=9000))
        await anyio.sleep(4000)
    (first_s, _), (second_s, _) = library.reads
    assert second_s - first_s == waited_s


class Board:
    """A board that answers each read with one page, and counts the turns of another task between the reports."""

    def __init__(self, document: object) -> None:
        self.reports = self.turns = 0
        self._document = document

    async def read(self, url: str) -> Answer:
        return answer(200, {}, json.dumps(self._document).encode(), url=url)

    async def query(self, url: str, body: Mapping[str, object]) -> Answer | None:
        raise AssertionError(f"{url} is asked for {body}")

    def resources(self) -> list[str]:
        raise AssertionError("the list itself names them")

    def report_ended(self, resource_id: str) -> int:
        raise AssertionError(f"{resource_id} runs")

    def report_running(self, resource_id: str) -> int:
        self.reports += len(resource_id) > 0
        return 1

    async def take_turns(self) -> None:
        while self.reports < 20_000:
            self.turns += 1
            await anyio.lowlevel.checkpoint()


async def test_a_page_of_many_items_lets_other_tasks_run() -> None:
    board = Board({"value": [item(number, "Running") for number in range(20_000)]})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(azpoll.DeploymentOperations(ORIGIN + LIST, every_s=1e6).run, board)
        await board.take_turns()
        tasks.cancel_scope.cancel()
    assert board.turns >= 20


async def test_a_source_of_hints_leaves_reads_to_the_polls() -> None:
    """A source that reads without pause shares the budget with the operations by due time, as one of them."""
    arm = arm_of(duration_s=300.0, retry_after=10.0)
    library = Library(arm, page(None))

    async def read_without_pause(board: HintBoard) -> None:
        while True:
            await board.read(ORIGIN + LIST)

    budget = azpoll.Budget(rate=2, max_rate=2, burst=2)
    async with library.client() as client, azpoll.Tracker(client, budget=budget, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        tracker.add_hints(Source(read_without_pause))
        await operation.wait()
        assert anyio.current_time() <= 300 + 10 + 5
        assert len(library.reads) <= 2 * anyio.current_time() + 2
    arm.no_early_polls()


async def test_rule_54_a_source_whose_reads_get_429_is_one_sender() -> None:
    """Each of its reads is a request of its own, but only the first 429 closes the scope for its whole wait."""
    arm = arm_of(duration_s=1e6, retry_after=10.0)
    library = Library(arm, *[httpx.Response(429, headers={"Retry-After": "600"}), page(None)] * 100)

    async def read_for_ever(board: HintBoard) -> None:
        while True:
            await board.read(ORIGIN + LIST)

    async with library.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        await tracker.begin("PUT", path_of(1), result="status")
        tracker.add_hints(Source(read_for_ever))
        await anyio.sleep(3600.0)
    assert len(library.reads) >= 10
    assert sum(request.method == "GET" for request in arm.requests) >= 200, "of 360"
