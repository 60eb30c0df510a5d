"""Steps and faults reach the client as real ones do."""

from __future__ import annotations

import gzip
import math
from typing import TYPE_CHECKING

import anyio
import httpx
import httpx2
import pytest

from azpoll.testing import (
    ConnectionDropped,
    Cut,
    Delay,
    Drip,
    Drop,
    FakeARM,
    Ordinary,
    Reply,
    gzip_bomb,
    html_page,
    redirect,
    status_monitor,
)
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.testing import Step

pytestmark = pytest.mark.anyio


class Played:
    """An operation whose polls are answered by given steps, and a client of it."""

    def __init__(self, *polls: Step, finals: Sequence[Step] = (), read_timeout_s: float | None = None) -> None:
        self.arm = FakeARM()
        self.operation = self.arm.operation("PUT", "/x", polls=polls, finals=finals, duration_s=10)
        timeout = httpx.Timeout(5, read=read_timeout_s)
        self.client = new_client(transport=self.arm.transport(), base_url="https://arm", timeout=timeout)
        self.url = ""

    async def poll(self) -> httpx.Response:
        if not self.url:
            self.url = (await self.client.put("/x")).headers["azure-asyncoperation"]
        return await self.client.get(self.url)


async def test_steps_answer_one_poll_each_and_the_last_is_repeated() -> None:
    played = Played(
        status_monitor("Odd", percent_complete=5, retry_after=1.5), status_monitor(None, error={"code": "c"})
    )
    first, second, third = [await played.poll() for _ in range(3)]
    assert first.json() == {"status": "Odd", "percentComplete": 5}
    assert first.headers["retry-after"] == "1.5"
    assert second.json() == third.json() == {"status": None, "error": {"code": "c"}}


async def test_a_terminal_reply_ends_a_scripted_operation() -> None:
    played = Played(status_monitor("Running"), status_monitor("Succeeded"), finals=[Reply(404), Ordinary()])
    await played.poll()
    ends = [played.operation.ended_at_s]
    await anyio.sleep(7)
    await played.poll()
    ends.append(played.operation.ended_at_s)
    assert ends == [None, anyio.current_time()]
    assert (await played.client.get("/x")).status_code == 404
    assert (await played.client.get("/x")).json()["properties"]["provisioningState"] == "Succeeded"


async def test_an_ordinary_step_answers_by_time() -> None:
    played = Played(html_page(503), Ordinary())
    page = await played.poll()
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert (await played.poll()).json()["status"] == "InProgress"
    await anyio.sleep(10)
    assert (await played.poll()).json()["status"] == "Succeeded"


@pytest.mark.parametrize(("drop", "error"), [(Drop(), httpx.RemoteProtocolError), (Drop(reset=True), httpx.ReadError)])
async def test_a_dropped_connection_is_a_transport_error(drop: Drop, error: type[Exception]) -> None:
    played = Played(drop, status_monitor("Succeeded"))
    with pytest.raises(error) as caught:
        await played.poll()
    assert isinstance(caught.value, httpx.TransportError)
    assert str(caught.value.request.url) == played.url
    assert (await played.poll()).json()["status"] == "Succeeded"
    assert [record.status for record in played.arm.requests] == [201, None, 200]


async def test_httpx2_gets_errors_of_its_own() -> None:
    arm = FakeARM()
    arm.operation("PUT", "/x", initial=Drop())
    async with new_client("httpx2", transport=arm.transport("httpx2")) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.put("https://arm/x")


@pytest.mark.parametrize("step", [Drop(), Cut(3)])
async def test_over_asgi_a_broken_connection_is_an_exception(step: Step) -> None:
    arm = FakeARM()
    arm.operation("PUT", "/x", initial=step)
    async with new_client(transport=httpx.ASGITransport(arm)) as client:
        with pytest.raises(ConnectionDropped):
            await client.put("http://arm/x")


async def test_a_cut_body_is_a_transport_error_after_the_head() -> None:
    played = Played(Cut(5, status_monitor("Succeeded")))
    await played.client.put("/x")
    request = played.client.build_request("GET", played.operation.poll_url)
    response = await played.client.send(request, stream=True)
    assert response.headers["content-length"] == str(len(b'{"status":"Succeeded"}'))
    with pytest.raises(httpx.RemoteProtocolError):
        await response.aread()
    await response.aclose()
    assert played.operation.told_end_at_s is None


@pytest.mark.parametrize("over", ["transport", "asgi"])
async def test_a_dripping_body_takes_its_time(over: str) -> None:
    arm = FakeARM()
    arm.operation("PUT", "/x", polls=[Drip(1, 2.0, Reply(200, "12345"))])
    transport = arm.transport() if over == "transport" else httpx.ASGITransport(arm)
    async with new_client(transport=transport, base_url="https://arm") as client:
        url = (await client.put("/x")).headers["azure-asyncoperation"]
        start = anyio.current_time()
        assert (await client.get(url)).text == "12345"
        assert anyio.current_time() - start == pytest.approx(10)


async def test_a_dripping_body_outlives_a_read_timeout_but_not_a_deadline() -> None:
    played = Played(Drip(1, 2.0, Reply(200, "12345")), read_timeout_s=3)
    assert (await played.poll()).text == "12345"
    with anyio.move_on_after(5) as scope:
        await played.poll()
    assert scope.cancelled_caught
    assert played.operation.told_end_at_s is None


async def test_a_body_may_be_left_unread() -> None:
    played = Played(Drip(1, 1.0, status_monitor("Succeeded")))
    await played.client.put("/x")
    async with played.client.stream("GET", played.operation.poll_url) as response:
        assert response.status_code == 200
    await played.poll()
    played.arm.one_request_at_a_time()


@pytest.mark.parametrize("step", [Delay(60), Drip(1, 60)])
async def test_a_late_answer_meets_the_read_timeout(step: Step) -> None:
    played = Played(step, read_timeout_s=5)
    start = anyio.current_time()
    with pytest.raises(httpx.ReadTimeout):
        await played.poll()
    assert anyio.current_time() - start == pytest.approx(5)


async def test_an_answer_may_be_late_or_never_come() -> None:
    played = Played(Delay(60), Delay(math.inf))
    start = anyio.current_time()
    await played.poll()
    assert anyio.current_time() - start == pytest.approx(60)
    with anyio.move_on_after(3600) as scope:
        await played.poll()
    assert scope.cancelled_caught


async def test_over_asgi_an_answer_may_be_late() -> None:
    arm = FakeARM()
    arm.operation("PUT", "/x", initial=Delay(7))
    async with new_client(transport=httpx.ASGITransport(arm)) as client:
        start = anyio.current_time()
        assert (await client.put("http://arm/x")).status_code == 201
        assert anyio.current_time() - start == pytest.approx(7)


async def test_faults_nest() -> None:
    played = Played(Delay(3, Drip(10, 1.0, Reply(200, b"x" * 20))))
    start = anyio.current_time()
    assert (await played.poll()).content == b"x" * 20
    assert anyio.current_time() - start == pytest.approx(5)


async def test_a_redirect_may_lead_back_to_the_operation() -> None:
    played = Played(redirect("{poll_url}?hop=1", 307), status_monitor("Succeeded"))
    first = await played.poll()
    assert first.status_code == 307
    assert (await played.client.get(first.headers["location"])).json()["status"] == "Succeeded"


async def test_headers_may_name_a_foreign_host() -> None:
    played = Played(Reply(200, {"status": "Running"}, {"Azure-AsyncOperation": "https://evil.example/x"}))
    assert (await played.poll()).headers["azure-asyncoperation"] == "https://evil.example/x"


async def test_a_gzip_bomb_is_small_on_the_wire() -> None:
    bomb = gzip_bomb(20)
    assert isinstance(bomb.body, bytes)
    assert len(bomb.body) < 30_000
    assert len(gzip.decompress(bomb.body)) == 20 << 20
    assert len((await Played(bomb).poll()).content) == 20 << 20


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        (b'{"status":"Failed"}', True),
        ('{"status":"completed"}', True),
        ("{", False),
        (["Succeeded"], False),
        ({"status": 1}, False),
        (None, False),
    ],
)
async def test_whether_a_reply_ends_the_operation_is_read_from_it(body: object, ends: bool) -> None:  # noqa: FBT001 - a row
    played = Played(Reply(200, body))
    await played.poll()
    assert (played.operation.ended_at_s is not None) == ends


async def test_whether_a_reply_ends_the_operation_can_be_said() -> None:
    played = Played(Reply(200, {"status": "ValidationFailed"}, terminal=True))
    await played.poll()
    assert played.operation.ended_at_s is not None
