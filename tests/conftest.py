"""Fixtures of all tests: each event loop in virtual time, and the ordinary client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.testing import virtual_backend
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from azpoll.testing import FakeARM


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Each event loop, in virtual time."""
    return virtual_backend(request.param)


@pytest.fixture
async def client(fake_arm: FakeARM) -> AsyncIterator[httpx.AsyncClient]:
    """An open client of httpx over the fixture `fake_arm`."""
    async with client_of(fake_arm) as opened:
        yield opened
