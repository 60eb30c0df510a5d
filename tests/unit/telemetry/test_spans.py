"""The spans of operations and polls, as the exporter of the SDK gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanKind, StatusCode

import azpoll
from azpoll.testing import Drop, FakeARM, Reply, status_monitor
from tests.support.canary import CANARY
from tests.support.clients import client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import THING, error_of

if TYPE_CHECKING:
    import httpx
    from opentelemetry.sdk.trace import ReadableSpan

    from azpoll.testing import Step
    from tests.support.clients import Library
    from tests.support.telemetry_sdk import TelemetrySDK

pytestmark = pytest.mark.anyio


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def targets(span: ReadableSpan) -> list[tuple[int, int]]:
    return [(link.context.trace_id, link.context.span_id) for link in span.links]


@EACH_LIBRARY
async def test_an_operation_and_its_polls_link_to_the_span_of_the_initial_request(
    library: Library, sdk: TelemetrySDK
) -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=40, retry_after=20)
    tracer = sdk.tracer_provider.get_tracer("test")
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with sdk.instrument(tracker):
            with tracer.start_as_current_span("deploy") as deploy:
                operation = await tracker.begin("PUT", THING, label="mine")
            with tracer.start_as_current_span("wait"):
                await operation
    (span,), polls = sdk.spans("azpoll.operation"), sdk.spans("azpoll.poll")
    initiator = (deploy.get_span_context().trace_id, deploy.get_span_context().span_id)
    assert [targets(each) for each in (span, *polls)] == [[initiator]] * (1 + operation.snapshot().polls)
    assert all(each.parent is None and each.kind is SpanKind.INTERNAL for each in (span, *polls))
    assert seconds(span) == pytest.approx(40, abs=1)
    assert span.attributes == {
        "http.request.method": "PUT",
        "azure.resource_provider.namespace": "microsoft.fake",
        "azpoll.resource.type": "things",
        "azpoll.operation.id": operation.id,
        "azpoll.operation.label": "mine",
        "azpoll.operation.state": "succeeded",
        "azpoll.operation.polls": operation.snapshot().polls,
        "azpoll.operation.resumed": False,
        "azure.service.request.id": operation.snapshot().request_id,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert all((each.attributes or {})["azpoll.operation.id"] == operation.id for each in polls)


async def test_a_label_that_is_a_signed_url_has_no_query_value(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("DELETE", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        await (await tracker.begin("DELETE", THING, label=f"https://h/t?sig={CANARY}"))
    for span in (*sdk.spans("azpoll.operation"), *sdk.spans("azpoll.poll")):
        assert (span.attributes or {})["azpoll.operation.label"] == "https://h/t?sig=***"


async def test_a_failed_poll_is_an_error_with_its_status_code_or_its_reason(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    steps: list[Step] = [status_monitor("Work\ning"), Drop(), Reply(503), status_monitor("Succeeded")]
    fake_arm.operation("DELETE", polls=steps)
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        await (await tracker.begin("DELETE", THING))
    polls = sdk.spans("azpoll.poll")
    found = [[dict(span.attributes or {}).get(name) for name in (
        "http.response.status_code", "azpoll.operation.status", "error.type"
    )] for span in polls]  # fmt: skip
    assert found == [
        [200, "Work\\ning", None],
        [None, "Work\\ning", "_OTHER"],
        [503, "Work\\ning", "503"],
        [200, "Succeeded", None],
    ]
    errors = [span.status.description for span in polls if span.status.status_code is StatusCode.ERROR]
    assert len(errors) == 2
    assert errors[1] == "HTTP 503"


@pytest.mark.parametrize(("outcome", "state"), [("Failed", "failed"), ("Canceled", "canceled")])
async def test_the_span_of_an_operation_that_did_not_succeed_has_the_code(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK, outcome: str, state: str
) -> None:
    document = {"status": outcome, "error": {"code": "Conflict", "message": CANARY}}
    ids = {"x-ms-request-id": "r1", "x-ms-correlation-request-id": "c1"}
    fake_arm.operation("PUT", polls=[Reply(200, document, ids)])
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        await error_of(await tracker.begin("PUT", THING))
    (span,) = sdk.spans("azpoll.operation")
    attributes = dict(span.attributes or {})
    assert attributes["azure.service.request.id"] == "r1"
    assert attributes["azpoll.operation.correlation_id"] == "c1"
    assert (attributes["azpoll.operation.state"], attributes["error.type"]) == (state, "Conflict")
    assert span.status.status_code is StatusCode.ERROR


async def test_a_stopped_and_a_resumed_operation(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=60)
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        operation = await tracker.begin("PUT", THING)
        token = operation.resume_token()
        operation.stop_tracking()
        await tracker.resume(token)
    first, second = (dict(span.attributes or {}) for span in sdk.spans("azpoll.operation"))
    assert (first["azpoll.operation.state"], first["error.type"]) == ("unknown", "unknown")
    assert (first["azpoll.operation.resumed"], second["azpoll.operation.resumed"]) == (False, True)
    assert first["azpoll.operation.id"] == second["azpoll.operation.id"]


async def test_without_a_current_span_there_is_no_link(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        await (await tracker.begin("PUT", THING))
    assert [span.links for span in sdk.exporter.get_finished_spans() if span.links] == []


async def test_the_span_in_which_the_tracker_was_entered_is_no_parent(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    """The workers of the tracker run in the context of its entry."""
    fake_arm.operation("PUT", duration_s=5)
    with sdk.tracer_provider.get_tracer("test").start_as_current_span("startup"):
        async with azpoll.Tracker(client) as tracker:
            sdk.instrument(tracker)
            await (await tracker.begin("PUT", THING))
    assert all(span.parent is None for span in sdk.exporter.get_finished_spans())


async def test_an_operation_that_was_tracked_before_has_its_span_without_kind_and_link(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        with sdk.tracer_provider.get_tracer("test").start_as_current_span("deploy"):
            operation = await tracker.begin("PUT", THING)
        sdk.instrument(tracker)
        await operation
    (span,) = sdk.spans("azpoll.operation")
    assert not span.links
    assert seconds(span) == pytest.approx(30, abs=1)
    assert not {"http.request.method", "azpoll.operation.resumed"} & (span.attributes or {}).keys()


async def test_polls_have_no_spans_on_wish(client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK) -> None:
    fake_arm.operation("PUT", duration_s=30)
    async with azpoll.Tracker(client) as tracker:
        with sdk.instrument(tracker, poll_spans=False):
            await (await tracker.begin("PUT", THING))
    assert [span.name for span in sdk.exporter.get_finished_spans()] == ["azpoll.operation"]


@pytest.mark.parametrize("outcome", ["Succeeded", "Failed"])
async def test_t8_no_span_and_no_metric_holds_a_url_a_header_or_a_body(sdk: TelemetrySDK, outcome: str) -> None:
    secret = {"Azure-AsyncOperation": "{poll_url}&t=" + CANARY, "x-secret": CANARY}
    arm = FakeARM()
    arm.operation(
        "PUT",
        initial=Reply(202, {"x": CANARY}, secret),
        polls=[Reply(503, CANARY), Drop(), Reply(200, {"status": outcome, "error": {"message": CANARY}})],
    )
    async with client_of(arm, headers={"Authorization": CANARY}) as client, azpoll.Tracker(client) as tracker:
        sdk.instrument(tracker)
        operation = await tracker.begin("PUT", f"{THING}&key={CANARY}")
        await operation.wait()
        assert outcome == "Succeeded" or operation.exception()
    shown = "".join(span.to_json() for span in sdk.exporter.get_finished_spans()) + repr(sdk.reader.get_metrics_data())
    assert CANARY not in shown
    assert "://" not in shown
