"""The transport over the caller's client: time limit, redirects, headers, auth and event hooks."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Unpack

import anyio
import pytest

import azpoll
from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.testing import (
    Cut,
    Delay,
    Drip,
    Drop,
    FakeARM,
    Ordinary,
    Reply,
    Script,
    redirect,
    status_monitor,
)
from azpoll.transport.client import ClientTransport
from tests.support.clients import ORIGIN, ClientOptions, Library, client_of
from tests.support.garbage import garbage_collected
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx

    from azpoll.testing import Pattern, Step

pytestmark = pytest.mark.anyio


THING = "/subscriptions/s/resourceGroups/g/things/t"
SUCCEEDED = status_monitor("Succeeded")


def polls_of(arm: FakeARM) -> list[str]:
    return [request.url for request in arm.requests if request.method == "GET"]


async def polled(arm: FakeARM, library: Library = "httpx", **arguments: Unpack[ClientOptions]) -> httpx.Response:
    """Run one DELETE to its end and return its result."""
    async with client_of(arm, library, **arguments) as client, azpoll.Tracker(client) as tracker:
        return await (await tracker.begin("DELETE", f"{THING}?api-version=1"))


# The time limit of one request


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("slow", "gives_up_at"),
    [
        (Drip(1, 1.0, Reply(200, {"status": "Running", "padding": "x" * 100})), 120),
        (Delay(1000), 120),
        (Delay(119, SUCCEEDED), None),
    ],
    ids=["drip", "silence", "in time"],
)
async def test_rule_38_a_whole_poll_has_120_s(slow: Step, gives_up_at: int | None, library: Library) -> None:
    """Rule 38: httpx's own limits are per read, and a dripping server outlives them."""
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[slow, SUCCEEDED])
    await polled(arm, library, timeout=None)
    times = [request.at_s for request in arm.requests if request.method == "GET"]
    assert len(times) == (1 if gives_up_at is None else 2)
    if gives_up_at is not None:
        assert gives_up_at + 1 <= times[1] - times[0] <= gives_up_at + 1.2


@EACH_LIBRARY
async def test_shorter_timeouts_of_the_client_apply(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[Delay(1000), SUCCEEDED])
    await polled(arm, library, timeout=7)
    first, second = (request.at_s for request in arm.requests if request.method == "GET")
    assert 8 <= second - first <= 8.2


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ((7, 7, 7, 7), {"connect": 7, "read": 7, "write": 7, "pool": None}),
        ((5, 5, 5, 5), {"connect": 30, "read": None, "write": None, "pool": None}),
        ((5, 5, 5, None), {"connect": 5, "read": 5, "write": 5, "pool": None}),
        ((119.9, 120, None, 120), {"connect": 30, "read": None, "write": None, "pool": None}),
    ],
    ids=[
        "a wait in the client's pool says nothing about the service",
        "default",
        "not default",
        "the limit of the exchange is shorter",
    ],
)
async def test_a_timeout_without_effect_on_the_poll_is_omitted(
    given: tuple[float | None, ...], sent: dict[str, float | None], library: Library
) -> None:
    seen: list[object] = []

    async def look(request: httpx.Request) -> None:
        if request.method == "GET":
            seen.append(dict(request.extensions["timeout"]))

    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[SUCCEEDED])
    await polled(arm, library, timeout=given, event_hooks={"request": [look]})
    assert seen == [sent]


@EACH_LIBRARY
async def test_rule_38_a_client_with_the_default_timeout_waits_60_s_for_an_answer(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, initial=Delay(60, Ordinary()), polls=[Delay(60, SUCCEEDED)])
    assert (await polled(arm, library, timeout=5)).status_code == 200
    assert len(arm.requests) == 2


@EACH_LIBRARY
async def test_rule_38_any_other_timeout_of_the_client_applies_to_an_initial_request(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", initial=Delay(60, Ordinary()))
    with pytest.raises(azpoll.InitialRequestFailed, match="timed out"):
        await polled(arm, library, timeout=7)


@EACH_LIBRARY
@pytest.mark.parametrize(("own_s", "ends_at_s"), [(None, 120), (10.0, 10)])
async def test_rule_38_a_whole_initial_request_has_120_s_or_its_own_limit(
    library: Library, own_s: float | None, ends_at_s: float
) -> None:
    arm = FakeARM()
    arm.operation("DELETE", initial=Delay(1000))
    async with client_of(arm, library, timeout=None) as client:
        transport = ClientTransport(client)
        outcome = await transport.send_initial(transport.build_initial("DELETE", THING, {}, own_s))
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.TIMEOUT
    assert outcome.at_s == pytest.approx(ends_at_s, abs=0.2)


@EACH_LIBRARY
async def test_a_timeout_of_the_call_itself_applies_to_an_initial_request(library: Library) -> None:
    """Even one of 5 s, since the caller has set it."""
    own = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
    async with client_of(FakeARM(), library) as client:
        transport = ClientTransport(client)
        given = transport.build_initial("PUT", THING, {"extensions": {"timeout": own}})
        assert transport.build_initial("PUT", THING, {}).message.extensions["timeout"] == {
            **dict.fromkeys(own),
            "connect": 30.0,
        }
        assert given.message.extensions["timeout"] == own


# Redirects


@EACH_LIBRARY
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_rule_11_azpoll_follows_three_redirects_as_separate_requests(status: int, library: Library) -> None:
    """Rule 11, also where the client would follow redirects by itself."""
    arm = FakeARM()
    redirects = [redirect("{poll_url}&hop=" + str(number), status) for number in (1, 2, 3)]
    arm.operation("DELETE", retry_after=1, polls=[*redirects, SUCCEEDED])
    assert (await polled(arm, library, follow_redirects=True)).status_code == 200
    assert [url.partition("api-version=1")[2] for url in polls_of(arm)] == ["", "&hop=1", "&hop=2", "&hop=3"]


@EACH_LIBRARY
async def test_rule_11_a_fourth_redirect_is_not_followed(library: Library) -> None:
    arm = FakeARM()
    redirects = [redirect("{poll_url}&hop=" + str(number)) for number in (1, 2, 3, 4)]
    arm.operation("DELETE", retry_after=1, polls=[*redirects, SUCCEEDED])
    await polled(arm, library, follow_redirects=True)
    assert [url.partition("api-version=1")[2] for url in polls_of(arm)] == ["", "&hop=1", "&hop=2", "&hop=3", ""]
    times = [request.at_s for request in arm.requests if request.method == "GET"]
    assert times[4] - times[3] >= 1


@EACH_LIBRARY
@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/steal",
        "//evil.example/steal",
        "http://management.azure.com/steal",
        "https://management.azure.com:8443/steal",
        "https://management.azure.com@evil.example/steal",
        "https://u:p@management.azure.com/steal",
        "https://management.azure.com.evil.example/steal",
    ],
)
async def test_rule_9_nothing_is_sent_to_the_target_of_a_foreign_redirect(to: str, library: Library) -> None:
    """Rule 9."""
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[redirect(to), SUCCEEDED])
    with pytest.raises(azpoll.UntrustedPollingURL):
        await polled(arm, library, follow_redirects=True, headers={"Authorization": "Bearer x"})
    assert len(arm.requests) == 2
    arm.no_requests_elsewhere(ORIGIN)
    arm.no_credentials_elsewhere(ORIGIN)


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("steps", "initial"),
    [
        ([Reply(200, {"status": "Running"}, {"Azure-AsyncOperation": "https://evil.example/x"})], None),
        ([Reply(200, {"status": "Succeeded", "resourceLocation": "https://evil.example/x"})], None),
        ([Reply(202, {}, {"Location": "https://evil.example/x"})], Reply(202, headers={"Location": "{location_url}"})),
        ([SUCCEEDED], Reply(202, headers={"Azure-AsyncOperation": "https://evil.example/x"})),
        ([SUCCEEDED], Reply(202, headers={"Location": "https://evil.example/x", "Azure-AsyncOperation": "{poll_url}"})),
    ],
    ids=["refreshed", "resourceLocation", "Location", "initial", "final Location"],
)
async def test_rule_9_nothing_is_sent_to_a_foreign_url_in_any_other_place(
    steps: list[Step], initial: Step | None, library: Library
) -> None:
    """Rule 9."""
    arm = FakeARM()
    by_location = isinstance(initial, Reply) and set(initial.headers) == {"Location"}
    pattern: Pattern = "location" if by_location else "azure-async-operation"
    arm.operation("POST", retry_after=1, polls=steps, initial=initial, pattern=pattern)
    async with (
        client_of(arm, library, headers={"Authorization": "Bearer x"}) as client,
        azpoll.Tracker(client) as tracker,
    ):
        operation = await tracker.begin("POST", THING)
        with pytest.raises(azpoll.UntrustedPollingURL):
            await operation
    arm.no_requests_elsewhere(ORIGIN)


# Settings of the client


@EACH_LIBRARY
async def test_headers_cookies_and_a_changed_credential_apply_to_each_poll(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=10, polls=[status_monitor("Running", retry_after=10)] * 3 + [SUCCEEDED])
    async with (
        client_of(arm, library, headers={"Authorization": "Bearer 1"}) as client,
        azpoll.Tracker(client) as tracker,
    ):
        await tracker.begin("DELETE", THING)
        await anyio.sleep(15)
        client.headers["Authorization"] = "Bearer 2"
        await anyio.sleep(10)
        client.cookies.set("c", "1")
        client.headers["x-new"] = "yes"
    one, two, three, four = (request.headers for request in arm.requests if request.method == "GET")
    assert [found["authorization"] for found in (one, two, three, four)] == [
        "Bearer 1",
        "Bearer 2",
        "Bearer 2",
        "Bearer 2",
    ]
    assert [found.get("cookie") for found in (two, three)] == [None, "c=1"]
    assert (two.get("x-new"), four["x-new"]) == (None, "yes")
    assert {found["host"] for found in (one, two, three, four)} == {"management.azure.com"}
    assert {found["accept-encoding"] for found in (one, two, three, four)} == {"identity"}


@EACH_LIBRARY
async def test_a_poll_has_the_headers_that_the_client_would_send(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[SUCCEEDED])
    async with client_of(arm, library, headers={"User-Agent": "me", "x-a": "1"}) as client:
        await client.get("/plain")
        async with azpoll.Tracker(client) as tracker:
            await tracker.begin("DELETE", THING)
    plain, _, poll = (dict(request.headers) for request in arm.requests)
    for own in (plain, poll):
        own.pop("accept-encoding")
        own.pop("x-ms-client-request-id", None)
    assert poll == plain


@EACH_LIBRARY
async def test_a_cancel_request_has_an_empty_body_with_a_content_length(library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", retry_after=10, duration_s=50)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"{THING}/cancel")
        assert await operation.cancel()
        assert isinstance((await operation.wait()).exception(), azpoll.OperationCanceled)
    [post] = [request for request in arm.requests if request.method == "POST"]
    assert post.headers["content-length"] == "0"


@EACH_LIBRARY
async def test_an_event_hook_may_read_the_body(library: Library) -> None:
    bodies: list[bytes] = []

    async def look(response: httpx.Response) -> None:
        bodies.append(await response.aread())

    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[status_monitor("Running"), SUCCEEDED])
    response = await polled(arm, library, event_hooks={"response": [look]})
    assert bodies[-1] == response.content
    assert len(bodies) == 3


@EACH_LIBRARY
async def test_the_limit_applies_to_a_body_that_an_event_hook_reads(library: Library) -> None:
    async def look(response: httpx.Response) -> None:
        await response.aread()

    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[Reply(200, {"status": "Succeeded", "x": "x" * 2**23}), SUCCEEDED])
    with pytest.raises(azpoll.AnswerTooLarge):
        await polled(arm, library, event_hooks={"response": [look]})
    assert len(polls_of(arm)) == 1


@EACH_LIBRARY
@pytest.mark.parametrize("error", [RuntimeError("x"), asyncio.CancelledError()], ids=["error", "cancelled"])
async def test_rule_51_an_error_of_an_event_hook_ends_the_tracking(error: BaseException, library: Library) -> None:
    """A hook that awaits a cancelled task raises CancelledError, although the poll was not cancelled."""

    async def fail(request: httpx.Request) -> None:
        if request.method == "GET":
            raise error

    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[SUCCEEDED])
    with pytest.raises(azpoll.PollingError, match="an event hook of the client raised an error") as caught:
        await polled(arm, library, event_hooks={"request": [fail]})
    assert caught.value.__cause__ is error
    assert not polls_of(arm)


# Auth


def credential(library: Library) -> type[httpx.Auth]:
    """Return a class of auth that fetches a token if it has none or after a 401."""
    base: type[httpx.Auth] = import_module(library).Auth

    class Credential(base):  # type: ignore[valid-type, misc]  # - the library is a parameter
        def __init__(self, arm: FakeARM) -> None:
            self.arm = arm
            self.token = ""
            self.renewals = 0

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            if not self.token:
                await self.renew()
            request.headers["Authorization"] = f"Bearer {self.token}"
            response = yield request
            if response.status_code == 401:
                await self.renew()
                request.headers["Authorization"] = f"Bearer {self.token}"
                yield request

        async def renew(self) -> None:
            await anyio.sleep(0.5)
            self.renewals += 1
            self.token = f"token {self.renewals}"
            self.arm.rotate_token(self.token)

    return Credential


@EACH_LIBRARY
async def test_rule_26_an_expired_credential_is_renewed_once_for_all_operations(library: Library) -> None:
    """Rule 26."""
    arm = FakeARM(default=Script(duration_s=60, retry_after=20), latency_s=0.2)
    auth = credential(library)(arm)  # type: ignore[call-arg]  # - a class of either library
    async with client_of(arm, library, auth=auth) as client, azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("DELETE", f"{THING}{number}") for number in range(12)]
        await anyio.sleep(5)
        arm.rotate_token("another")
    assert all(operation.result().status_code == 200 for operation in operations)
    assert vars(auth)["renewals"] == 2
    arm.one_request_at_a_time()


@EACH_LIBRARY
@pytest.mark.parametrize("fault", [Drop(), Delay(1000), Cut(5, SUCCEEDED)], ids=["drop", "silence", "cut"])
async def test_an_auth_flow_that_a_fault_ends_is_closed(fault: Step, library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[fault, SUCCEEDED])
    auth = credential(library)(arm)  # type: ignore[call-arg]  # - a class of either library
    with garbage_collected():
        assert (await polled(arm, library, auth=auth)).status_code == 200


@EACH_LIBRARY
async def test_a_failed_renewal_does_not_block_the_other_polls(library: Library) -> None:
    base: type[httpx.Auth] = import_module(library).Auth
    arm = FakeARM(default=Script(duration_s=30, retry_after=10))
    tries = 0

    class Failing(base):  # type: ignore[valid-type, misc]  # - the library is a parameter
        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            nonlocal tries
            request.headers["Authorization"] = f"Bearer {tries}"
            response = yield request
            if response.status_code == 401:
                tries += 1
                if tries < 3:
                    raise RuntimeError("the token service is away")
                arm.rotate_token(str(tries))
                request.headers["Authorization"] = f"Bearer {tries}"
                yield request

    arm.require_token("0")
    with garbage_collected():
        async with client_of(arm, library, auth=Failing()) as client, azpoll.Tracker(client) as tracker:
            operations = [await tracker.begin("DELETE", f"{THING}{number}") for number in range(4)]
            await anyio.sleep(5)
            arm.rotate_token("none")
            with anyio.fail_after(200):
                for operation in operations:
                    assert (await operation).status_code == 200


@EACH_LIBRARY
async def test_a_pair_of_name_and_password_is_an_auth(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", retry_after=1, polls=[SUCCEEDED])
    await polled(arm, library, auth=("name", "word"))
    assert {request.headers["authorization"] for request in arm.requests} == {"Basic bmFtZTp3b3Jk"}
