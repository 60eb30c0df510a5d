"""Async tests here run in virtual time, under asyncio and under trio."""

from __future__ import annotations

import pytest

from azpoll.testing import virtual_backend


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    return virtual_backend(request.param)
