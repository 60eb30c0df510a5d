"""Rules 30 to 33: where the result of a succeeded operation is read."""

from __future__ import annotations

import pytest

from azpoll.protocol.delay import IMMEDIATELY
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.states import Canceled, Failed, Fetching, NextRequest, State, Succeeded, UnknownReason
from tests.support.protocol_rows import (
    HOST,
    RESOURCE,
    History,
    Reply,
    accepted,
    monitor,
    plan,
    reply,
    resource,
    run,
    url,
)

AAO, OL, VIA_LOC, ORIGINAL = (
    FinalStateVia.AZURE_ASYNC_OPERATION,
    FinalStateVia.OPERATION_LOCATION,
    FinalStateVia.LOCATION,
    FinalStateVia.ORIGINAL_URI,
)
MONITOR = accepted(Azure_AsyncOperation="/op")
MONITOR_AND_LOC = accepted(Azure_AsyncOperation="/op", Location="/loc")
LOC_ALONE = accepted(Location="/loc")
NAMED = reply(200, {"status": "Succeeded", "resourceLocation": " /res "})
AT_HAND = None
LOC, RES = url("/loc"), url("/res")


def final_get(history: History) -> str | None:
    """Return the URL of the final GET; None if the answer at hand is the result."""
    if isinstance(history.end, Fetching):
        assert history.end.next_request.delay.seconds == 0
        return history.end.next_request.url
    assert isinstance(history.end, Succeeded)
    return AT_HAND


@pytest.mark.parametrize(
    ("method", "via", "initial", "last", "asked"),
    [
        ("PUT", VIA_LOC, MONITOR_AND_LOC, monitor("Succeeded"), LOC),
        ("PATCH", VIA_LOC, MONITOR_AND_LOC, NAMED, LOC),
        ("POST", VIA_LOC, MONITOR_AND_LOC, NAMED, LOC),
        ("DELETE", VIA_LOC, MONITOR_AND_LOC, monitor("Succeeded"), LOC),
        ("GET", VIA_LOC, MONITOR_AND_LOC, monitor("Succeeded"), LOC),
        ("PUT", VIA_LOC, MONITOR, monitor("Succeeded"), RESOURCE),
        ("POST", VIA_LOC, MONITOR, NAMED, RES),
        ("POST", VIA_LOC, MONITOR, monitor("Succeeded"), AT_HAND),
        ("DELETE", VIA_LOC, MONITOR, monitor("Succeeded"), AT_HAND),
        ("POST", VIA_LOC, LOC_ALONE, reply(200), AT_HAND),
        ("PUT", ORIGINAL, MONITOR_AND_LOC, NAMED, RESOURCE),
        ("POST", ORIGINAL, MONITOR_AND_LOC, NAMED, RESOURCE),
        ("DELETE", ORIGINAL, MONITOR, monitor("Succeeded"), RESOURCE),
        ("GET", ORIGINAL, MONITOR, monitor("Succeeded"), RESOURCE),
        ("POST", ORIGINAL, LOC_ALONE, reply(200), RESOURCE),
        ("PUT", ORIGINAL, accepted(Location=RESOURCE), reply(200), AT_HAND),
        ("PUT", ORIGINAL, resource("Creating"), resource("Succeeded"), AT_HAND),
        *(
            (method, via, MONITOR_AND_LOC, NAMED, asked)
            for via in (AAO, OL)
            for method, asked in (
                ("POST", AT_HAND),
                ("GET", AT_HAND),
                ("DELETE", AT_HAND),
                ("PUT", RES),
                ("PATCH", RES),
            )
        ),
        ("PUT", AAO, MONITOR_AND_LOC, monitor("Succeeded"), RESOURCE),
        ("PUT", OL, MONITOR_AND_LOC, monitor("Succeeded"), RESOURCE),
        ("POST", AAO, LOC_ALONE, reply(200), AT_HAND),
    ],
)
def test_rule_30_final_state_via_has_precedence_if_possible(
    method: str, via: FinalStateVia, initial: Reply, last: Reply, asked: str | None
) -> None:
    """`location` where one is known, `original-uri`, and the monitor by either name; any method."""
    assert final_get(run(plan(method, final_state_via=via), initial, last)) == asked


@pytest.mark.parametrize("name", ["Location", "azure_async_operation", "final-state-via", ""])
def test_rule_30_unknown_names_are_an_error(name: str) -> None:
    """There are four."""
    assert {str(via) for via in FinalStateVia} == {
        *("azure-async-operation", "operation-location", "location", "original-uri"),
    }
    with pytest.raises(ValueError, match="not a valid"):
        FinalStateVia(name)


@pytest.mark.parametrize(
    ("method", "initial", "last", "asked"),
    [
        ("DELETE", MONITOR_AND_LOC, NAMED, AT_HAND),
        ("PUT", MONITOR_AND_LOC, monitor("Succeeded"), RESOURCE),
        ("PATCH", MONITOR_AND_LOC, monitor("Succeeded"), RESOURCE),
        ("POST", MONITOR_AND_LOC, monitor("Succeeded"), LOC),
        ("GET", MONITOR_AND_LOC, monitor("Succeeded"), LOC),
        ("POST", MONITOR, monitor("Succeeded"), AT_HAND),
        ("GET", MONITOR, reply(204), AT_HAND),
        ("PUT", MONITOR, reply(204), RESOURCE),
        ("PUT", MONITOR, reply(200), RESOURCE),
        *((method, MONITOR_AND_LOC, NAMED, RES) for method in ("PUT", "PATCH", "POST", "GET")),
        *(
            ("PUT", MONITOR, reply(200, {"status": "Succeeded", "resourceLocation": odd}), RESOURCE)
            for odd in (None, 3, "", " ", ["/res"], {"href": "/res"})
        ),
        ("POST", MONITOR, monitor("Succeeded", Location="/loc"), LOC),
        ("POST", accepted(Azure_AsyncOperation="/op", Location="/old"), monitor("Succeeded", Location="loc"), LOC),
        ("POST", MONITOR_AND_LOC, monitor("Succeeded", Location=LOC), LOC),
        ("PUT", LOC_ALONE, reply(200, {"resourceLocation": "/res"}), AT_HAND),
        ("POST", LOC_ALONE, reply(200), AT_HAND),
        ("PUT", resource("Creating"), resource("Succeeded"), AT_HAND),
    ],
)
def test_rule_31_otherwise_the_method_decides(method: str, initial: Reply, last: Reply, asked: str | None) -> None:
    """DELETE nothing; `resourceLocation`; PUT and PATCH the resource; POST and GET the latest Location."""
    assert final_get(run(plan(method), initial, last)) == asked


def test_rule_31_the_latest_location_beside_a_monitor_counts() -> None:
    """Wherever it came in a 2xx; that of a redirect is of another kind."""
    polls = (monitor("Running", Location="/2"), monitor("Running"), reply(307, Location="/x"), monitor("Succeeded"))
    history = run(plan("POST"), MONITOR_AND_LOC, *polls, reply(200, {"a": 1}))
    assert history.urls == (url("/op"), url("/op"), url("/op"), url("/x"), url("/2"))
    assert history.outcome is Succeeded


def test_rule_8_a_malformed_later_location_keeps_the_one_before_it() -> None:
    """The result is read from the last `Location` that can be requested."""
    for later in ("//a b/", "https:///loc"):
        history = run(plan("POST"), MONITOR_AND_LOC, monitor("Running", Location=later), monitor("Succeeded"))
        assert final_get(history) == LOC


def test_rule_31_a_refused_location_matters_only_when_used() -> None:
    """The error says that the operation succeeded (rule 32)."""
    foreign = accepted(Azure_AsyncOperation="/op", Location="https://evil.example/loc")
    unknown = run(plan("POST"), foreign, monitor("Succeeded")).unknown
    assert unknown.reason is UnknownReason.UNTRUSTED
    assert unknown.detail.startswith("the operation succeeded")
    assert isinstance(unknown.last, Fetching)
    assert unknown.progress.status == "Succeeded"
    again = run(plan("POST"), foreign, monitor("Running", Location="/loc"), monitor("Succeeded"))
    assert final_get(again) == LOC
    too_long = "/loc".ljust(9000, "x")
    unknown = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location=too_long), monitor("Succeeded")).unknown
    assert isinstance(unknown.last, Fetching)
    assert (unknown.last.url, unknown.last.next_request, unknown.last.plan) == (
        url("/op"),
        NextRequest(url("/op"), IMMEDIATELY),
        plan("POST"),
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
def test_rule_30_the_latest_location_of_an_operation_document_at_a_location_counts(method: str) -> None:
    """The document itself is the result if it names no other `Location`, and any other answer always is."""
    asked = plan(method, final_state_via=VIA_LOC)
    named = reply(200, {"status": "Succeeded", "resourceLocation": "/res"}, Location="/loc/result")
    assert final_get(run(asked, LOC_ALONE, named)) == url("/loc/result")
    assert final_get(run(asked, LOC_ALONE, NAMED)) == AT_HAND
    assert final_get(run(asked, LOC_ALONE, reply(200, {"id": "/vm"}, Location="/vm"))) == AT_HAND


def test_rule_12_a_resource_location_gets_the_api_version() -> None:
    """As every URL of the initial origin."""
    last = reply(200, {"status": "Succeeded", "resourceLocation": f"{HOST}/res"})
    assert final_get(run(plan(), MONITOR, last)) == RES


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
@pytest.mark.parametrize("via", [None, *FinalStateVia])
@pytest.mark.parametrize(("word", "end"), [("Failed", Failed), ("Canceled", Canceled)])
def test_rule_33_no_final_get_after_failure_or_cancellation(
    method: str, via: FinalStateVia | None, word: str, end: type[State]
) -> None:
    """Azcore's loses the monitor's error so."""
    history = run(plan(method, final_state_via=via), MONITOR_AND_LOC, monitor(word))
    assert history.outcome is end


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "GET"])
@pytest.mark.parametrize("via", [None, *FinalStateVia])
def test_rule_33_the_caller_may_omit_the_final_get(method: str, via: FinalStateVia | None) -> None:
    """`result="status"` halves the reads of fleets."""
    history = run(plan(method, final_state_via=via, result="status"), MONITOR_AND_LOC, NAMED)
    assert isinstance(history.end, Succeeded)
    assert history.end.answer.body == NAMED.body
