"""docs/service.md: the service has at most 40 lines, and survives `kill -9`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from azpoll.testing import FakeARM, Script, managed_identity, socket_server
from tests.docs.example_programs import source_of
from tests.docs.test_examples import blocks
from tests.support.child_processes import command_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

(SERVICE,) = (block.values[0] for block in blocks("docs/service.md"))
LONGEST = 40


def command(page: str) -> list[str]:
    """Return the words of the command that starts the service, for this Python."""
    text = (ROOT / page).read_text("utf-8")
    (line,) = re.findall(r"^\$ opentelemetry-instrument (.* )uvicorn service:app$", text, re.MULTILINE)
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    return [str(instrument), *line.split(), *command_of("uvicorn"), "service:app"]


@contextmanager
def serving(folder: Path, arm_url: str, port: int) -> Generator[subprocess.Popen[bytes]]:
    """Run the service until it answers, and kill it at the end. Its spans go to a file."""
    environment = {
        **os.environ,
        **managed_identity.environment(arm_url),
        "ARM_URL": arm_url,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "NO_PROXY": "127.0.0.1",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "SUBSCRIPTION": "s",
    }
    words = [*command("docs/service.md"), "--port", str(port), "--log-level", "warning", "--app-dir", "."]
    with (
        (folder / "spans").open("ab") as spans,
        subprocess.Popen(words, cwd=folder, env=environment, stdout=spans) as process,  # noqa: S603 - under test
    ):
        try:
            until(lambda: get(port, "/operations/none") is not None)
            yield process
        finally:
            process.kill()


@asynccontextmanager
async def served(arm: FakeARM) -> AsyncGenerator[str]:
    """Serve the fake and the token endpoint of a managed identity, as `python -m azpoll.testing` does."""
    async with socket_server.serve(managed_identity.with_managed_identity(arm.exchange), 0) as arm_url:
        yield arm_url


def get(port: int, path: str) -> dict[str, Any] | None:
    """Return the answer of the service; None before it listens."""
    try:
        answer: dict[str, Any] = httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).json()
    except httpx.TransportError:
        return None
    return answer


def until(condition: Any) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_the_page_shows_the_program() -> None:
    assert source_of("service.py") == SERVICE
    assert command("docs/tutorial.md") == command("docs/service.md")


def test_the_service_has_at_most_40_lines() -> None:
    lines = len([line for line in SERVICE.splitlines() if line.strip()])
    stated = re.search(r"It has (\d+) lines", (ROOT / "docs" / "service.md").read_text("utf-8"))
    assert stated is not None
    assert int(stated[1]) == lines <= LONGEST


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the process is killed with a signal")
def test_the_service_survives_kill_9(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    (tmp_path / "service.py").write_text(SERVICE, "utf-8")
    spans = tmp_path / "spans"
    arm = FakeARM(default=Script(duration_s=4, retry_after=1), limits=None, clock=time.monotonic)
    arm.require_token(managed_identity.TOKEN)
    port = free_port()
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(served(arm)) as arm_url:
        with serving(tmp_path, arm_url, port) as first:
            begun = httpx.put(f"http://127.0.0.1:{port}/groups/g", trust_env=False)
            assert begun.status_code == 202
            path = f"/operations/{begun.json()['id']}"
            until(lambda: arm.statistics().reads > 0)
            assert get(port, path) == {"state": "running", "status": "InProgress", "error": None}
            first.send_signal(signal.SIGKILL)
            first.wait(10)
        with serving(tmp_path, arm_url, port) as second:
            until(lambda: get(port, path) == {"state": "succeeded", "status": None, "error": None})
            until(lambda: '"name": "azpoll.operation"' in spans.read_text("utf-8"))
            refused = httpx.put(f"http://127.0.0.1:{port}/groups/..%2Fg", trust_env=False)
            assert refused.status_code in {404, 422}
            second.terminate()
            assert second.wait(20) in {0, -signal.SIGTERM}
    assert arm.statistics().started == 1
    assert arm.statistics().early_polls <= 1  # the killed process may not have stored its last answer
    assert '"name": "azpoll.poll"' in spans.read_text("utf-8")
