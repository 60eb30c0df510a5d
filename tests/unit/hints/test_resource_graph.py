"""Hints from Azure Resource Graph: one query for many resources, within its quota, and only while operations wait."""

from __future__ import annotations

import json
import logging
import math
import re
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

import azpoll
from azpoll.hints import ResourceGraph
from azpoll.testing import FakeARM, Script
from tests.support.clients import LIBRARIES, ORIGIN, Library, client_of, new_client
from tests.support.operations import GROUP, path_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

RESOURCES = "/providers/Microsoft.ResourceGraph/resources"


class Graph(httpx.AsyncBaseTransport):
    """A Resource Graph beside an arm.

    Args:
        arm: answers all else.
        state: returns the state of a resource by its name, such as "t1"; None if the graph does not have it.
        answers: are sent before any query is answered in earnest.
    """

    def __init__(self, arm: FakeARM, state: Callable[[str], str | None], *answers: httpx.Response) -> None:
        self._arm = arm.transport()
        self._state = state
        self.answers = list(answers)
        self.asked: list[tuple[int, list[str]]] = []
        self.bodies: list[dict[str, object]] = []
        self.headers: dict[str, str] = {}
        self.page_size = 1000
        self.most = 1000

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != RESOURCES:
            return await self._arm.handle_async_request(request)
        assert request.method == "POST"
        body = json.loads(await request.aread())
        names = re.findall("'([^']+)'", body["query"])
        self.bodies.append(body)
        self.asked.append((round(anyio.current_time()), [name.rpartition("/")[2] for name in names]))
        if self.answers:
            return self.answers.pop(0)
        if len(names) > self.most:
            return httpx.Response(400, json={"error": {"code": "BadRequest", "message": "the query is too long"}})
        rows = [{"id": name.upper(), "state": self._state(name.rpartition("/")[2])} for name in names]
        rows = [row for row in rows if row["state"] is not None]
        skip = int(body["options"].get("$skipToken", 0))
        page: dict[str, object] = {"data": rows[skip : skip + self.page_size], "resultTruncated": "false"}
        if len(rows) > skip + self.page_size:
            page["$skipToken"] = str(skip + self.page_size)
        return httpx.Response(200, headers=self.headers, json=page)

    def client(self) -> httpx.AsyncClient:
        return new_client(transport=self, base_url=ORIGIN)


def arm_of(**script: float | None) -> FakeARM:
    return FakeARM(default=Script(**script), limits=None)  # type: ignore[arg-type]  # - the fields are numbers


def since(at_s: float, before: str | None = "Creating", after: str | None = "Succeeded") -> Callable[[str], str | None]:
    """Return a graph that shows a change of every resource at a time."""
    return lambda _: after if anyio.current_time() >= at_s else before


@pytest.mark.parametrize(
    ("before", "after"),
    [("Creating", "Succeeded"), ("Updating", "Failed"), (None, "Succeeded"), ("Deleting", None), ("Succeeded", None)],
)
async def test_a_change_in_the_graph_brings_the_poll_forward(before: str | None, after: str | None) -> None:
    """The operation ends at 40 s, the graph shows it at 43 s, the query of 45 s sees it."""
    graph = Graph(arm_of(duration_s=40.0), since(43, before, after))
    async with graph.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        tracker.add_hints(ResourceGraph(["S1"]))
        operation = await tracker.begin("PUT", path_of(1), result="status")
        await operation.wait()
        assert anyio.current_time() == pytest.approx(45, abs=1)


async def test_a_state_that_may_be_older_than_the_operation_is_no_hint_for_a_minute() -> None:
    """The resource was there before. After a minute the graph is up to date, so the operation may have ended."""
    graph = Graph(arm_of(duration_s=10.0), lambda _: "Succeeded")
    async with graph.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        operation = await tracker.begin("PUT", path_of(1), result="status")
        await until(50)
        assert not operation.done()
        await operation.wait()
        assert anyio.current_time() == pytest.approx(62.5, abs=3)


async def test_a_hint_of_the_graph_ends_nothing_and_makes_no_poll_early() -> None:
    """The graph says that it has ended, and the service says that it runs."""
    arm = arm_of(duration_s=200.0, retry_after=17.0)
    graph = Graph(arm, since(20))
    async with graph.client() as client, azpoll.Tracker(client) as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        operation = await tracker.begin("PUT", path_of(1), result="status")
        await operation.wait()
        assert anyio.current_time() >= 200
    arm.no_early_polls()


async def test_only_resources_with_tracked_operations_are_asked_for() -> None:
    graph = Graph(arm_of(duration_s=12.0, retry_after=6.0), since(math.inf))
    elsewhere = path_of(9).replace("s1", "s2")
    async with graph.client() as client, azpoll.Tracker(client) as tracker:
        tracker.add_hints(ResourceGraph(["s1", "s3"]))
        await until(9)
        assert not graph.asked
        for url in (path_of(1), path_of(2), elsewhere, f"{GROUP}/providers/Microsoft.Fake/things/it's?api-version=1"):
            await tracker.begin("PUT", url, result="status")
        await until(60)
        assert tracker.statistics().running == 0
    assert graph.asked == [(at_s, ["t1", "t2"]) for at_s in (10, 15, 20)]
    assert {tuple(body["subscriptions"]) for body in graph.bodies} == {("s1",)}  # type: ignore[arg-type]  # - a list


async def test_an_action_is_asked_for_by_its_resource() -> None:
    graph = Graph(arm_of(duration_s=40.0), since(43))
    async with graph.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        await (await tracker.begin("POST", path_of(1).replace("?", "/start?"), result="status")).wait()
        assert anyio.current_time() == pytest.approx(45, abs=1)
    assert graph.asked[0][1] == ["t1"]


async def test_all_pages_are_read() -> None:
    graph = Graph(arm_of(duration_s=40.0), since(43))
    graph.page_size = 2
    async with graph.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        for number in range(5):
            await tracker.begin("PUT", path_of(number), result="status")
        tracker.add_hints(ResourceGraph(["s1"]))
        await until(47)
        assert tracker.statistics().succeeded == 5
    assert [body["options"].get("$skipToken") for body in graph.bodies[:3]] == [None, "2", "4"]  # type: ignore[attr-defined]  # - an object


async def test_a_refused_query_is_halved() -> None:
    """The service documents no limit of a query's length."""
    graph = Graph(arm_of(duration_s=40.0), since(43))
    graph.most = 30
    async with graph.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        for number in range(100):
            await tracker.begin("PUT", path_of(number), result="status")
        await until(50)
        assert tracker.statistics().succeeded == 100
    assert max(len(names) for at_s, names in graph.asked if at_s >= 10) <= 30


async def test_a_query_grows_again_after_a_refusal() -> None:
    graph = Graph(arm_of(duration_s=5000.0), since(math.inf))
    graph.most = 20
    async with graph.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        for number in range(40):
            await tracker.begin("PUT", path_of(number), json={})
        await anyio.sleep(30)
        graph.most = 1000
        assert max(len(names) for at_s, names in graph.asked if at_s > 15) == 20
        await anyio.sleep(700)
    assert len(graph.asked[-1][1]) == 40


async def test_a_401_pauses_the_hints(caplog: pytest.LogCaptureFixture) -> None:
    graph = Graph(arm_of(duration_s=1000.0), since(math.inf), httpx.Response(401))
    async with graph.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        await tracker.begin("PUT", path_of(1), json={})
        await anyio.sleep(80)
    assert len(graph.asked) > 1
    assert graph.asked[1][0] - graph.asked[0][0] >= 60
    assert caplog.text.count("HTTP 401") == 1


async def test_queries_leave_a_part_of_the_quota_to_others() -> None:
    """With 4 queries left the next one waits until the quota is reset; a round of 3 pages takes 3 such times."""
    graph = Graph(arm_of(duration_s=1000.0), since(math.inf))
    graph.page_size = 1
    graph.headers = {"x-ms-user-quota-remaining": "4", "x-ms-user-quota-resets-after": "00:00:04"}
    async with graph.client() as client, azpoll.Tracker(client, interval=1000, on_exit="stop") as tracker:
        for number in range(3):
            await tracker.begin("PUT", path_of(number), result="status")
        tracker.add_hints(ResourceGraph(["s1"], every_s=10))
        await until(25)
    assert [at_s for at_s, _ in graph.asked] == [0, 4, 8, 18, 22]


@pytest.mark.parametrize(
    ("refusal", "again_s"),
    [
        (httpx.Response(429, headers={"retry-after": "9"}), 9),
        (httpx.Response(429, headers={"retry-after": "1"}), 5),
        (httpx.Response(503), 5),
        (httpx.Response(200, text="<html>"), 10),
        (httpx.Response(200, json={"data": "?"}), 10),
    ],
    ids=["429", "429, soon", "503", "a page", "no list"],
)
async def test_an_unusable_answer_delays_the_query_and_gives_no_hint(refusal: httpx.Response, again_s: int) -> None:
    """No answer is no news: the resources that it lacks may be there."""
    graph = Graph(arm_of(duration_s=1000.0), since(math.inf), refusal)
    async with graph.client() as client, azpoll.Tracker(client, interval=1000, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        tracker.add_hints(ResourceGraph(["s1"], every_s=10))
        await until(15)
        assert operation.snapshot().polls == 0
    assert [at_s for at_s, _ in graph.asked] == [0, again_s]


async def test_a_graph_that_cannot_be_reached_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: str) -> None:
        raise httpx.ConnectError("no route")

    graph = Graph(arm_of(duration_s=100.0, retry_after=10.0), fail)
    async with graph.client() as client, azpoll.Tracker(client) as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        with caplog.at_level(logging.WARNING, "azpoll"):
            await (await tracker.begin("PUT", path_of(1), result="status"))
    assert len(graph.asked) > 5
    (record,) = [record for record in caplog.records if record.name == "azpoll"]
    assert "a query for hints was not answered" in record.getMessage()


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([httpx.Response(403, json={"error": {"code": "Denied", "message": "no"}})], "HTTP 403"),
        ([httpx.Response(400)], "HTTP 400"),
        ([httpx.Response(307, headers={"location": "https://evil.example/"})], "HTTP 307"),
        ([httpx.Response(200, json={"data": [], "$skipToken": "a"}) for _ in range(2)], "read before"),
        ([httpx.Response(200, json={"data": [], "$skipToken": f"{n}"}) for n in range(150)], "more than 100 pages"),
    ],
    ids=["forbidden", "refused", "redirected", "a circle", "no end"],
)
async def test_a_graph_that_refuses_ends_only_the_hints(
    answers: list[httpx.Response], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    arm = arm_of(duration_s=100.0, retry_after=17.0)
    graph = Graph(arm, since(math.inf), *answers)
    async with graph.client() as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        with caplog.at_level(logging.ERROR, "azpoll"):
            tracker.add_hints(ResourceGraph(["s1"]))
            await operation.wait()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert says in str(record.exc_info[1])
    assert len(graph.asked) <= 100
    arm.no_requests_elsewhere(ORIGIN)


async def test_hostile_rows_are_ignored() -> None:
    rows: list[object] = [None, 7, [], {}, {"id": 7}, {"id": "", "state": 3}, {"id": "/other", "state": "Succeeded"}]
    graph = Graph(arm_of(duration_s=40.0), since(43), httpx.Response(200, json={"data": rows}))
    async with graph.client() as client, azpoll.Tracker(client, interval=1000) as tracker:
        tracker.add_hints(ResourceGraph(["s1"]))
        await (await tracker.begin("PUT", path_of(1), result="status")).wait()
        assert anyio.current_time() == pytest.approx(45, abs=1)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_the_query_goes_to_the_named_origin_with_the_clients_credentials(library: Library) -> None:
    """With either library; the read budget does not count it."""
    arm = arm_of(duration_s=20.0, retry_after=17.0)
    async with (
        client_of(arm, library, headers={"authorization": "Bearer t"}, base_url="https://arm.example") as client,
        azpoll.Tracker(client) as tracker,
    ):
        tracker.add_hints(ResourceGraph(["s1"], 60, origin="https://arm.example"))
        await (await tracker.begin("PUT", path_of(1), result="status")).wait()
        assert tracker.statistics().scopes[0].reads == 2
    arm.no_requests_elsewhere("https://arm.example")


@pytest.mark.parametrize("subscriptions", [[], ["a b"], ["a/b"], [""], ["a'b"]])
async def test_invalid_subscriptions_are_refused(subscriptions: list[str]) -> None:
    with pytest.raises(ValueError, match="subscription"):
        ResourceGraph(subscriptions)


async def test_one_subscription_as_text_is_refused() -> None:
    with pytest.raises(TypeError, match="one string"):
        ResourceGraph("s1")


@pytest.mark.parametrize("every_s", [0, -1, math.inf, math.nan])
async def test_an_invalid_interval_is_refused(every_s: float) -> None:
    with pytest.raises(ValueError, match="every_s"):
        ResourceGraph(["s1"], every_s)
