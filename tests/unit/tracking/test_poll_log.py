"""Log lines about failed polls and unknown status words (rule 55)."""

from __future__ import annotations

import logging
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.testing import Drop, FakeARM, Reply, Script, html_page, status_monitor
from tests.support.canary import CANARY
from tests.support.clients import client_of
from tests.support.operations import THING, error_of

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import Step

pytestmark = pytest.mark.anyio

RUNNING = status_monitor("Running", retry_after=30)
DONE = Reply(200, {"status": "Succeeded"})


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "azpoll")
    return caplog


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and text of each line, without the id of the operation."""
    return [(record.levelname, record.getMessage().partition("): ")[2]) for record in caplog.records]


async def polled(arm: FakeARM, *polls: Step, **options: float) -> azpoll.AsyncOperation[httpx.Response]:
    """Return an operation that has ended after these answers."""
    arm.operation("DELETE", polls=list(polls), retry_after=1)
    async with client_of(arm) as client, azpoll.Tracker(client, **options) as tracker:  # type: ignore[arg-type]  # - floats
        operation = await tracker.begin("DELETE", f"{THING}&sig={CANARY}", label="mine")
        await operation.wait()
        if operation.state is not azpoll.OperationState.SUCCEEDED:
            operation.exception()
    return operation


async def test_rule_55_the_first_fifth_and_tenth_failed_poll_are_logged(
    fake_arm: FakeARM, lines: pytest.LogCaptureFixture
) -> None:
    await polled(fake_arm, *[Reply(503, {"secret": CANARY})] * 11, DONE)
    assert logged(lines) == [
        ("INFO", "HTTP 503, 1 poll in a row, next in 1 s"),
        ("WARNING", "HTTP 503, 5 polls in a row, next in 16 s"),
        ("WARNING", "HTTP 503, 10 polls in a row, next in 60 s"),
    ]
    assert CANARY not in lines.text


async def test_rule_55_giving_up_is_a_warning(fake_arm: FakeARM, lines: pytest.LogCaptureFixture) -> None:
    await polled(fake_arm, *[html_page(503, CANARY)] * 50)
    level, text = logged(lines)[-1]
    assert level == "WARNING"
    assert text.startswith("HTTP 503 from a proxy (HTML), 1")
    assert text.endswith(" polls in a row; azpoll gives up")
    assert CANARY not in lines.text


async def test_a_readable_answer_begins_a_new_row_of_failures(
    fake_arm: FakeARM, lines: pytest.LogCaptureFixture
) -> None:
    await polled(fake_arm, Reply(503), RUNNING, Drop(), DONE)
    assert [level for level, _ in logged(lines)] == ["INFO", "INFO"]
    assert logged(lines)[1][1].startswith("the connection failed")


async def test_operations_that_are_read_log_nothing(fake_arm: FakeARM, lines: pytest.LogCaptureFixture) -> None:
    await polled(fake_arm, *[RUNNING] * 60, DONE)
    assert logged(lines) == []


async def test_a_deadline_is_logged_only_if_polls_failed(fake_arm: FakeARM, lines: pytest.LogCaptureFixture) -> None:
    await polled(fake_arm, *[RUNNING] * 9, timeout=100)
    assert logged(lines) == []
    await polled(FakeARM(), *[Reply(503, retry_after=60)] * 9, timeout=100)
    assert logged(lines)[-1] == ("WARNING", "HTTP 503, 2 polls in a row; azpoll gives up")


async def test_a_refused_url_is_logged_as_no_failed_poll(fake_arm: FakeARM, lines: pytest.LogCaptureFixture) -> None:
    foreign = {"Azure-AsyncOperation": f"https://evil.example/?sig={CANARY}"}
    await polled(fake_arm, Reply(200, {"status": "Running"}, foreign))
    ((level, text),) = logged(lines)
    assert level == "WARNING"
    assert text.startswith("the URL that a later answer names is refused")
    assert "in a row" not in text
    assert CANARY not in text


async def test_rule_55_an_unknown_word_that_stays_is_logged_once(
    fake_arm: FakeARM, lines: pytest.LogCaptureFixture
) -> None:
    await polled(fake_arm, *[status_monitor("Flying", retry_after=100)] * 30, DONE)
    ((level, text),) = logged(lines)
    assert level == "INFO"
    assert text.startswith("the status has been 'Flying' for 600 s")
    assert "terminal_words" in text


async def test_an_unknown_word_that_changes_is_not_logged(fake_arm: FakeARM, lines: pytest.LogCaptureFixture) -> None:
    words = ["Flying", "Landing", "Running", "Flying"]
    await polled(fake_arm, *[status_monitor(word, retry_after=300) for word in words for _ in range(2)], DONE)
    assert logged(lines) == []


async def test_an_initial_failure_that_raises_is_not_logged_as_a_poll(
    fake_arm: FakeARM, lines: pytest.LogCaptureFixture
) -> None:
    fake_arm.operation("POST", initial=Reply(202))
    async with client_of(fake_arm) as client, azpoll.Tracker(client) as tracker:
        error = await error_of(await tracker.begin("POST", THING))
    assert isinstance(error, azpoll.MalformedAnswer)
    assert logged(lines) == []


async def test_rule_55_an_initial_request_that_is_sent_again_is_logged(lines: pytest.LogCaptureFixture) -> None:
    """`begin` waits meanwhile, for ten minutes if the service is gone."""
    failures: list[Step] = [Drop(), html_page(502), *[Reply(503, {"secret": CANARY})] * 3]
    steps = chain(failures, repeat(Reply(200, {})))
    arm = FakeARM(default=lambda _: Script(pattern="body", initial=next(steps), duration_s=0))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("PUT", f"{THING}&sig={CANARY}"))
    assert [record.levelname for record in lines.records] == ["INFO", "WARNING"]
    first, fifth = (record.getMessage() for record in lines.records)
    assert first.startswith("PUT https://management.azure.com/")
    assert first.endswith(": the connection failed: RemoteProtocolError, 1 attempt in a row, next in 1 s")
    assert fifth.endswith(": HTTP 503, 5 attempts in a row, next in 16 s")
    assert CANARY not in lines.text
