"""Real event loops: virtual time does not wait for the thread of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.clock_fixtures import one_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

__all__ = ["anyio_backend", "arm", "arm_client", "one_clock", "path"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    return request.param, {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operations.db"


@pytest.fixture
def arm() -> FakeARM:
    """A service whose operations end after 50 ms."""
    return FakeARM(default=Script(duration_s=0.05), floor_s=0, limits=None)


@pytest.fixture
async def arm_client(arm: FakeARM) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(arm) as client:
        yield client
