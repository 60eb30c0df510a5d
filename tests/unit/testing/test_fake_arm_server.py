"""`FakeARM.serve` speaks HTTP/1.1 on loopback. Real sockets and real time, with no waiting but for bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import httpx
import pytest

from azpoll.testing import Cut, Delay, Drip, Drop, FakeARM, Limits, Reply, Script, Step, run_virtual
from tests.support.clients import new_client

Exchanging = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def serve_and(main: Callable[[FakeARM, httpx.AsyncClient], Awaitable[None]], arm: FakeARM) -> None:
    async def run() -> None:
        async with arm.serve() as base_url, new_client(base_url=base_url, trust_env=False) as client:
            with anyio.fail_after(20):
                await main(arm, client)

    anyio.run(run)


def test_an_operation_runs_to_its_end_over_a_socket() -> None:
    async def main(arm: FakeARM, client: httpx.AsyncClient) -> None:
        initial = await client.put("/x?api-version=1", json={"location": "here"})
        assert initial.headers["azure-asyncoperation"].startswith(str(client.base_url).rstrip("/"))
        assert (await client.get(initial.headers["azure-asyncoperation"])).json()["status"] == "Succeeded"
        assert (await client.get("/x")).json()["location"] == "here"
        assert (await client.delete("/unknown")).reason_phrase == "Not Found"
        arm.no_requests_elsewhere(str(client.base_url).rstrip("/"))

    arm = FakeARM()
    arm.operation("PUT", "/x", duration_s=0)
    serve_and(main, arm)


def test_it_serves_on_loopback_at_a_port_of_choice() -> None:
    async def main() -> None:
        async with FakeARM().serve() as first:
            port = int(first.rpartition(":")[2])
            assert first == f"http://127.0.0.1:{port}"
        async with FakeARM().serve(port=port) as again:
            assert again == first
            with pytest.raises(OSError, match="in use"):
                async with FakeARM().serve(port=port):
                    pass

    anyio.run(main)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Drop(), httpx.RemoteProtocolError),
        (Drop(reset=True), httpx.ReadError),
        (Cut(5), httpx.RemoteProtocolError),
        (Delay(0.001, Drop()), httpx.RemoteProtocolError),
        (Drip(10, 0.001, Cut(5)), httpx.RemoteProtocolError),
    ],
)
def test_faults_over_sockets_equal_those_of_the_transport(step: Step, error: type[Exception]) -> None:
    async def main(arm: FakeARM, client: httpx.AsyncClient) -> None:
        with pytest.raises(error):
            await client.put("/x")
        async with new_client(transport=arm.transport()) as other:
            with pytest.raises(error):
                await other.put("https://arm/x")
        assert (await client.get("/y")).status_code == 404

    serve_and(main, FakeARM(default=Script(initial=step)))


def test_a_dripping_body_arrives_in_chunks() -> None:
    async def main(arm: FakeARM, client: httpx.AsyncClient) -> None:
        del arm
        async with client.stream("PUT", "/x") as response:
            chunks = [chunk async for chunk in response.aiter_raw()]
        assert b"".join(chunks) == b"0123456789"
        assert len(chunks) > 1

    serve_and(main, FakeARM(default=Script(initial=Drip(5, 0.01, Reply(200, b"0123456789")))))


def test_an_odd_status_code_is_sent() -> None:
    async def main(arm: FakeARM, client: httpx.AsyncClient) -> None:
        del arm
        assert (await client.put("/x")).status_code == 299

    serve_and(main, FakeARM(default=Script(initial=Reply(299))))


def test_closing_the_server_ends_pending_answers() -> None:
    async def main() -> None:
        arm = FakeARM(default=Script(initial=Delay(3600)))

        async def put(client: httpx.AsyncClient, url: str) -> None:
            with pytest.raises(httpx.TransportError):
                await client.put(url)

        async with (
            new_client(trust_env=False) as client,
            anyio.create_task_group() as group,
            arm.serve() as base_url,
        ):
            group.start_soon(put, client, f"{base_url}/x")
            while not arm.requests:  # noqa: ASYNC110 - until a socket delivered it
                await anyio.sleep(0.001)

    anyio.run(main)


async def raw_answers(arm: FakeARM, *parts: bytes) -> bytes:
    async with arm.serve() as base_url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base_url.rpartition(":")[2]))
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.write_eof()
        with anyio.fail_after(20):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: -70\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", b"400"),
        (b"PUT /x HTTP/1.1\r\nno header\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\na b: c\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"PUT /x HTTP/1.1\r\n: c\r\n\r\n", b"400"),
        (b"PUT /x HTTP/2.0\r\n\r\n", b"400"),
        (b"P\xfcT /x HTTP/1.1\r\n\r\n", b"400"),
        (b"PUT  HTTP/1.1\r\n\r\n", b"400"),
        (b"x" * 70_000, b"400"),
        (b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"PUT http://other/x HTTP/1.1\r\nHost: here\r\n\r\n", b"404"),
    ],
)
def test_requests_it_cannot_read_are_refused(request_head: bytes, status: bytes) -> None:
    async def main() -> None:
        assert (await raw_answers(FakeARM(), request_head)).split(b" ")[1] == status

    anyio.run(main)


def test_requests_may_come_in_pieces_and_together() -> None:
    async def main() -> None:
        arm = FakeARM(default=Script(initial=Delay(0.001, Reply(200, b"ok"))))
        put = b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
        answers = await raw_answers(arm, put[:10], put[10:-1], put[-1:] + put + put)
        assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3
        assert len(arm.requests) == 3

    asyncio.run(main())


def test_it_needs_asyncio() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="needs asyncio"):
            async with FakeARM().serve():
                pass

    anyio.run(main, backend="trio")


def test_many_requests_share_a_few_connections() -> None:
    async def main(arm: FakeARM, client: httpx.AsyncClient) -> None:
        async def poll() -> None:
            for _ in range(50):
                await client.get("/x")

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(poll)
        assert arm.statistics().reads == 200

    serve_and(main, FakeARM(limits=Limits(reads=None)))


def test_virtual_time_may_be_served_too() -> None:
    async def main() -> float:
        arm = FakeARM(default=Script(initial=Delay(3600)))
        async with (
            arm.serve() as base_url,
            new_client(base_url=base_url, trust_env=False, timeout=9999) as client,
        ):
            assert (await client.put("/x")).status_code == 201
        return anyio.current_time()

    assert run_virtual(main, allow_sockets=True) >= 3600
