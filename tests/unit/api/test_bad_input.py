"""Invalid input raises a typed error immediately, before any request."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import httpx2
import pytest

import azpoll
from azpoll.testing import FakeARM, Script, VirtualLoop
from tests.support.clients import ORIGIN, Library, client_of, new_client
from tests.support.marks import ASYNCIO, EACH_LIBRARY
from tests.support.operations import GROUP, THING

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.options import BeginOptions

pytestmark = pytest.mark.anyio

HUGE = 10**400


def accepted(method: str = "DELETE", url: str = f"{ORIGIN}{THING}") -> httpx.Response:
    """Return an initial response."""
    return httpx.Response(202, headers={"Location": "/poll"}, request=httpx.Request(method, url))


# The tracker


@pytest.mark.parametrize(
    "client", [httpx.Client(), httpx2.Client(), object(), None, "client", httpx.AsyncClient, httpx.AsyncHTTPTransport()]
)
async def test_a_client_of_the_wrong_type_is_refused(client: object) -> None:
    with pytest.raises(TypeError, match=r"httpx\.AsyncClient or httpx2\.AsyncClient is needed"):
        azpoll.Tracker(client)  # type: ignore[arg-type]  # - the wrong type is tested


@EACH_LIBRARY
async def test_a_closed_client_is_refused(library: Library) -> None:
    arm = FakeARM()
    async with client_of(arm, library) as client:
        tracker = azpoll.Tracker(client)
    with pytest.raises(RuntimeError, match="client is closed"):
        azpoll.Tracker(client)
    async with tracker:
        with pytest.raises(azpoll.TrackerClosed, match="client is closed"):
            tracker.track(accepted())
        with pytest.raises(azpoll.TrackerClosed, match="client is closed"):
            await tracker.begin("PUT", THING)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"budget": 25}, TypeError, r"budget must be an azpoll\.Budget, not int"),
        ({"patience": 10}, TypeError, r"patience must be an azpoll\.Patience, not int"),
        ({"interval": -1}, ValueError, "interval must be 0 seconds or more"),
        ({"interval": math.nan}, ValueError, "interval must be 0 seconds or more"),
        ({"interval": math.inf}, ValueError, "interval must be finite"),
        ({"interval": HUGE}, ValueError, "interval"),
        ({"interval": "5"}, TypeError, "interval must be a number of seconds"),
        ({"interval": True}, TypeError, "interval must be a number of seconds"),
        ({"min_interval": -0.5}, ValueError, "min_interval must be 0 seconds or more"),
        ({"min_interval": math.nan}, ValueError, "min_interval"),
        ({"min_interval": math.inf}, ValueError, "min_interval must be finite"),
        ({"min_interval": None}, ValueError, "min_interval must be finite"),
        ({"timeout": -1}, ValueError, "timeout must be 0 seconds or more"),
        ({"timeout": math.nan}, ValueError, "timeout must be 0 seconds or more"),
        ({"timeout": HUGE}, ValueError, "timeout"),
        ({"max_in_flight": 0}, ValueError, "max_in_flight must be 1 or more"),
        ({"max_in_flight": -3}, ValueError, "max_in_flight must be 1 or more"),
        ({"max_in_flight": 1.5}, TypeError, "max_in_flight must be an integer"),
        ({"max_in_flight": True}, TypeError, "max_in_flight must be an integer"),
        ({"on_exit": "later"}, ValueError, "on_exit must be one of 'wait', 'stop'"),
        ({"allowed_origins": "https://x.example"}, TypeError, "collection of URLs"),
        ({"allowed_origins": ["https://x.example/path"]}, ValueError, "scheme, host and port alone"),
        ({"allowed_origins": ["https://u:p@x.example"]}, ValueError, "allowed_origins"),
        ({"allowed_origins": ["ftp://x.example"]}, ValueError, "not an http or https URL"),
        ({"allowed_origins": ["x.example"]}, ValueError, "not an http or https URL"),
        ({"allowed_origins": [""]}, ValueError, "allowed_origins"),
        ({"allowed_origins": ["https://"]}, ValueError, "allowed_origins"),
        ({"allowed_origins": [5]}, ValueError, "allowed_origins"),
        ({"rebase_to": "gateway"}, ValueError, "rebase_to"),
        ({"rebase_to": "https://a b"}, ValueError, "rebase_to"),
        ({"rebase_to": "https://g.example/?key=1"}, ValueError, "rebase_to"),
        ({"token_key": "text"}, TypeError, "token_key must be bytes"),
        ({"token_key": b""}, ValueError, "token_key"),
        ({"durations": 5}, TypeError, 'durations must be a Durations, "recorded" or None'),
        ({"durations": "default"}, TypeError, 'durations must be a Durations, "recorded" or None'),
        ({"intervall": 5}, TypeError, "intervall"),
        ({"interval": 1e12}, ValueError, "interval must be at most 86400 seconds"),
        ({"min_interval": 1e12}, ValueError, "min_interval must be at most 86400 seconds"),
        ({"max_in_flight": HUGE}, ValueError, "max_in_flight must be at most"),
        ({"max_body": HUGE}, ValueError, "max_body must be at most"),
        ({"budget": 5}, TypeError, r"budget must be an azpoll.Budget, not int"),
        ({"budget": True}, TypeError, r"budget must be an azpoll.Budget"),
        ({"budget": azpoll.Budget}, TypeError, r"budget must be an azpoll.Budget"),
        ({"journal": 5}, TypeError, r"journal must be an azpoll.Journal"),
        ({"journal": azpoll.Journal}, TypeError, r"journal must be an azpoll.Journal"),
        ({"patience": 5}, TypeError, r"patience must be an azpoll.Patience"),
        ({"allowed_origins": None}, TypeError, "allowed_origins must be a collection of URLs"),
        ({"anonymous_origins": b"https://x.example"}, TypeError, "anonymous_origins must be a collection of URLs"),
        *[
            ({name: [entry]}, ValueError, name)
            for name in ("allowed_origins", "anonymous_origins")
            for entry in (
                "https://*",
                "https://*.",
                "https://*.com",
                "https://a*.b.example",
                "https://a b",
                "https://x.example:99999",
                "https://x.example:0",
                "https://x.example:",
                "https://x.example:-1",
                "https://x.example:+1",
                "https://a..b",
                b"https://x.example",
                None,
            )
        ],
    ],
)
async def test_an_invalid_setting_is_refused(settings: dict[str, object], error: type[Exception], text: str) -> None:
    async with client_of(FakeARM()) as client:
        with pytest.raises(error, match=text):
            azpoll.Tracker(client, **settings)  # type: ignore[arg-type]  # - the wrong type is tested


async def test_a_base_url_without_an_origin_is_refused() -> None:
    async with new_client(base_url="/relative") as client:
        with pytest.raises(ValueError, match="base_url"):
            azpoll.Tracker(client)


async def test_a_tracker_must_be_entered_exactly_once() -> None:
    async with client_of(FakeARM()) as client:
        tracker = azpoll.Tracker(client)
        with pytest.raises(azpoll.WrongEventLoop, match="was not entered"):
            tracker.track(accepted())
        with pytest.raises(azpoll.WrongEventLoop, match="was not entered"):
            await tracker.begin("PUT", THING)
        with pytest.raises(azpoll.WrongEventLoop, match="was not entered"):
            tracker.resume("token")
        with pytest.raises(azpoll.WrongEventLoop, match="was not entered"):
            tracker.statistics()
        async with tracker:
            with pytest.raises(azpoll.TrackerClosed, match="entered once"):
                await tracker.__aenter__()
        with pytest.raises(azpoll.TrackerClosed, match="entered once"):
            await tracker.__aenter__()
        with pytest.raises(azpoll.TrackerClosed, match="tracks nothing more"):
            tracker.track(accepted())
        with pytest.raises(azpoll.TrackerClosed, match="tracks nothing more"):
            await tracker.begin("PUT", THING)
        with pytest.raises(azpoll.TrackerClosed, match="tracks nothing more"):
            tracker.resume("token")


# An operation


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"final_state_via": "somewhere"}, ValueError, "final_state_via must be one of 'azure-async-operation'"),
        ({"final_state_via": 5}, ValueError, "final_state_via"),
        ({"timeout": -1}, ValueError, "timeout must be 0 seconds or more"),
        ({"timeout": math.nan}, ValueError, "timeout must be 0 seconds or more"),
        ({"timeout": "5"}, TypeError, "timeout must be a number of seconds"),
        ({"interval": -1}, ValueError, "interval must be 0 seconds or more"),
        ({"interval": math.inf}, ValueError, "interval must be finite"),
        ({"interval": HUGE}, ValueError, "interval"),
        ({"result": "both"}, ValueError, "result must be one of 'final', 'status'"),
        ({"terminal_words": {"Done": "good"}}, ValueError, "terminal_words"),
        ({"terminal_words": {"": "failed"}}, ValueError, "terminal_words"),
        ({"terminal_words": {5: "failed"}}, ValueError, "terminal_words"),
        ({"terminal_words": {"Done": []}}, ValueError, "terminal_words"),
        ({"pattern": "Location"}, ValueError, "pattern must be one of 'azure-async-operation'"),
        ({"pattern": 3}, ValueError, "pattern must be one of"),
        ({"status_member": "a..b"}, ValueError, "status_member must be names"),
        ({"status_member": ""}, ValueError, "status_member must be names"),
        ({"status_member": "state. "}, ValueError, "status_member must be names"),
        ({"status_member": 3}, TypeError, "status_member must be text"),
        ({"terminal_words": ["Done"]}, TypeError, "terminal_words must be a mapping"),
        ({"cancel_url": b"/cancel"}, TypeError, "cancel_url must be text"),
        ({"label": 5}, TypeError, "label must be text"),
        ({"retries": 3}, TypeError, "unexpected keyword: 'retries'"),
        ({"verify": True}, TypeError, "unexpected keyword: 'verify'"),
    ],
)
async def test_an_invalid_option_is_refused_before_any_request(
    client: httpx.AsyncClient, fake_arm: FakeARM, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    fake_arm.default = Script()
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(error, match=text):
            await tracker.begin("PUT", THING, **options)
        with pytest.raises(error, match=text):
            tracker.track(accepted(), **options)
        with pytest.raises(error, match=text):
            tracker.resume("token", **options)
        with pytest.raises(error, match=text):
            await azpoll.wait(client, accepted(), **options)
        with pytest.raises(error, match=text):
            await tracker.group().begin("PUT", THING, **options)
    assert fake_arm.requests == ()
    assert tracker.statistics().tracked == 0


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "", "P UT"])
async def test_a_method_that_cannot_begin_an_operation_is_refused(
    client: httpx.AsyncClient, fake_arm: FakeARM, method: str
) -> None:
    fake_arm.default = Script()
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match="method must be one of 'PUT', 'PATCH', 'POST', 'DELETE', 'GET'"):
            await tracker.begin(method, THING)  # type: ignore[call-overload]  # - a wrong method is tested
        with pytest.raises(ValueError, match="method must be one of 'PUT'"):
            tracker.track(accepted("HEAD"))
    assert fake_arm.requests == ()


@EACH_LIBRARY
@pytest.mark.parametrize(
    "url",
    ["not a url", "", "/path", "ftp://x.example/", "https://", "https:///x", "https://x:port/", "//x.example/", "a\nb"],
)
async def test_an_invalid_url_is_refused_before_any_request(url: str, library: Library) -> None:
    arm = FakeARM(default=Script())
    async with client_of(arm, library, base_url="") as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match=r"URL|argument"):
            await tracker.begin("PUT", url)
    assert arm.requests == ()


@EACH_LIBRARY
@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "documentModels:build?api-version=1", "mailto:a@b", "https:///x", "https://:80/x", "http://", "//"),
        *("//h/x", "https://x.example:99999/", "https://x.example:65536/", "https://a..b/"),
    ],
)
async def test_a_url_that_the_client_would_read_as_another_is_refused(url: str, library: Library) -> None:
    """HTTP libraries drop a scheme without a host, and a host without a scheme, in favour of the base URL."""
    arm = FakeARM(default=Script())
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match="the URL"):
            await tracker.begin("DELETE", url)
    assert arm.requests == ()


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("url", "reason"),
    [(f"{THING}&t={'x' * 9000}", "longer than 8192"), (f"https://u:p@management.azure.com{THING}", "user information")],
)
async def test_an_initial_url_must_be_one_that_an_answer_may_name(url: str, reason: str, library: Library) -> None:
    """No later request and no resume token could use the URL."""
    arm = FakeARM(default=Script())
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match=f"initial request is refused: .*{reason}"):
            await tracker.begin("PUT", url)
        assert arm.requests == ()
        with pytest.raises(ValueError, match=f"initial request is refused: .*{reason}"):
            tracker.track(await client.put(url))


@EACH_LIBRARY
@pytest.mark.parametrize(
    "arguments",
    [
        {"json": datetime(2026, 1, 1, tzinfo=UTC)},
        {"json": {1, 2}},
        {"headers": {"x": 5}},
        {"headers": {"x": "\u00e9"}},
        {"content": 5},
        {"files": 5},
    ],
    ids=str,
)
async def test_invalid_request_arguments_are_refused_before_any_request(
    arguments: BeginOptions, library: Library
) -> None:
    arm = FakeARM(default=Script())
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match="no request can be made of these arguments"):
            await tracker.begin("PUT", THING, **arguments)
    assert arm.requests == ()


async def test_an_unusable_response_is_refused(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script()
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match="the initial response cannot be used"):
            tracker.track(httpx.Response(202))
        async with client.stream("DELETE", THING) as unread:
            with pytest.raises(ValueError, match="the initial response cannot be used"):
                tracker.track(unread)
        wrong: Any
        for wrong in (None, 202, object(), httpx.Request("PUT", ORIGIN)):
            with pytest.raises(TypeError, match="response of httpx, httpx2 or azure-core is needed"):
                tracker.track(wrong)
    assert tracker.statistics().tracked == 0


async def test_a_url_before_the_method_is_not_repeated(client: httpx.AsyncClient) -> None:
    async with azpoll.Tracker(client) as tracker:
        wrong: Any = f"{THING}?sig=secret"
        with pytest.raises(ValueError, match="the method comes first") as caught:
            await tracker.begin(wrong, "PUT")
        assert "secret" not in str(caught.value)


async def test_an_argument_of_another_type_is_named(client: httpx.AsyncClient) -> None:
    wrong: Any = None
    unhashable: Any = []
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(TypeError, match="owner must be hashable, not list"):
            tracker.track(accepted(), owner=unhashable)
        with pytest.raises(TypeError, match="as_completed takes an iterable of operations, not NoneType"):
            azpoll.as_completed(wrong)
        with pytest.raises(TypeError, match=r"tracker must be an azpoll\.Tracker, not NoneType"):
            await azpoll.watch(wrong)
    with pytest.raises(TypeError, match="row must be a JournalRow or a JournalResult, not NoneType"):
        azpoll.journal_text(wrong)


async def test_a_forgotten_await_is_named(client: httpx.AsyncClient) -> None:
    async with azpoll.Tracker(client) as tracker:
        request, beginning = client.put(THING), tracker.begin("PUT", THING)
        wrong: Any = request
        with pytest.raises(TypeError, match="not coroutine: await it to get its response"):
            tracker.track(wrong)
        wrong = beginning
        with pytest.raises(TypeError, match="not coroutine: await it to get its operation"):
            azpoll.as_completed([wrong])
        request.close()
        beginning.close()


async def test_a_url_in_the_place_of_a_response_names_follow(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    with pytest.raises(azpoll.InvalidResumeToken, match=r"tracker\.follow"):
        await azpoll.wait(client, f"{ORIGIN}{THING}?sig=secret")
    assert fake_arm.requests == ()


@pytest.mark.parametrize("journal", ["operations.db", Path("operations.db")])
async def test_the_path_of_a_journal_names_its_class(client: httpx.AsyncClient, journal: Any) -> None:
    with pytest.raises(TypeError, match=r"for a file it is azpoll\.SQLiteJournal\(path\)"):
        azpoll.Tracker(client, journal=journal)


async def test_a_response_to_a_request_without_a_web_address_is_refused() -> None:
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        for url in ("/path", "ftp://x.example/"):
            with pytest.raises(ValueError, match="not an http or https URL"):
                tracker.track(accepted(url=url))


@pytest.mark.parametrize("text", ["", "x", "!", "\ud800", "\u00e9", "a.b", "eyJ2IjoxfQ", None, 5, b"bytes"])
async def test_an_invalid_token_is_refused(text: str) -> None:
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InvalidResumeToken, match="the resume token cannot be used"):
            tracker.resume(text)


@pytest.mark.parametrize("timeout", [-1, math.nan, HUGE])
async def test_an_invalid_timeout_of_wait_is_refused(
    client: httpx.AsyncClient,
    fake_arm: FakeARM,
    timeout: float,  # noqa: ASYNC109 - a parameter of the test
) -> None:
    fake_arm.default = Script(duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        with pytest.raises(ValueError, match="timeout"):
            await operation.wait(timeout)


# The wrong event loop


@ASYNCIO
async def test_use_in_another_event_loop_is_refused_immediately(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=60)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        found: list[BaseException] = []

        async def elsewhere() -> None:
            uses: tuple[Callable[[], object], ...] = (
                lambda: tracker.track(accepted()),
                lambda: tracker.resume("token"),
                lambda: tracker.begin("PUT", THING),
                operation.wait,
                operation.cancel,
                operation.stop_tracking,
                lambda: operation,
                operation.snapshots,
            )
            for use in uses:
                try:
                    outcome = use()
                    if isinstance(outcome, Awaitable):
                        await outcome
                except azpoll.WrongEventLoop as error:
                    found.append(error)

        thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
        thread.start()
        thread.join()
        assert len(found) == 8
        assert all(isinstance(error, RuntimeError) for error in found)
        assert not operation.done()
        assert (await operation).status_code == 200


@ASYNCIO
async def test_use_without_an_event_loop_is_refused(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=60)
    async with azpoll.Tracker(client) as tracker:

        def use() -> None:
            with pytest.raises(azpoll.WrongEventLoop, match="inside a running event loop"):
                tracker.track(accepted())

        await anyio.to_thread.run_sync(use)


def test_a_tracker_may_be_made_outside_of_any_event_loop() -> None:
    async def main() -> None:
        async with client, tracker:
            assert (await (await tracker.begin("PUT", GROUP))).status_code == 200

    client = client_of(FakeARM(default=Script(duration_s=5)))
    tracker = azpoll.Tracker(client)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


# Functions and values of other types


@pytest.mark.parametrize("listener", [None, 5, "print"])
async def test_a_listener_that_cannot_be_called_is_refused(listener: Any) -> None:
    async with client_of(FakeARM()) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        with pytest.raises(TypeError, match="listener must be callable, not"):
            tracker.subscribe(listener)
        with pytest.raises(TypeError, match=r"source\.run must be callable, not"):
            tracker.add_hints(listener)
        operation = tracker.track(accepted())
        with pytest.raises(TypeError, match="callback must be callable, not"):
            operation.add_done_callback(listener)


@pytest.mark.parametrize("decode", [5, "json", True])
async def test_a_decode_that_cannot_be_called_is_refused_before_anything_is_sent(decode: Any) -> None:
    arm = FakeARM()
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        with pytest.raises(TypeError, match="decode must be callable, not"):
            await tracker.begin("PUT", THING, decode=decode)
        with pytest.raises(TypeError, match="decode must be callable, not"):
            tracker.track(accepted(), decode=decode)
        with pytest.raises(TypeError, match="decode must be callable, not"):
            tracker.follow("/poll", decode=decode)
    assert not arm.requests


async def test_a_value_of_another_type_is_refused_at_the_call() -> None:
    wrong: Any = 5
    none: Any = None
    async with client_of(FakeARM()) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        with pytest.raises(TypeError, match="resource_id must be text"):
            tracker.hint(wrong)
        with pytest.raises(ValueError, match="resource_id must be the id or URL"):
            tracker.hint(none)
        with pytest.raises(TypeError, match="label must be text"):
            tracker.group(wrong)
        with pytest.raises(TypeError, match="a group needs a Tracker or a Group, not NoneType"):
            azpoll.Group(none)
        with pytest.raises(TypeError, match="as_completed takes operations, not int"):
            azpoll.as_completed([tracker.track(accepted()), wrong])


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"rate": "1"}, TypeError),
        ({"rate": True}, TypeError),
        ({"rate": math.nan}, ValueError),
        ({"max_rate": math.inf}, ValueError),
        ({"burst": None}, TypeError),
        ({"write_rate": True}, TypeError),
        ({"write_burst": math.nan}, ValueError),
        ({"principal": None}, TypeError),
        ({"providers": None}, TypeError),
        ({"providers": [("a", 1.0)]}, TypeError),
        ({"providers": {"a": "1"}}, TypeError),
        ({"providers": {5: 1.0}}, TypeError),
        ({"providers": {"": 1.0}}, TypeError),
        ({"providers": {"a": math.nan}}, ValueError),
    ],
)
def test_an_invalid_budget_is_refused(settings: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"a budget|of a budget"):
        azpoll.Budget(**settings)
