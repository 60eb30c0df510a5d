"""Fixtures of all tests: each event loop in virtual time, and the ordinary client."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import virtual_backend
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    import httpx

    from azpoll.testing import FakeARM


# Compiled modules are kept. Otherwise each process of tests, and each process that a test starts, compiles all its
# modules again, which takes longer than many tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without garbage collection. Their half a million objects stay, so later ones exclude them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def garbage_of_the_file() -> Iterator[None]:
    """Collect the garbage of a file at its end, so that its own last test reports the warnings of unclosed objects.

    Later collections exclude the objects that are left. Many tests collect garbage, and would look at all of them.
    """
    yield
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Include these objects again: Hypothesis looks for them when its plugin imports it for its summary."""
    gc.unfreeze()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which is not there in WebAssembly
def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are processors: the tests of processes and sockets often wait."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Each event loop, in virtual time."""
    return virtual_backend(request.param)


@pytest.fixture
async def client(fake_arm: FakeARM) -> AsyncIterator[httpx.AsyncClient]:
    """An open client of httpx over the fixture `fake_arm`."""
    async with client_of(fake_arm) as opened:
        yield opened
