"""Operations, groups and trackers as HTML, as a notebook shows them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll.testing import Script
from tests.support.operations import path_of, until

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import FakeARM

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Text(HTMLParser):
    """The text of some HTML, and its tags."""

    def __init__(self, shown: object) -> None:
        super().__init__()
        self.tags, self.text = set[str](), ""
        html: Any = shown
        self.feed(html._repr_html_())  # as IPython calls it
        self.close()
        assert not self.tags & {"script", "img"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += f"{data}|"


async def test_an_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=100, percent_complete=True, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", path_of(1), json={}, label=HOSTILE)
        await until(55)
        shown = Text(operation).text
        for part in (HOSTILE, "running", "InProgress", "next poll", "polls|5", "elapsed|55 s"):
            assert part in shown
        await operation
        assert "succeeded" in Text(operation).text
        assert "management.azure.com" not in Text(operation).text


async def test_a_label_that_is_a_signed_url_is_shown_without_its_query(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """So do repr and error texts, which programs log."""
    signed, error = "https://h/t?sig=SECRET", {"code": "QuotaExceeded"}
    fake_arm.default = Script(duration_s=5, outcome="Failed", error=error)
    async with azpoll.Tracker(client) as tracker:
        group = tracker.group(signed)
        with pytest.raises(ExceptionGroup) as together:
            async with group:
                await group.begin("PUT", path_of(1), json={}, label=signed)
        (operation,) = group.operations
        shown = (
            Text(operation).text,
            Text(group).text,
            repr(operation),
            str(operation.exception()),
            str(together.value),
        )
    for text in shown:
        assert "https://h/t?sig=***" in text
        assert "SECRET" not in text


async def test_a_failed_operation_says_why_and_stays_unseen(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """The exit of the tracker still reports the failure: a view is no awaiter."""
    error, shown = {"code": "QuotaExceeded", "message": HOSTILE}, ""
    fake_arm.default = Script(duration_s=5, outcome="Failed", error=error)
    with pytest.raises(ExceptionGroup):  # noqa: PT012 - leaving the block raises
        async with azpoll.Tracker(client) as tracker:
            operation = await tracker.begin("PUT", path_of(1), json={})
            await until(60)
            shown = Text(operation).text
    assert "QuotaExceeded" in shown
    assert HOSTILE in shown


async def test_a_group_lists_those_that_need_attention_first(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        group = tracker.group(HOSTILE)
        assert HOSTILE in Text(group).text
        for number in range(60):
            fake_arm.default = Script(duration_s=5, outcome="Failed" if number == 59 else "Succeeded")
            await group.begin("PUT", path_of(number), json={}, label=f"operation {number}")
        await until(90)
        shown = Text(group).text
    assert shown.index("operation 59") < shown.index("operation 0|")
    assert "50 of 60 operations" in shown
    assert "succeeded| 59" in shown


async def test_a_tracker(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=3600)
    tracker = azpoll.Tracker(client)
    assert "not started" in Text(tracker).text
    async with tracker:
        operation = await tracker.begin("PUT", path_of(1), json={})
        assert "running| 1" in Text(tracker).text
        operation.stop_tracking()
    assert "unknown| 1" in Text(tracker).text
