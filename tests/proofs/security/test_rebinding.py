"""Threat T4: after DNS rebinding no request is sent, since the other server has no certificate for the name.

The origin check compares names, and a resolver decides the address of a name. TLS closes this gap. The test makes real
handshakes on loopback, with a resolver that returns false addresses.
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
def _false_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve every name to this machine, as an attacker would resolve it to 169.254.169.254."""
    resolve = socket.getaddrinfo

    def resolve_falsely(_: object, port: int, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1", port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_falsely)


@asynccontextmanager
async def serve_as(authority: trustme.CA, *names: str) -> AsyncGenerator[tuple[int, bytearray]]:
    """Listen with a certificate for the names; yield the port and the decrypted bytes."""
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(DONE)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], received


async def poll_once(library: Library, *names: str) -> tuple[azpoll.AzpollError | None, bytes]:
    """Poll once at a server with a certificate for the names; return the error and the received bytes."""
    authority, verify = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(verify)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    module = import_module(library)
    async with serve_as(authority, *names) as (port, received):
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
                return error, bytes(received)
            return None, bytes(received)


@EACH_LIBRARY
def test_a_server_without_a_certificate_for_the_name_gets_no_request(library: Library) -> None:
    """The certificate error is final after one attempt, and the operation can be resumed."""
    error, received = asyncio.run(poll_once(library, "169.254.169.254", "metadata.internal"))
    assert received == b""
    assert type(error) is azpoll.PollingError
    assert "certificate" in str(error)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
    assert error.resume_token is not None


@EACH_LIBRARY
def test_a_server_with_a_certificate_gets_the_credential(library: Library) -> None:
    """So the test above does not pass for lack of a connection."""
    error, received = asyncio.run(poll_once(library, NAME))
    assert error is None
    assert f"bearer {CANARY}".encode() in received.lower()
