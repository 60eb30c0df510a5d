"""A fake ARM on a real loopback socket, in a thread; and `azpoll` run in this process."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from azpoll.cli import main
from azpoll.testing import FakeARM
from tests.support.clock_fixtures import one_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.testing import FakeOperation
    from azpoll.testing.script import ScriptFields

__all__ = ["Azure", "Command", "Result", "azpoll", "azure", "one_clock"]


@dataclass(frozen=True, slots=True)
class Azure:
    """A fake ARM that listens.

    Attributes:
        arm: the fake.
        base_url: where it listens.
    """

    arm: FakeARM
    base_url: str
    _client: httpx.Client

    def begin(self, **script: Unpack[ScriptFields]) -> FakeOperation:
        """Start an operation without azpoll."""
        number = len(self.arm.operations)
        operation = self.arm.operation("PUT", f"/subscriptions/s/resourceGroups/g{number}", **script)
        url = f"{self.base_url}{operation.path}?api-version=2016-03-30"
        assert self._client.put(url, json={}).is_success
        return operation

    @property
    def reads(self) -> int:
        """The number of GETs so far."""
        return self.arm.statistics().reads

    @property
    def early_reads(self) -> int:
        """Reads before the Retry-After had passed. The first read is exempt: a bare URL carries no Retry-After."""
        reads = [request for request in self.arm.requests if request.method == "GET"]
        return sum(request.early_s > 0 for request in reads[1:])


@dataclass(frozen=True, slots=True)
class Result:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


class Command:
    """Runs `azpoll` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *words: str, stdin: str = "") -> Result:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        code = main(words)
        out, err = self._capsys.readouterr()
        return Result(code, out, err)


@pytest.fixture
def azure() -> Iterator[Azure]:
    arm = FakeARM(limits=None, clock=time.monotonic)
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(arm.serve()) as base_url,
        httpx.Client(trust_env=False, verify=False) as client,  # noqa: S501 - plain http
    ):
        yield Azure(arm, base_url, client)


@pytest.fixture
def azpoll(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.delenv("AZPOLL_TOKEN", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return Command(capsys, monkeypatch)
