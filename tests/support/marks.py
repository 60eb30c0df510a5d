"""Parametrizations that many tests share."""

from __future__ import annotations

import pytest

from azpoll.testing import virtual_backend
from tests.support.clients import LIBRARIES

EACH_LIBRARY = pytest.mark.parametrize("library", LIBRARIES)

ASYNCIO = pytest.mark.parametrize("anyio_backend", [virtual_backend("asyncio")], ids=["asyncio"])
"""In virtual time, for tests of what asyncio alone does."""

PAIRED_LIBRARY = pytest.mark.parametrize(
    ("anyio_backend", "library"),
    [(virtual_backend("asyncio"), "httpx"), (virtual_backend("trio"), "httpx2")],
    ids=["asyncio-httpx", "trio-httpx2"],
)
"""One library for each event loop, for tests that are too slow for every combination."""
