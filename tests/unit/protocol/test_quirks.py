"""The quirks of real services: one row for each that reaches the core."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest

from azpoll.protocol.arm_error import read_error
from azpoll.protocol.plan import Plan
from azpoll.protocol.states import Canceled, Failed, Fetching, Polling, State, Succeeded, UnknownReason
from azpoll.protocol.status_document import NO_PROGRESS, StatusReport, Verdict, progress_after
from azpoll.protocol.url_policy import URLPolicy, origin_of
from tests.support.protocol_rows import (
    HOST,
    NOON,
    RESOURCE,
    TRUST,
    Event,
    Reply,
    accepted,
    plan,
    play,
    reply,
    shown,
    told,
    url,
)

OP, LOC = url("/op"), url("/loc")
AAO = accepted(Azure_AsyncOperation="/op")
AAO_LOC = accepted(Azure_AsyncOperation="/op", Location="/loc")
LOC_ALONE = accepted(Location="/loc")


@dataclass(frozen=True)
class Quirk:
    """One operation with it.

    Attributes:
        asked: the URLs asked, in order.
        body: the body of the answer that ended it, where that is the point.
    """

    the: Plan
    answers: tuple[Event, ...]
    outcome: type[State] | UnknownReason
    asked: tuple[str, ...] = field(default=())
    body: bytes | None = None


GATEWAY = URLPolicy(httpx.URL, origin_of(httpx.URL("https://gw.contoso.net")), rebase_to="https://gw.contoso.net")
FAILED = {"status": "Failed"}
PREEMPTED = {"status": "Canceled", "error": {"code": "OperationPreempted"}}

QUIRKS = {
    "1 monitor 200 with an empty body when done": Quirk(
        plan("POST"), (AAO, told("Running"), reply(200)), Succeeded, (OP, OP)
    ),
    "2 monitor 204 when a DELETE is done": Quirk(plan("DELETE"), (AAO, reply(204)), Succeeded, (OP,)),
    "3 monitor answers with the resource": Quirk(plan(), (AAO, shown("Creating"), shown("Succeeded")), Fetching),
    "3 monitor answers with a result": Quirk(plan("POST"), (AAO, reply(200, {"value": 1})), Polling, (OP,)),
    "4 monitor 404 right after the start": Quirk(
        plan("POST"), (AAO, reply(404), reply(404), told("Succeeded")), Succeeded, (OP, OP, OP)
    ),
    "4 resource 404 right after the start": Quirk(
        plan(), (shown("Accepted", 201), reply(404), shown("Succeeded")), Succeeded, (RESOURCE, RESOURCE)
    ),
    "5 refreshed URL 404, the first keeps working": Quirk(
        plan("DELETE"),
        (AAO, told("Running", Azure_AsyncOperation="/new"), reply(404), told("Succeeded")),
        Succeeded,
        (OP, url("/new"), OP),
    ),
    "6 Location is the resource with an asyncId that shows the error": Quirk(
        plan(),
        (reply(201, {"id": "/vm"}, Location=f"{RESOURCE}&asyncId=1"), accepted(), reply(400, {"error": {"code": "x"}})),
        Failed,
        (f"{RESOURCE}&asyncId=1",) * 2,
    ),
    "7 Location beside a resource that is still being made": Quirk(
        plan(), (shown("Creating", 201, Location=RESOURCE), shown("Creating"), shown("Succeeded")), Succeeded
    ),
    "8 monitor says Succeeded while Location still answers 202": Quirk(
        plan("POST"),
        (AAO_LOC, told("Succeeded"), accepted(), reply(200, b'"ready"')),
        Succeeded,
        (OP, LOC, LOC),
        b'"ready"',
    ),
    "9 PATCH body shows the old Succeeded": Quirk(
        plan("PATCH"),
        (shown("Succeeded", 200, Azure_AsyncOperation="/op"), told("Running"), told("Succeeded"), reply(200)),
        Succeeded,
        (OP, OP, RESOURCE),
    ),
    "10 PATCH 201 with a polling header": Quirk(
        plan("PATCH"), (shown("Succeeded", 201, Location="/loc"), accepted(), reply(200)), Succeeded, (LOC, LOC)
    ),
    "11 PATCH result only behind Location": Quirk(
        plan("PATCH"), (LOC_ALONE, accepted(), reply(200, b'{"a": 1}')), Succeeded, (LOC, LOC), b'{"a": 1}'
    ),
    "12 a Failed that the caller takes for transient": Quirk(
        plan("POST", terminal_words={"failed": Verdict.RUNNING}), (AAO, told("Failed"), told("Succeeded")), Succeeded
    ),
    "13 canceled because another write won": Quirk(plan(), (AAO, reply(200, PREEMPTED)), Canceled, (OP,)),
    "19 polling URL with :443 and doubled slashes": Quirk(
        plan("POST"),
        (accepted(Azure_AsyncOperation=f"{HOST}:443//op//1"), told("Succeeded")),
        Succeeded,
        (f"{HOST}:443//op//1?api-version=1",),
    ),
    "20 Operation-Location without an api-version": Quirk(
        plan("POST"), (accepted(Operation_Location=f"{HOST}/op"), told("Succeeded")), Succeeded, (OP,)
    ),
    "21 monitor of another api-version than the request": Quirk(
        plan("POST"),
        (accepted(Azure_AsyncOperation="/op?api-version=2"), told("Succeeded")),
        Succeeded,
        (f"{HOST}/op?api-version=2",),
    ),
    "24 status and properties both null": Quirk(
        plan("POST"), (AAO, reply(200, {"status": None, "properties": None}), told("Succeeded")), Succeeded
    ),
    "25 initial PUT body {}": Quirk(plan(), (reply(200, {}),), Succeeded),
    "25 initial PUT body {} beside a header": Quirk(
        plan(), (reply(201, {}, Azure_AsyncOperation="/op"), told("Succeeded"), reply(200)), Succeeded, (OP, RESOURCE)
    ),
    "26 a byte order mark before the JSON": Quirk(
        plan("POST"), (AAO, reply(200, b'\xef\xbb\xbf{"status": "Failed"}')), Failed, (OP,)
    ),
    "27 the token expires in mid-operation": Quirk(
        plan("POST"), (AAO, told("Running"), reply(401), told("Succeeded")), Succeeded, (OP, OP, OP)
    ),
    "28 403 on the status path at first": Quirk(plan("POST"), (AAO, reply(403), told("Succeeded")), Succeeded),
    "28 403 on the status path for good": Quirk(
        plan("POST"), (AAO, *[reply(403, Retry_After="30")] * 5), UnknownReason.FORBIDDEN
    ),
    "29 no Location for the result": Quirk(
        plan("POST"), (AAO, reply(200, {"status": "Succeeded", "result": 1})), Succeeded, (OP,)
    ),
    "30 polling goes through a gateway": Quirk(
        Plan("POST", "https://gw.contoso.net/vm?api-version=1", GATEWAY),
        (accepted(Azure_AsyncOperation=f"{HOST}/op"), told("Running", Azure_AsyncOperation=OP), told("Succeeded")),
        Succeeded,
        ("https://gw.contoso.net/op?api-version=1",) * 2,
    ),
    "31 a new resource is 404 until it is done": Quirk(
        plan(), (LOC_ALONE, accepted(), reply(404), reply(200, {"id": "/vm"})), Succeeded, (LOC,) * 3
    ),
    "32 the Location vanishes with the deleted resource": Quirk(
        plan("DELETE"), (LOC_ALONE, accepted(), reply(404), reply(404)), Succeeded, (LOC, LOC, RESOURCE)
    ),
    "33 202 and Location with an operation document": Quirk(
        plan("POST"), (told("Accepted", 202, Location="/loc"), told("Running", 202), told("Failed")), Failed, (LOC, LOC)
    ),
}


@pytest.mark.parametrize("name", QUIRKS)
def test_quirk(name: str) -> None:
    """An operation ends as its service means it, after the requests that it needs."""
    quirk = QUIRKS[name]
    initial, *later = quirk.answers
    assert isinstance(initial, Reply)
    story = play(quirk.the, initial, *later)
    assert story.outcome == quirk.outcome
    assert story.asked == (quirk.asked or story.asked)
    if quirk.body is not None:
        assert isinstance(story.end, Succeeded)
        assert story.end.answer.body == quirk.body


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"status": "Failed", "error": {}}, None, None),
        ({"status": "Failed", "error": {"message": "too few"}}, None, "too few"),
        ({"Code": "Conflict", "Message": "in use", "status": "Failed"}, "Conflict", "in use"),
        ({"status": "Failed", "error": {"code": "x", "details": [{"code": "y", "activityId": "a"}]}}, "x", None),
        ({"status": "Failed", "error": '{"error": {"code": "Inner", "message": "m"}}'}, "Inner", "m"),
    ],
)
def test_quirks_14_to_18_a_failure_is_told_wherever_its_error_stands(
    body: object, code: str | None, message: str | None
) -> None:
    """14 `{}`, 15 no code, 16 Pascal case without wrapper, 17 further members, 18 JSON in a string."""
    end = play(plan("POST"), AAO, reply(200, body)).end
    assert isinstance(end, Failed)
    error = read_error(end.answer).error
    assert (error.code, error.message) == (code, message)


def test_quirks_22_and_23_odd_times_and_fractions_are_told_as_they_are() -> None:
    """22 a startTime that is not RFC 3339; 23 a percentComplete from 0 to 1."""
    document = {"startTime": "2023-08-11 01:58:30 +0000", "percentComplete": 0.5}
    progress = progress_after(NO_PROGRESS, StatusReport(Verdict.RUNNING, "Running", document), (None, None))
    assert (progress.start_time, progress.percent_complete, progress.percent) == (document["startTime"], 0.5, None)


def test_the_scripts_are_of_one_host_and_one_time() -> None:
    """So that every row above says what it seems to say."""
    assert (str(TRUST.initial), NOON.tzinfo is not None) == (HOST, True)
