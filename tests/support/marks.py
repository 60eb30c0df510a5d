"""Parametrizations that many tests share."""

from __future__ import annotations

import pytest

from azpoll.testing import virtual_backend
from tests.support.clients import LIBRARIES

EACH_LIBRARY = pytest.mark.parametrize("library", LIBRARIES)

ASYNCIO = pytest.mark.parametrize("anyio_backend", [virtual_backend("asyncio")], ids=["asyncio"])
"""In virtual time, for tests of what asyncio alone does."""
