"""The examples of README.md and docs/ do what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import pytest

from azpoll.testing import FakeARM, Script, run_virtual
from tests.support.clients import client_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BASE = "https://management.azure.com"


def blocks(page: str) -> list[Any]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [pytest.param(block, id=f"{page}-{number}") for number, block in enumerate(found, 1)]


def namespace_of(block: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(compile(block, "example", "exec"), namespace)  # noqa: S102 - the example is ours
    return namespace


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("block", [*blocks("docs/index.md"), *blocks("docs/guide.md"), *blocks("docs/read-limits.md")])
def test_guide(block: str, backend: Literal["asyncio", "trio"]) -> None:
    """Each example of the first page, the guide and the page on read limits runs to its end, on both backends."""
    arm = FakeARM(default=Script(duration_s=20))

    async def run() -> None:
        async with client_of(arm) as client:
            await namespace_of(block)["main"](client)

    run_virtual(run, backend=backend)
    arm.no_early_polls()
    assert arm.statistics().started


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("block", blocks("docs/durations.md"))
def test_saved_durations(
    block: str, backend: Literal["asyncio", "trio"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run loads what the first has saved, and learns on."""
    monkeypatch.chdir(tmp_path)
    saved: list[str] = []
    for _ in range(2):
        test_guide(block, backend)
        saved.append((tmp_path / "durations.json").read_text())
    assert saved[0] != saved[1]


def test_readme_creates_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    """The ten lines create an account and print what became of it."""
    arm = FakeARM(default=Script(pattern="location", duration_s=20, retry_after=17))
    create_account = namespace_of(blocks("README.md")[0].values[0])["create_account"]

    async def run() -> None:
        async with client_of(arm) as client:
            await create_account(
                client, f"{BASE}/subscriptions/s/providers/Microsoft.Storage/storageAccounts/a?api-version=2024-01-01"
            )

    run_virtual(run)
    assert capsys.readouterr().out == "Succeeded\n"
    arm.no_early_polls()


def test_readme_deploys_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The second example reports each operation as it ends."""
    arm = FakeARM(default=Script(duration_s=20))
    deploy_all = namespace_of(blocks("README.md")[1].values[0])["deploy_all"]
    bodies: dict[str, object] = {
        f"{BASE}/subscriptions/s/resourceGroups/g{number}?api-version=2024-03-01": {} for number in range(5)
    }

    async def run() -> None:
        async with client_of(arm) as client:
            await deploy_all(client, bodies)

    run_virtual(run)
    assert capsys.readouterr().out.count("succeeded") == len(bodies)


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link of a page names a file of the project."""
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [target for target in targets if target and not (ROOT / page).parent.joinpath(target).exists()]
    assert not missing
