"""A request that is aborted during the TLS handshake leaves no open socket. In real time: the server is real."""

from __future__ import annotations

import gc
import socket
from importlib import import_module
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.transport.client import ClientTransport
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer
    from tests.support.clients import Library

pytestmark = pytest.mark.anyio


@EACH_LIBRARY
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_aborted_tls_handshake_leaves_no_open_socket(library: Library) -> None:
    """An open socket would warn when it is collected, and warnings are errors."""
    outcomes: list[Answer | RequestFailure] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        url = f"https://127.0.0.1:{server.getsockname()[1]}/op"
        async with import_module(library).AsyncClient(trust_env=False) as client, anyio.create_task_group() as tasks:
            transport = ClientTransport(client)

            async def poll() -> None:
                outcomes.append(await transport.poll("GET", url))

            tasks.start_soon(poll)
            accepted, _ = await anyio.to_thread.run_sync(server.accept)
            with accepted:
                hello = await anyio.to_thread.run_sync(accepted.recv, 1)
                transport.abort()
                assert hello
    gc.collect()
    [outcome] = outcomes
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.TIMEOUT
