"""The pytest plugin: fixtures `fake_arm` and `virtual_time`. Installing azpoll installs it; it needs no configuration.

Both are plain fixtures for sync and async tests and do not conflict with anyio's plugin or pytest-asyncio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from azpoll.testing.fake_arm import FakeARM
    from azpoll.testing.virtual_time import VirtualRunner


@pytest.fixture
def fake_arm() -> FakeARM:
    """A fake Azure Resource Manager, with ARM's limits and no operations; see `azpoll.testing.FakeARM`."""
    from azpoll.testing.fake_arm import FakeARM  # noqa: PLC0415 - pytest imports plugins in every run, used or not

    return FakeARM()


@pytest.fixture
def virtual_time() -> VirtualRunner:
    """Runs an async function in virtual time: `virtual_time(main, *args)`; see `azpoll.testing.run_virtual`.

    For a plain `def` test. An `async def` test under anyio's plugin gets virtual time from an `anyio_backend` fixture
    that returns `azpoll.testing.virtual_backend("asyncio")`.
    """
    from azpoll.testing.virtual_time import run_virtual  # noqa: PLC0415 - as above

    return run_virtual
