"""A client's concurrency does not exceed the number of connections in its pool."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from azpoll.transport.sender import Sender
from azpoll.transport.shortcuts.transport_choice import pool_size
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY


@pytest.mark.parametrize(
    ("connections", "of_httpx", "of_httpx2"),
    [(100, (4, 20), (4, 64)), (None, (4, 20), (4, 64)), (10, (4, 10), (4, 10)), (2, (2, 2), (2, 2))],
)
@pytest.mark.anyio
@EACH_LIBRARY
async def test_the_size_of_the_pool_limits_the_concurrency(
    library: Library, connections: int | None, of_httpx: tuple[int, int], of_httpx2: tuple[int, int]
) -> None:
    """A poll that waits for a connection is in flight, and its time limit runs."""
    made: Any = import_module(library)
    async with new_client(library, limits=made.Limits(max_connections=connections), trust_env=False) as client:
        assert Sender(client).concurrency == (of_httpx if library == "httpx" else of_httpx2)


@EACH_LIBRARY
def test_a_pool_has_a_size(library: Library) -> None:
    made: Any = import_module(library)
    assert pool_size(made.AsyncHTTPTransport(limits=made.Limits(max_connections=7))) == 7


@pytest.mark.parametrize("size", [0, -1, None, "7", 7.5])
def test_a_size_of_another_kind_is_ignored(size: object) -> None:
    pool = type("Pool", (), {"_max_connections": size})()
    assert pool_size(type("Transport", (), {"_pool": pool})()) is None
    assert pool_size(object()) is None
