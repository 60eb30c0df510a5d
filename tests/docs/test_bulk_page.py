"""docs/bulk.md: each program does what the page says, in the stated time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Script, run_virtual
from tests.docs.test_examples import blocks, namespace_of
from tests.support.clients import client_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MANY, AGAIN = (block.values[0] for block in blocks("docs/bulk.md"))
LONGEST = 10


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_program_has_at_most_ten_lines() -> None:
    assert len([line for line in MANY.splitlines() if line.strip()]) <= LONGEST


@pytest.mark.parametrize(
    ("backend", "number"),
    [
        ("asyncio", 30),
        ("trio", 30),
        pytest.param("asyncio", 3000, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_the_program_deploys_within_the_limits_of_arm(backend: Any, number: int, tmp_path: Path) -> None:
    arm = FakeARM(default=Script(duration_s=600, retry_after=15))
    example = namespace_of(MANY.replace("range(3000)", f"range({number})"))

    async def run() -> float:
        async with client_of(arm) as client:
            await example["main"](client, {"properties": {}})
        return anyio.current_time()

    took_s = run_virtual(run, backend=backend)
    arm.no_early_polls()
    assert (arm.statistics().started, arm.statistics().throttled) == (number, 0)
    assert (tmp_path / "deployments.csv").read_text("utf-8").count(",succeeded,") == number
    if number == 3000:
        page = (ROOT / "docs" / "bulk.md").read_text("utf-8")
        stated = re.search(r"\| 1 \| 3,000 \| (\d+) s \|", page)
        assert stated is not None
        assert took_s == pytest.approx(int(stated[1]), rel=0.1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_second_run_sends_nothing_again(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    arm = FakeARM(default=Script(duration_s=0.1, retry_after=0), floor_s=0, limits=None)
    main = namespace_of(AGAIN)["main"]
    requests = [
        azpoll.Request("PUT", f"/subscriptions/s/resourceGroups/g{n}?api-version=1", json={}, label=f"g{n}")
        for n in range(3)
    ]

    async def run() -> None:
        async with client_of(arm) as client:
            await main(client, requests[:2])
            assert str(await main(client, requests)).startswith("3 requests: 3 succeeded")

    anyio.run(run, backend=backend)
    assert arm.statistics().started == 3
    second = capsys.readouterr().out.splitlines()[2:]
    assert sorted(second) == ["g0 succeeded before", "g1 succeeded before", "g2 succeeded now"]
