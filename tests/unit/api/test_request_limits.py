"""Options that limit requests, and those of the initial request alone (rules 25, 38)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, FakeARM, Ordinary, Reply, Script, status_monitor
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import THING

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.anyio

SUCCEEDED = status_monitor("Succeeded")


async def test_rule_38_request_timeout_limits_polls() -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[Delay(1000), SUCCEEDED])
    async with client_of(arm) as client, azpoll.Tracker(client, request_timeout=7) as tracker:
        await (await tracker.begin("DELETE", THING))
    first, second = (request.at_s for request in arm.requests if request.method == "GET")
    assert 8 <= second - first <= 8.2


@pytest.mark.parametrize(("own", "ends_s"), [({}, 7), ({"request_timeout": None}, 7), ({"request_timeout": 90}, 90)])
async def test_rule_38_request_timeout_limits_initial_requests_and_may_be_set_per_call(own: Any, ends_s: float) -> None:
    arm = FakeARM()
    arm.operation("DELETE", initial=Delay(1000))
    async with client_of(arm) as client, azpoll.Tracker(client, request_timeout=7) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="timed out"):
            await tracker.begin("DELETE", THING, idempotent=False, **own)
        assert anyio.current_time() == pytest.approx(ends_s, abs=0.2)


async def test_rule_38_request_timeout_may_be_longer_than_the_default() -> None:
    arm = FakeARM()
    arm.operation("DELETE", initial=Delay(200, Ordinary()), polls=[Delay(200, SUCCEEDED)])
    async with client_of(arm) as client, azpoll.Tracker(client, request_timeout=300) as tracker:
        await (await tracker.begin("DELETE", THING))
    assert len(arm.requests) == 2


async def test_rule_38_max_body_limits_each_body() -> None:
    arm = FakeARM()
    arm.operation("DELETE", polls=[Reply(200, {"status": "Succeeded", "x": "x" * 1000})])
    async with client_of(arm) as client, azpoll.Tracker(client, max_body=900) as tracker:
        with pytest.raises(azpoll.AnswerTooLarge, match="max_body is 900 bytes"):
            await (await tracker.begin("DELETE", THING))


@pytest.mark.parametrize("per_call", [False, True])
async def test_rule_25_patience_sets_the_bounds(*, per_call: bool) -> None:
    short = azpoll.Patience(attempts=2, seconds=0)
    arm = FakeARM(default=Script(polls=[Reply(503)] * 50))
    tracker_options: dict[str, Any] = {} if per_call else {"patience": short}
    async with client_of(arm) as client, azpoll.Tracker(client, **tracker_options) as tracker:
        operation = await tracker.begin("DELETE", THING, patience=short if per_call else None)
        with pytest.raises(azpoll.RetriesExhausted, match="2 polls in a row"):
            await operation


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"request_timeout": 0}, ValueError, "request_timeout must be above 0 seconds and finite"),
        ({"request_timeout": -1}, ValueError, "request_timeout must be 0 seconds or more"),
        ({"request_timeout": float("inf")}, ValueError, "request_timeout must be above 0 seconds and finite"),
        ({"request_timeout": None}, ValueError, "request_timeout must be above 0 seconds and finite"),
        ({"request_timeout": "5"}, TypeError, "request_timeout must be a number of seconds"),
        ({"max_body": 0}, ValueError, "max_body must be 1 or more"),
        ({"max_body": None}, TypeError, "max_body must be an integer"),
        ({"max_body": True}, TypeError, "max_body must be an integer"),
        ({"max_body": 1.5}, TypeError, "max_body must be an integer"),
        ({"patience": 3}, TypeError, r"patience must be an azpoll\.Patience"),
    ],
)
async def test_a_limit_out_of_its_range_is_refused(options: Any, error: type[Exception], text: str) -> None:
    async with client_of(FakeARM()) as client:
        with pytest.raises(error, match=text):
            azpoll.Tracker(client, **options)


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"request_timeout": 0}, ValueError, "request_timeout"),
        ({"follow_redirects": "yes"}, TypeError, "follow_redirects must be True or False"),
        ({"auth": 7}, TypeError, "the auth must be one of httpx2?, not int"),
        ({"patience": 3}, TypeError, "patience"),
    ],
)
async def test_an_argument_of_begin_out_of_its_range_sends_nothing(
    options: Any, error: type[Exception], text: str, library: Library
) -> None:
    arm = FakeARM()
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(error, match=text):
            await tracker.begin("PUT", THING, **options)
    assert not arm.requests


# The arguments of an httpx request


async def authorizations(library: Library, auth: object) -> list[str | None]:
    """Return the Authorization headers of an initial request with an auth of its own, and of a poll."""
    arm = FakeARM()
    arm.operation("DELETE", polls=[SUCCEEDED])
    async with client_of(arm, library, auth=("client", "")) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("DELETE", THING, auth=auth))
    return [request.headers.get("authorization") for request in arm.requests]


@EACH_LIBRARY
async def test_an_auth_of_begin_signs_the_initial_request_alone(library: Library) -> None:
    """In each form that httpx accepts."""
    base: Any = import_module(library)

    class Own(base.Auth):  # type: ignore[misc]  # - the library is a parameter
        def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            yield sign(request)

    def sign(request: Any) -> Any:
        request.headers["Authorization"] = "own"
        return request

    clients = "Basic Y2xpZW50Og=="
    assert await authorizations(library, Own()) == ["own", clients]
    assert await authorizations(library, sign) == ["own", clients]
    assert await authorizations(library, ("own", "")) == ["Basic b3duOg==", clients]
    assert await authorizations(library, None) == [None, clients]


@EACH_LIBRARY
async def test_extensions_of_begin_reach_the_transport_of_the_initial_request_alone(library: Library) -> None:
    seen: list[object] = []

    async def look(request: Any) -> None:
        seen.append(request.extensions.get("sni_hostname"))

    arm = FakeARM()
    arm.operation("DELETE", polls=[SUCCEEDED])
    async with client_of(arm, library, event_hooks={"request": [look]}) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("DELETE", THING, extensions={"sni_hostname": "x.example"}))
    assert seen == ["x.example", None]


@EACH_LIBRARY
@pytest.mark.parametrize("with_hook", [False, True])
async def test_follow_redirects_of_begin_follows_those_of_the_initial_request(
    library: Library, *, with_hook: bool
) -> None:
    async def look(_: Any) -> None:
        """Do nothing."""

    arm = FakeARM()
    for _ in range(2):
        arm.operation("PUT", "/old", initial=Reply(307, headers={"Location": THING}))
    arm.operation("PUT", THING.partition("?")[0], duration_s=5)
    hooks = {"request": [look]} if with_hook else {}
    async with client_of(arm, library, event_hooks=hooks) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="HTTP 307"):
            await tracker.begin("PUT", "/old", json={})
        operation = await tracker.begin("PUT", "/old", json={}, follow_redirects=True, result="status")
        assert (await operation).json()["status"] == "Succeeded"


@EACH_LIBRARY
async def test_rule_9_a_redirect_of_the_initial_request_adds_no_trust(library: Library) -> None:
    """Polls with the client's credential go to the origin that the caller named."""
    arm, other = FakeARM(), FakeARM()
    arm.operation("PUT", initial=Reply(307, headers={"Location": "https://other.example/x"}))
    other.operation("PUT", "/x", duration_s=5)
    mounts = {"https://other.example": other.transport(library)}
    async with client_of(arm, library, auth=("a", "b"), mounts=mounts) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", f"{ORIGIN}{THING}", json={}, follow_redirects=True)
        with pytest.raises(azpoll.UntrustedPollingURL):
            await operation
    assert [request.method for request in other.requests] == ["PUT"]
