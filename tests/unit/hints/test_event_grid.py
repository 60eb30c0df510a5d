"""The endpoint for the events of Azure Event Grid: handshakes, checks of the sender, hints, and any hostile input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import azpoll
from azpoll.hints import EventGrid
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.operations import GROUP, path_of, until

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef-key"
BY_KEY = {"x-azpoll-key": KEY}
CODE = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
RESOURCE = path_of(1).partition("?")[0]


class Hints:
    """Takes hints, as a tracker does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.given: list[str] = []
        self._error = error

    def hint(self, resource_id: str) -> int:
        if self._error is not None:
            raise self._error
        self.given.append(resource_id)
        return 0


def event(kind: str = "ResourceWriteSuccess", resource: str = RESOURCE, schema: str = "grid") -> dict[str, object]:
    """Return an event in the schema of Event Grid, or a CloudEvent."""
    name = f"Microsoft.Resources.{kind}"
    common: dict[str, object] = {"id": "1", "subject": resource, "data": {"resourceUri": resource, "status": "x"}}
    if schema == "grid":
        return {**common, "eventType": name, "topic": "/subscriptions/s1", "dataVersion": "2"}
    return {**common, "type": name, "source": "/subscriptions/s1", "specversion": "1.0"}


def validation(code: object = CODE) -> list[dict[str, object]]:
    data = {"validationCode": code, "validationUrl": "https://evil.example/validate"}
    return [{"id": "2", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "subject": "", "data": data}]


def client_at(application: EventGrid, headers: Mapping[str, str] = BY_KEY) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="https://endpoint.example", headers=headers)


# Hints


@pytest.mark.parametrize("schema", ["grid", "cloud"])
@pytest.mark.parametrize("kind", ["ResourceWriteSuccess", "ResourceDeleteFailure", "ResourceActionCancel"])
async def test_an_event_brings_the_poll_of_its_resource_forward(schema: str, kind: str) -> None:
    """In both schemas, by the resource id in any letter case; only the answer of the service ends the operation."""
    arm = FakeARM(default=Script(duration_s=40.0), limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client, interval=1000) as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        async with client_at(EventGrid(tracker, key=KEY)) as endpoint:
            await until(20)
            assert (await endpoint.post("/", json=[event(kind, RESOURCE.upper(), schema)])).status_code == 200
            await until(43)
            assert not operation.done()
            assert operation.snapshot().polls == 1
            assert (await endpoint.post("/", json=[event(kind, RESOURCE.upper(), schema)])).status_code == 200
            await operation.wait()
        assert anyio.current_time() == pytest.approx(43, abs=1)
    arm.no_early_polls()


async def test_an_event_makes_no_poll_early() -> None:
    arm = FakeARM(default=Script(duration_s=5.0, retry_after=17.0), limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", path_of(1), result="status")
        async with client_at(EventGrid(tracker, key=KEY)) as endpoint:
            await until(6)
            await endpoint.post("/", json=[event()])
            await operation.wait()
        assert anyio.current_time() == pytest.approx(17, abs=0.1)
    arm.no_early_polls()


@pytest.mark.parametrize("single", [False, True])
async def test_a_delivery_is_one_event_or_a_list_and_other_events_are_ignored(single: bool) -> None:  # noqa: FBT001 - a case
    others = [{"eventType": "Microsoft.Storage.BlobCreated", "subject": "/b"}, {"id": "3"}, {"eventType": 7}]
    nameless = {"eventType": "Microsoft.Resources.ResourceWriteSuccess", "data": {"resourceUri": 7}}
    events = [event(), *others, nameless, event(resource=f"{GROUP}/2", schema="cloud")]
    hints = Hints()
    async with client_at(EventGrid(hints, key=KEY)) as endpoint:
        assert (await endpoint.post("/", json=event() if single else events)).status_code == 200
    assert hints.given == ([RESOURCE] if single else [RESOURCE, f"{GROUP}/2"])


@pytest.mark.parametrize("data", [None, 7, {}, {"resourceUri": " "}])
async def test_without_a_resource_in_its_data_the_subject_of_an_event_counts(data: object) -> None:
    hints = Hints()
    async with client_at(EventGrid(hints, key=KEY)) as endpoint:
        await endpoint.post("/", json=[{**event(), "data": data}])
    assert hints.given == [RESOURCE]


@pytest.mark.parametrize("error", [azpoll.TrackerClosed("closed"), azpoll.WrongEventLoop("elsewhere")])
async def test_a_delivery_is_repeated_later_if_the_tracker_takes_no_hints(error: Exception) -> None:
    async with client_at(EventGrid(Hints(error), key=KEY)) as endpoint:
        assert (await endpoint.post("/", json=[event()])).status_code == 503


# Handshakes


async def test_the_handshake_of_the_event_grid_schema_returns_the_code() -> None:
    """The URL in the event is not requested."""
    async with client_at(EventGrid(Hints(), key=KEY)) as endpoint:
        response = await endpoint.post("/", json=validation(), headers={"aeg-event-type": "SubscriptionValidation"})
    assert (response.status_code, response.json()) == (200, {"validationResponse": CODE})
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("code", ['a"b', "a\nb", "ä", "x" * 600])
async def test_a_validation_code_that_is_none_is_refused(code: str) -> None:
    async with client_at(EventGrid(Hints(), key=KEY)) as endpoint:
        assert (await endpoint.post("/", json=validation(code))).status_code == 400


async def test_the_handshake_of_cloudevents_allows_the_origin() -> None:
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    async with client_at(EventGrid(Hints(), key=KEY)) as endpoint:
        response = await endpoint.options("/", headers=headers)
    assert response.status_code == 200
    assert response.headers["webhook-allowed-origin"] == "eventgrid.azure.net"
    assert response.headers["webhook-allowed-rate"] == "*"


@pytest.mark.parametrize("origin", ["", "a b", "a/b", "-a", "a" * 300])
async def test_a_handshake_without_the_name_of_a_host_is_refused(origin: str) -> None:
    async with client_at(EventGrid(Hints(), key=KEY)) as endpoint:
        response = await endpoint.options("/", headers={"WebHook-Request-Origin": origin})
    assert response.status_code == 400
    assert "webhook-allowed-origin" not in response.headers


# Checks of the sender


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
@pytest.mark.parametrize("key", ["", KEY[:-1], f"{KEY}x", KEY.upper(), "ä"])
async def test_t38_nothing_is_answered_without_the_key(method: str, key: str) -> None:
    hints = Hints()
    headers = [(b"x-azpoll-key", key.encode()), (b"WebHook-Request-Origin", b"eventgrid.azure.net")]
    async with client_at(EventGrid(hints, key=KEY), {}) as endpoint:
        for path in ("/", "/?code=", f"/?code={key}", f"/?{'a=1&' * 20}code={KEY}"):
            response = await endpoint.request(method, path, headers=headers, json=[event(), *validation()])
            assert (response.status_code, response.content) == (401, b"")
    assert hints.given == []


async def test_the_key_may_be_in_the_query() -> None:
    hints = Hints()
    async with client_at(EventGrid(hints, key=KEY), {}) as endpoint:
        assert (await endpoint.post(f"/?code={KEY}", json=[event()])).status_code == 200
    assert hints.given == [RESOURCE]


async def _verify(token: str) -> bool:
    await anyio.lowlevel.checkpoint()
    if token == "broken":
        raise LookupError("no such key")
    return token == "good"


async def _verify_loosely(_: str) -> bool:
    await anyio.lowlevel.checkpoint()
    return "claims"  # type: ignore[return-value]  # - a caller without a type checker


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer good", 200), ("bearer good", 200), *((text, 401) for text in ("", "good", "Basic good", "Bearer "))],
)
async def test_t38_a_token_is_verified(header: str, status: int) -> None:
    hints = Hints()
    async with client_at(EventGrid(hints, verify=_verify), {"authorization": header}) as endpoint:
        assert (await endpoint.post("/", json=[event()])).status_code == status
    assert bool(hints.given) is (status == 200)


@pytest.mark.parametrize("token", ["bad", "broken"])
async def test_t38_a_bad_token_is_refused_also_if_the_verifier_raises(token: str) -> None:
    hints = Hints()
    async with client_at(EventGrid(hints, verify=_verify), {"authorization": f"Bearer {token}"}) as endpoint:
        assert (await endpoint.post("/", json=[event()])).status_code == 401
    async with client_at(EventGrid(hints, verify=_verify_loosely), {"authorization": "Bearer x"}) as endpoint:
        assert (await endpoint.post("/", json=[event()])).status_code == 401, "only True is good"
    assert hints.given == []


async def test_t38_a_verifier_that_hangs_holds_no_delivery() -> None:
    """Event Grid repeats a delivery after a 503, and gives up waiting after 30 s."""

    async def hang(_: str) -> bool:
        await anyio.sleep_forever()
        return True

    hints, started_s = Hints(), anyio.current_time()
    async with client_at(EventGrid(hints, verify=hang), {"authorization": "Bearer good"}) as endpoint:
        assert (await endpoint.post("/", json=[event()])).status_code == 503
    assert anyio.current_time() - started_s <= 10
    assert hints.given == []


async def test_t38_with_a_key_and_a_verifier_both_are_needed() -> None:
    application = EventGrid(Hints(), key=KEY, verify=_verify)
    for headers, status in (
        (BY_KEY, 401),
        ({"authorization": "Bearer good"}, 401),
        ({**BY_KEY, "authorization": "Bearer good"}, 200),
    ):
        async with client_at(application, headers) as endpoint:
            assert (await endpoint.post("/", json=[event()])).status_code == status


async def test_an_endpoint_without_a_check_is_refused() -> None:
    with pytest.raises(ValueError, match="anyone"):
        EventGrid(Hints())
    for key in ("short", "ä" * 20):
        with pytest.raises(ValueError, match="16 characters"):
            EventGrid(Hints(), key=key)
    with pytest.raises(TypeError, match="a tracker is needed"):
        EventGrid(object(), key=KEY)  # type: ignore[arg-type]  # - the error is the test


# Bounds


@pytest.mark.parametrize(("every_s", "status", "least_s"), [(0.0, 413, 0), (1.0, 408, 20)], ids=["long", "slow"])
async def test_t39_an_endless_body_is_given_up(every_s: float, status: int, least_s: float) -> None:
    """After 256 KiB, or after 20 s."""
    received = 0
    sent: list[MutableMapping[str, object]] = []

    async def receive() -> MutableMapping[str, object]:
        nonlocal received
        await anyio.sleep(every_s)
        received += 1
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    async def send(message: MutableMapping[str, object]) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    scope: dict[str, object] = {"type": "http", "method": "POST", "headers": [(b"x-azpoll-key", KEY.encode())]}
    await EventGrid(Hints(), key=KEY)(scope, receive, send)
    assert sent[0]["status"] == status
    assert anyio.current_time() == pytest.approx(least_s, abs=1)
    assert received <= 257


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[null]",
        b"[[]]",
        b"7",
        b"[" * 100_000,
        b"[" + b"[]," * 80_000 + b"[]]",
        json.dumps([{}] * 1001).encode(),
    ],
    ids=["empty", "cut", "a mark", "null", "a null", "a list", "a number", "deep", "many lists", "many events"],
)
async def test_t39_a_body_that_is_no_delivery_is_refused(body: bytes) -> None:
    hints = Hints()
    async with client_at(EventGrid(hints, key=KEY)) as endpoint:
        assert (await endpoint.post("/", content=body)).status_code == 400
    assert hints.given == []


JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
MEMBERS: dict[str, st.SearchStrategy[object]] = {
    "eventType": JSON | st.sampled_from([event()["eventType"], validation()[0]["eventType"]]),
    "type": JSON | st.just(event()["eventType"]),
    "data": JSON | st.fixed_dictionaries({"resourceUri": JSON, "validationCode": JSON}),
    "subject": JSON,
}
NONE_REQUIRED: dict[str, st.SearchStrategy[object]] = {}
EVENTS: st.SearchStrategy[object] = st.lists(st.fixed_dictionaries(NONE_REQUIRED, optional=MEMBERS))


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


@given(st.binary(max_size=100) | (JSON | EVENTS).map(encoded))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_t39_any_body_is_answered(body: bytes) -> None:
    async with client_at(EventGrid(Hints(), key=KEY)) as endpoint:
        assert (await endpoint.post("/", content=body)).status_code in {200, 400}


async def test_t39_any_resource_id_is_answered() -> None:
    """A tracker looks for each of them, and knows none."""
    names = ["/", "%", "%zz", "://", "a://b", "\ud800", "?", "\x00", "/providers/", "/" * 5000, "%2f" * 5000, "'\\"]
    arm = FakeARM(default=Script(duration_s=1.0), limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await tracker.begin("PUT", path_of(1), result="status")
        async with client_at(EventGrid(tracker, key=KEY)) as endpoint:
            body = json.dumps([event(resource=name) for name in names])
            assert (await endpoint.post("/", content=body)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods_are_refused(method: str) -> None:
    async with client_at(EventGrid(Hints(), key=KEY)) as endpoint:
        response = await endpoint.request(method, "/")
    assert (response.status_code, response.headers["allow"]) == (405, "POST, OPTIONS")


# Servers and frameworks


async def exchange(
    application: EventGrid, scope: Mapping[str, object], *events: Mapping[str, object]
) -> list[MutableMapping[str, object]]:
    """Return the messages that an ASGI application sends."""
    sent: list[MutableMapping[str, object]] = []
    left = list(events)

    async def receive() -> MutableMapping[str, object]:
        await anyio.lowlevel.checkpoint()
        return dict(left.pop(0))

    async def send(message: MutableMapping[str, object]) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    await application(dict(scope), receive, send)
    return sent


async def test_a_server_may_run_it_by_itself() -> None:
    """It completes the lifespan, and refuses a websocket."""
    application = EventGrid(Hints(), key=KEY)
    events = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    sent = await exchange(application, {"type": "lifespan"}, *events)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert await exchange(application, {"type": "websocket"}) == [{"type": "websocket.close", "code": 1008}]


async def test_a_sender_that_leaves_is_no_error() -> None:
    scope: dict[str, object] = {
        "type": "http",
        "method": "POST",
        "headers": [(b"X-Azpoll-Key", KEY.encode()), (b"odd",), 7],
    }
    events = ({"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"})
    sent = await exchange(EventGrid(Hints(), key=KEY), scope, *events)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize("framework", ["starlette", "fastapi"])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.slow
async def test_a_framework_mounts_it(framework: str) -> None:
    hints = Hints()
    if framework == "starlette":
        from starlette.applications import Starlette  # noqa: PLC0415 - takes long to import
        from starlette.routing import Mount  # noqa: PLC0415 - as above

        application: object = Starlette(routes=[Mount("/events", EventGrid(hints, key=KEY))])
    else:
        from fastapi import FastAPI  # noqa: PLC0415 - as above

        application = FastAPI()
        application.mount("/events", EventGrid(hints, key=KEY))
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # - either
    async with httpx.AsyncClient(transport=transport, base_url="https://x.example", headers=BY_KEY) as endpoint:
        assert (await endpoint.post("/events/", json=[event()])).status_code == 200
        assert (await endpoint.post("/events/", json=validation())).json() == {"validationResponse": CODE}
    assert hints.given == [RESOURCE]
