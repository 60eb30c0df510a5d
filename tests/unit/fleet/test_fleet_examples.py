"""The examples of docs/workers.md and of the reference do what they say."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any

import pytest

from tests.support.fleet_work import quick_arm, responses_of, service
from tests.support.repository import ROOT

pytestmark = pytest.mark.anyio


def namespace(page: str) -> dict[str, Any]:
    """Return the functions of all examples of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, "example", "exec"), found)  # noqa: S102 - the example is ours
    return found


async def test_one_process_deploys_and_another_works(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = namespace("docs/workers.md")
    async with service(quick_arm()) as client:
        responses = await responses_of(client, 3)
        working = asyncio.create_task(examples["work"](dsn, client))
        await asyncio.wait_for(examples["deploy"](dsn, responses), 20)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    assert capsys.readouterr().out.count("succeeded None") == 3


async def test_the_example_of_the_reference_begins_an_operation_and_reads_its_result(
    dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = namespace("docs/workers.md") | namespace("docs/reference/fleets.md")
    async with service(quick_arm()) as client:
        working = asyncio.create_task(examples["work"](dsn, client))
        result = await asyncio.wait_for(examples["submit"](dsn, str(client.base_url)), 20)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    assert (result.label, result.state) == ("group g", "succeeded")
    assert "run in" in capsys.readouterr().out
