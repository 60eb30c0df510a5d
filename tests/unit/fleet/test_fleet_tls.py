"""A database whose certificate is not trusted."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trustme

from azpoll.fleet import Fleet, FleetUnavailable
from tests.support.canary import CANARY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.anyio
async def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    """Its error is a `ValueError` too, as that of an invalid DSN is."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server_side)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    roots = tmp_path / "roots.pem"
    trustme.CA().cert_pem.write_to_path(roots)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # the request for TLS
        writer.write(b"S")
        with suppress(ssl.SSLError, OSError):
            await writer.start_tls(server_side)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        dsn = f"postgresql://u:{CANARY}@127.0.0.1:{port}/d?sslmode=verify-full&sslrootcert={roots.as_posix()}"
        with pytest.raises(FleetUnavailable, match="certificate not trusted") as refused:
            async with Fleet.connect(dsn):
                pass
    assert CANARY not in str(refused.value)
