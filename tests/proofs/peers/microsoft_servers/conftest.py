"""Fixtures of the acceptance tests: the two servers, and a client class per HTTP library."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import httpx2
import pytest

from tests.proofs.peers.microsoft_servers.server_processes import (
    ENVIRONMENT,
    ServersUnavailableError,
    autorest_server,
    missing_tool,
    package_folder,
    spector_server,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.proofs.peers.microsoft_servers.server_scenario_run import AnyClientClass

_reason = missing_tool()
collect_ignore_glob = ["test_*.py"] if _reason else []


def pytest_report_collectionfinish() -> list[str]:
    """Report in the header that these tests are not collected."""
    return [f"acceptance tests: not collected, since {_reason}"] if _reason else []


@pytest.fixture(scope="session")
def modules() -> Path:
    """The `node_modules` folder that holds the servers."""
    try:
        return package_folder()
    except ServersUnavailableError as error:
        if ENVIRONMENT in os.environ:
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def autorest(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running autorest test server."""
    with autorest_server(modules, tmp_path_factory.mktemp("autorest")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def spector(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running spector server."""
    with spector_server(modules, tmp_path_factory.mktemp("spector")) as base_url:
        yield base_url


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each event loop, in real time, since the servers run in real time."""
    backend: str = request.param
    return backend


@pytest.fixture(params=[httpx.AsyncClient, httpx2.AsyncClient], ids=["httpx", "httpx2"])
def client_class(request: pytest.FixtureRequest) -> AnyClientClass:
    """The client class of each HTTP library."""
    chosen: AnyClientClass = request.param
    return chosen


@pytest.fixture
def paired_client_class(anyio_backend: str) -> AnyClientClass:
    """One client class per event loop, for tests that are too slow for every combination."""
    return httpx.AsyncClient if anyio_backend == "asyncio" else httpx2.AsyncClient
