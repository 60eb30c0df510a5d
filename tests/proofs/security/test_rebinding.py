"""Threat T4: a name that is made to lead to another machine is asked nothing, since that machine cannot prove it.

The origin of a URL is a name; who resolves it decides where it leads. TLS holds what the check of the origin cannot: a
real handshake on loopback, with a resolver that lies.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import trustme

import azpoll
from tests.support.canary import CANARY
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

NAME = "management.azure.com"
DONE = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"status":"Succeeded"}'


@pytest.fixture(autouse=True)
def _a_resolver_that_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name leads to this machine, as one of an attacker's would lead to 169.254.169.254."""
    resolve = socket.getaddrinfo

    def lie(_: object, port: int, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1", port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lie)


@asynccontextmanager
async def machine(authority: trustme.CA, *names: str) -> AsyncGenerator[tuple[int, bytearray]]:
    """Listen as a machine that can prove these names; give its port, and what it is told in confidence."""
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(DONE)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], heard


async def ask(library: Library, *names: str) -> tuple[azpoll.AzpollError | None, bytes]:
    """Poll once at a machine that can prove these names; return what was told of it, and what the machine heard."""
    authority, verify = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(verify)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    module = import_module(library)
    async with machine(authority, *names) as (port, heard):
        base = f"https://{NAME}:{port}"
        headers = {"Authorization": f"Bearer {CANARY}"}
        async with (
            new_client(library, base_url=base, verify=verify, headers=headers, trust_env=False) as client,
            azpoll.Tracker(client, min_interval=0.001) as tracker,
        ):
            request = module.Request("DELETE", f"{base}/things/t?api-version=1")
            answered = {"Azure-AsyncOperation": f"{base}/op?api-version=1", "Retry-After": "0"}
            operation = tracker.track(module.Response(202, headers=answered, request=request))
            try:
                await operation
            except azpoll.AzpollError as error:
                return error, bytes(heard)
            return None, bytes(heard)


@EACH_LIBRARY
def test_a_machine_that_cannot_prove_the_name_is_told_nothing(library: Library) -> None:
    """It is a failure of the certificate: told at once, without a second try, and the operation can be resumed."""
    error, heard = asyncio.run(ask(library, "169.254.169.254", "metadata.internal"))
    assert heard == b""
    assert type(error) is azpoll.PollingError
    assert "certificate" in str(error)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
    assert error.resume_token is not None


@EACH_LIBRARY
def test_one_that_can_is_asked_with_the_credential(library: Library) -> None:
    """So that the test above is not about a machine that nobody reaches."""
    error, heard = asyncio.run(ask(library, NAME))
    assert error is None
    assert f"bearer {CANARY}".encode() in heard.lower()
