"""Each difference between a script and what was played is found."""

from __future__ import annotations

import pytest

from tests.proofs.recordings.neutral_script import FOREIGN, ORIGIN, WIDGET
from tests.proofs.recordings.operation_script import Reply, Script, Step
from tests.proofs.recordings.script_playing import Played, Request, faults, faults_of, play

MONITOR = f"{ORIGIN}/monitor"
RUNNING = Reply(200, {"retry-after": "30"}, '{"status": "Running"}')
SUCCEEDED = Reply(200, {}, '{"status": "Succeeded"}')
FAILED = Reply(200, {}, '{"status": "Failed", "error": {"code": "WidgetRefused"}}')
WIDGET_REPLY = Reply(200, {}, '{"id": "w1"}')

SCRIPT = Script(
    name="put",
    method="PUT",
    url=WIDGET,
    initial=Reply(202, {"azure-asyncoperation": MONITOR}),
    steps=(Step(MONITOR, RUNNING), Step(MONITOR, SUCCEEDED), Step(WIDGET, WIDGET_REPLY)),
    end="succeeded",
    result=3,
    final_get=3,
)
REQUESTS = [
    Request("PUT", WIDGET, 0.0),
    Request("GET", MONITOR, 1.0),
    Request("GET", MONITOR, 31.0),
    Request("GET", WIDGET, 31.0),
]
PLAYED = Played("succeeded", REQUESTS, WIDGET_REPLY.body.encode(), None)


def test_a_script_that_was_played_as_written_has_no_fault() -> None:
    assert not faults(SCRIPT, PLAYED)


@pytest.mark.parametrize(
    "played",
    [
        pytest.param(PLAYED._replace(end="failed"), id="another end"),
        pytest.param(PLAYED._replace(result=SUCCEEDED.body.encode()), id="another result"),
        pytest.param(PLAYED._replace(requests=REQUESTS[:3]), id="a missing request"),
        pytest.param(PLAYED._replace(requests=[*REQUESTS, Request("GET", MONITOR, 99.0)]), id="one more request"),
        pytest.param(
            PLAYED._replace(requests=[*REQUESTS[:2], Request("GET", MONITOR, 30.9), REQUESTS[3]]), id="an early poll"
        ),
        pytest.param(
            PLAYED._replace(requests=[*REQUESTS[:3], REQUESTS[3]._replace(method="HEAD")]), id="another method"
        ),
    ],
)
def test_one_fault_is_found(played: Played) -> None:
    assert len(faults(SCRIPT, played)) == 1


def test_a_poll_within_a_second_is_found_without_a_retry_after() -> None:
    early = PLAYED._replace(requests=[REQUESTS[0], Request("GET", MONITOR, 0.5), *REQUESTS[2:]])
    (fault,) = faults(SCRIPT, early)
    assert "request 1 " in fault


def test_another_error_code_is_found() -> None:
    script = SCRIPT._replace(steps=(Step(MONITOR, FAILED),), end="failed", result=None, final_get=None)
    played = Played("failed", REQUESTS[:2], None, "Other")
    assert not faults(script, played)
    assert len(faults(script._replace(code="WidgetRefused"), played)) == 1


@pytest.mark.anyio
async def test_azpoll_plays_the_script_and_each_end() -> None:
    assert not await faults_of(SCRIPT)
    failed = SCRIPT._replace(steps=(Step(MONITOR, FAILED),), end="failed", code="WidgetRefused")
    assert not await faults_of(failed)
    running = SCRIPT._replace(steps=SCRIPT.steps[:1], end="running")
    assert not await faults_of(running)
    gone = SCRIPT._replace(steps=(Step(MONITOR, Reply(404)),), end="OperationNotFound")
    assert not await faults_of(gone)


@pytest.mark.anyio
async def test_a_foreign_origin_is_asked_only_after_it_is_allowed() -> None:
    elsewhere = f"{FOREIGN}/monitor"
    initial = Reply(202, {"azure-asyncoperation": elsewhere})
    steps = (Step(elsewhere, SUCCEEDED), Step(WIDGET, WIDGET_REPLY))
    script = SCRIPT._replace(initial=initial, steps=steps, result=2, final_get=2, foreign=(FOREIGN,))
    assert not await faults_of(script)
    assert await faults_of(script._replace(foreign=()))
    assert (await play(script)).end == "UntrustedPollingURL"
