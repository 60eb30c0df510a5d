"""Requests to loopback never go to a proxy: it would see their credential."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from azpoll.cli.client import create_client
from azpoll.cli.origins import is_loopback
from azpoll.protocol import resume_token
from azpoll.protocol.token_content import Token

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.unit.cli.conftest import Azure, Command

SECRET = "c2VjcmV0"
VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@contextmanager
def recording_proxy() -> Generator[tuple[str, list[bytes]]]:
    """Serve a proxy that records the first bytes of each request and refuses it."""
    seen: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            seen.append(self.request.recv(65536))
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def proxied(azpoll: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The requests that reach the proxy of the environment. The fixture of the command has removed the real one."""
    del azpoll
    with recording_proxy() as (url, seen):
        for name in VARIABLES:
            monkeypatch.setenv(name, url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AZPOLL_TOKEN", SECRET)
        yield seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
@pytest.mark.parametrize("command", ["wait", "status"])
def test_loopback_is_never_proxied(
    azure: Azure, azpoll: Command, proxied: list[bytes], host: str, command: str
) -> None:
    operation = azure.begin(duration_s=0)
    azure.arm.require_token(SECRET)

    result = azpoll(command, operation.monitor_url.replace("127.0.0.1", host))

    assert result.code == 0
    assert proxied == []


@pytest.mark.parametrize(
    "origin",
    [
        *("http://127.0.0.2:9", "http://127.255.255.254:9", "http://[::1]:9", "https://127.0.0.1:9"),
        *("https://localhost:9", "https://a.localhost:9", "https://a.b.LOCALHOST:9", "https://localhost.:9"),
        *("https://127.1:9", "https://2130706433:9", "https://0x7f.1:9", "https://[::ffff:127.0.0.1]:9"),
        *("https://[0:0:0:0:0:0:0:1]:9", "https://localhost"),
    ],
)
@pytest.mark.parametrize("entry", ["argument", "input", "token", "anonymous", "gateway"])
def test_each_spelling_and_each_entry_of_loopback_is_sent_directly(
    azpoll: Command, proxied: list[bytes], origin: str, entry: str
) -> None:
    url = f"{origin}/operations/x"
    token = resume_token.encode(
        Token(method="PUT", resource_url=url, pattern="Azure-AsyncOperation", url=url, not_before=0.0)
    )
    words, stdin = {
        "argument": ([url], ""),
        "input": (["-", "--allow-host", origin], url),
        "token": ([token, "--allow-host", origin], ""),
        "anonymous": (["-", "--anonymous-host", origin], url),
        "gateway": (["https://management.azure.com/operations/x", "--rebase-to", origin], ""),
    }[entry]

    result = azpoll("status", *words, stdin=stdin)

    assert proxied == []
    assert result.code in {2, 4}


def test_other_hosts_use_the_proxy(azpoll: Command, proxied: list[bytes]) -> None:
    azpoll("wait", "--timeout", "0.3", "https://127.0.0.1.example.com/x", "https://localhost.example/x")

    assert {line.split()[0] for line in proxied} == {b"CONNECT"}
    assert SECRET.encode() not in b"".join(proxied)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("localhost", "a.localhost", "127.8.0.1", "::1", "[::1]", "127.1", "0x7f000001")),
        *((host, False) for host in ("localhost.example", "1.127.0.0", "126.1", "::2", "nolocalhost", "", "8.8.8.8")),
    ],
)
def test_the_hosts_that_are_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_client_sends_directly_to_hosts_of_loopback_that_no_url_names(proxied: list[bytes]) -> None:
    async def send() -> None:
        async with create_client({}, ()) as client:
            for host in ("localhost", "a.localhost", "127.0.0.1", "[::1]"):
                with pytest.raises(httpx.TransportError):
                    await client.get(f"http://{host}:9/")

    anyio.run(send)
    assert proxied == []
