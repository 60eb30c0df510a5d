"""Each shape of a recorded operation, played on asyncio and trio."""

from __future__ import annotations

import json
import re

import pytest

from tests.proofs.recordings.answer_meaning import is_operation_document, provisioning_state
from tests.proofs.recordings.neutral_script import ORIGIN, VERSION, WIDGET
from tests.proofs.recordings.operation_script import Reply, Script, Step, place_of
from tests.proofs.recordings.recorded_session import Session
from tests.proofs.recordings.script_playing import faults_of
from tests.proofs.recordings.second_reading import read_session
from tests.proofs.recordings.shapes import FILE, load_shapes

SHAPES = load_shapes()
MONITOR = f"{ORIGIN}/monitor{VERSION}"


@pytest.mark.parametrize("shape", [pytest.param(script, id=script.name) for script in SHAPES.scripts])
@pytest.mark.anyio
async def test_a_shape_ends_as_the_rules_say(shape: Script) -> None:
    """Requests, waits, end, error code and result are those of the script."""
    assert not await faults_of(shape)


def test_the_second_reading_of_a_shape_gives_the_shape() -> None:
    readings = {shape.name: second_reading(shape) for shape in SHAPES.scripts}
    assert readings == {shape.name: without_spelling(shape) for shape in SHAPES.scripts}


def second_reading(shape: Script) -> Script:
    """Return the script that the rules demand of the answers of a shape."""
    session = Session(
        shape.name, shape.method, shape.url, "", shape.initial, shape.steps, frozenset(), shape.code, shape.foreign
    )
    return without_spelling(read_session(session))


def without_spelling(script: Script) -> Script:
    """Return the script with the documents that are asked in place of their URLs."""
    return script._replace(steps=tuple(Step(place_of(step.url), step.reply) for step in script.steps))


@pytest.mark.anyio
async def test_no_recorded_word_of_a_running_operation_ends_a_monitor() -> None:
    words = [Step(MONITOR, Reply(200, {}, json.dumps({"status": word}))) for word in SHAPES.words]
    initial = Reply(202, {"azure-asyncoperation": MONITOR})
    steps = (*words, Step(MONITOR, Reply(200, {}, '{"status": "Succeeded"}')))
    assert not await faults_of(Script("words", "POST", WIDGET, initial, steps, "succeeded", len(steps)))


@pytest.mark.anyio
async def test_no_recorded_word_of_a_running_operation_ends_a_resource() -> None:
    states = [Reply(200, {}, json.dumps({"properties": {"provisioningState": word}})) for word in SHAPES.words]
    steps = [Step(WIDGET, reply) for reply in (*states, Reply(200, {}, '{"properties": {}}'))]
    assert not await faults_of(Script("states", "PUT", WIDGET, Reply(202), tuple(steps), "succeeded", len(steps)))


def test_the_shapes_cover_each_pattern_method_and_kind_of_end() -> None:
    names = {script.name.rpartition("-")[0] for script in SHAPES.scripts}
    assert {name.split("-")[0] for name in names} == {"monitor", "location", "resource", "unpolled"}
    assert {script.method for script in SHAPES.scripts} == {"PUT", "PATCH", "POST", "DELETE", "GET"}
    assert {script.end for script in SHAPES.scripts} >= {"succeeded", "failed", "canceled", "running"}
    replies = [reply for script in SHAPES.scripts for reply in script.replies]
    assert {reply.status for reply in replies} >= {200, 201, 202, 204, 400, 404, 409, 429, 500, 502, 503, 504}
    assert any(map(is_operation_document, replies))
    assert {provisioning_state(reply) for reply in replies} >= {None, "running", "succeeded", "failed"}


def test_the_shapes_name_no_host_and_no_identifier_of_a_recording() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert set(re.findall(r"https://([^/:\"]+)", text)) == {"azure.test", "elsewhere.test"}
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|\d{4}-\d\d-\d\dT(?!00:00:00Z)|@|/subscriptions/", text)
