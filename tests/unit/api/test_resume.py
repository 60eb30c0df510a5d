"""Resume tokens work in other trackers, are not trusted, and cause no early poll (rules 9, 42)."""

from __future__ import annotations

import base64
import json

import anyio
import httpx
import pytest

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, Pattern, Reply, Script, run_virtual, status_monitor
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING, error_of, path_of, polls_of, until

pytestmark = pytest.mark.anyio

KEY = b"sixteen or more bytes"


def opened(token: str) -> dict[str, object]:
    """Return the members of a token."""
    text = token.partition(".")[0]
    members: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return members


def forged(token: str, **changes: object) -> str:
    """Return a token with changed members and without a signature."""
    text = json.dumps({**opened(token), **changes}).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def judge(arm: FakeARM) -> None:
    """Assert that no poll was early, with a tolerance for the real time between making and using a token."""
    arm.no_early_polls()
    arm.one_request_at_a_time()


@EACH_LIBRARY
@pytest.mark.parametrize("pattern", ["azure-async-operation", "operation-location", "location", "body"])
async def test_another_tracker_resumes_where_the_first_stopped(pattern: Pattern, library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", pattern=pattern, duration_s=100, retry_after=17)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING, headers={"x-ms-client-request-id": "mine"})
        await until(40)
    token = operation.resume_token()
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        resumed = tracker.resume(token, label="again", decode=lambda response: response.json())
        assert resumed.id == operation.id
        assert resumed.label == "again"
        assert (await resumed)["properties"]["provisioningState"] == "Succeeded"
    judge(arm)
    arm.no_requests_after_end()
    assert {request.headers["x-ms-client-request-id"] for request in arm.requests} == {"mine"}


async def test_every_error_of_a_running_operation_has_a_token_without_early_polls(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(duration_s=100, retry_after=17)
    tokens: list[str | None] = []
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        waited, stopped, left, canceling = [
            await tracker.begin("DELETE", path_of(n), cancel_url="/cancel") for n in range(4)
        ]
        await until(20)
        assert await canceling.cancel()
        tokens.append(canceling.resume_token())
        with pytest.raises(azpoll.OperationTimeout) as caught:
            await waited.wait(1)
        tokens.append(caught.value.resume_token)
        stopped.stop_tracking()
        tokens.append((await error_of(stopped)).resume_token)
    tokens.append((await error_of(left)).resume_token)
    async with azpoll.Tracker(client) as tracker:
        for token in tokens:
            assert token is not None
            tracker.resume(token)
    assert tracker.statistics().succeeded == 4
    judge(fake_arm)


async def test_a_token_made_during_a_cancel_keeps_the_time_of_the_next_poll() -> None:
    arm = FakeARM(latency_s=3)
    arm.operation("DELETE", duration_s=100, retry_after=17)
    tokens: list[str] = []
    async with client_of(arm) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            operation = await tracker.begin("DELETE", THING, cancel_url="/cancel")
            async with anyio.create_task_group() as tasks:

                async def ask() -> None:
                    with pytest.raises(azpoll.CancelFailed):
                        await operation.cancel()

                tasks.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                tokens.append(operation.resume_token())
        async with azpoll.Tracker(client) as tracker:
            tracker.resume(tokens[0])
    judge(arm)


async def test_a_token_after_the_deadline_keeps_the_servers_retry_after(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """The deadline ends the wait; it does not allow an earlier poll."""
    fake_arm.operation("DELETE", duration_s=100, retry_after=60)
    async with azpoll.Tracker(client) as tracker:
        error = await error_of(await tracker.begin("DELETE", THING, timeout=20))
        assert isinstance(error, azpoll.OperationTimeout)
        assert error.resume_token is not None
        assert (await tracker.resume(error.resume_token)).status_code == 200
    judge(fake_arm)


async def test_an_unread_result_can_be_resumed(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5, retry_after=10, finals=[Reply(503)])
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING)
        await until(10.5)
        assert operation.state is azpoll.OperationState.FETCHING
    async with azpoll.Tracker(client) as tracker:
        resumed = tracker.resume(operation.resume_token())
        assert resumed.state is azpoll.OperationState.FETCHING
        assert (await resumed).json()["properties"]["provisioningState"] == "Succeeded"


async def test_a_failed_operation_can_be_resumed_but_not_a_succeeded_one(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    def script(request: IncomingRequest) -> Script:
        return Script(duration_s=5, outcome="Failed" if request.path[-1] == "1" else "Done")

    fake_arm.default = script
    async with azpoll.Tracker(client) as tracker:
        failed = await tracker.begin("DELETE", path_of(1))
        error = await error_of(failed)
        assert error.resume_token
        assert isinstance(await error_of(tracker.resume(error.resume_token)), azpoll.OperationFailed)
        done = await tracker.begin("DELETE", path_of(2), terminal_words={"done": "succeeded"}, label="mine")
        await done
        with pytest.raises(ValueError, match=r"'mine'.*nothing to resume"):
            done.resume_token()


async def test_an_untrusted_url_can_be_resumed_once_it_is_trusted(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    elsewhere = "https://status.example"
    fake_arm.operation("DELETE", polls=[Reply(200, {"status": "Running"}, {"Azure-AsyncOperation": f"{elsewhere}/1"})])
    async with azpoll.Tracker(client) as tracker:
        error = await error_of(await tracker.begin("DELETE", THING))
        assert isinstance(error, azpoll.UntrustedPollingURL)
        fake_arm.no_requests_elsewhere(ORIGIN)
        assert error.resume_token is not None
        again = tracker.resume(error.resume_token)  # without trust the last trusted URL is polled
        assert isinstance(await error_of(again), azpoll.UntrustedPollingURL)
        fake_arm.no_requests_elsewhere(ORIGIN)
    async with azpoll.Tracker(client, allowed_origins=[elsewhere], on_exit="stop") as tracker:
        tracker.resume(error.resume_token)
        await anyio.sleep(5)
    fake_arm.no_requests_elsewhere(ORIGIN, elsewhere)
    assert any(request.url.startswith(elsewhere) for request in fake_arm.requests)


# Trust


async def test_a_token_may_only_name_origins_of_the_caller() -> None:
    """Rule 42: the origins of the caller count, not those of the token."""
    arm = FakeARM(default=Script(duration_s=50))
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        token = (await tracker.begin("DELETE", f"{THING}&key={CANARY}")).resume_token()
    reads = arm.statistics().reads
    async with client_of(arm, base_url="https://other.example") as client:
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(
                azpoll.UntrustedPollingURL, match=r"nothing was sent.*list it in allowed_origins"
            ) as caught:
                tracker.resume(token)
            assert CANARY not in str(caught.value)
            assert ORIGIN in str(caught.value)
        async with azpoll.Tracker(client, allowed_origins=[ORIGIN], on_exit="stop") as tracker:
            tracker.resume(token)
    async with client_of(arm, base_url="") as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.UntrustedPollingURL):
            tracker.resume(token)
    assert arm.statistics().reads == reads


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url": "https://evil.example/x"}, azpoll.UntrustedPollingURL),
        ({"url": "http://management.azure.com/x"}, azpoll.UntrustedPollingURL),
        ({"url": "https://management.azure.com:8443/x"}, azpoll.UntrustedPollingURL),
        ({"url": f"https://u:{CANARY}@management.azure.com/x"}, azpoll.UntrustedPollingURL),
        ({"url": "https://management.azure.com@evil.example/x"}, azpoll.UntrustedPollingURL),
        ({"location": "https://evil.example/x"}, azpoll.UntrustedPollingURL),
        ({"fallback": "https://evil.example/x"}, azpoll.UntrustedPollingURL),
        ({"resource": "https://evil.example/x"}, azpoll.UntrustedPollingURL),
        ({"resource": "http://management.azure.com/x"}, azpoll.UntrustedPollingURL),
        ({"resource": f"https://u:{CANARY}@management.azure.com/x"}, azpoll.UntrustedPollingURL),
        ({"resource": f"{ORIGIN}/x#fragment"}, azpoll.UntrustedPollingURL),
        ({"resource": f"{ORIGIN}/{'x' * 9000}"}, azpoll.UntrustedPollingURL),
        ({"resource": "/x"}, azpoll.InvalidResumeToken),
        ({"resource": "nonsense"}, azpoll.InvalidResumeToken),
        ({"resource": f"https://x:{CANARY}/"}, azpoll.InvalidResumeToken),
        ({"method": "HEAD"}, azpoll.InvalidResumeToken),
        ({"pattern": "guess"}, azpoll.InvalidResumeToken),
        ({"via": "guess"}, azpoll.InvalidResumeToken),
        ({"v": 3}, azpoll.InvalidResumeToken),
        ({"v": True}, azpoll.InvalidResumeToken),
        ({"not_before": 1e30}, azpoll.InvalidResumeToken),
        ({"not_before": "soon"}, azpoll.InvalidResumeToken),
        ({"url": None}, azpoll.InvalidResumeToken),
        ({"extra": 1}, azpoll.InvalidResumeToken),
        ({"request_id": "a\r\nb"}, azpoll.InvalidResumeToken),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_forged_token_sends_nothing_elsewhere(changes: dict[str, object], error: type[Exception]) -> None:
    arm = FakeARM(default=Script(duration_s=50))
    async with client_of(arm, headers={"Authorization": CANARY}) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            token = (await tracker.begin("PUT", THING, final_state_via="original-uri")).resume_token()
        reads = arm.statistics().reads
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(error) as caught:
                tracker.resume(forged(token, **changes))
            assert CANARY not in str(caught.value)
            assert tracker.statistics().tracked == 0
    assert arm.statistics().reads == reads
    arm.no_requests_elsewhere(ORIGIN)


async def test_a_far_time_in_a_forged_token_is_capped_at_an_hour(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=5)
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        token = (await tracker.begin("DELETE", THING)).resume_token()
    async with azpoll.Tracker(client) as tracker:
        tracker.resume(forged(token, not_before=9e10))
    assert polls_of(fake_arm) == pytest.approx([3600], abs=1)


async def test_a_signed_token_needs_its_key_and_cannot_be_changed(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=50)
    async with azpoll.Tracker(client, on_exit="stop", token_key=KEY) as tracker:
        token = (await tracker.begin("DELETE", THING)).resume_token()
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InvalidResumeToken, match="it is signed"):
            tracker.resume(token)
    async with azpoll.Tracker(client, token_key=b"another key of some length") as tracker:
        with pytest.raises(azpoll.InvalidResumeToken, match="not signed with this key"):
            tracker.resume(token)
    async with azpoll.Tracker(client, token_key=KEY) as tracker:
        payload, _, signature = token.partition(".")
        other = f"{forged(token, url=f'{ORIGIN}/other')}.{signature}"
        for changed in (payload, f"{payload}.", other, f"{payload}.{signature[:-1]}", f"{payload}.{signature}x"):
            with pytest.raises(azpoll.InvalidResumeToken, match="not signed with this key"):
                tracker.resume(changed)
        for place in range(0, len(token), 7):
            letter = "A" if token[place] != "A" else "B"
            with pytest.raises(azpoll.InvalidResumeToken):
                tracker.resume(token[:place] + letter + token[place + 1 :])
        assert (await tracker.resume(f" {token}\n")).status_code == 200


@EACH_LIBRARY
@pytest.mark.parametrize(
    "query", [f"&t={'x' * 8000}", "#place", "&filter=name eq 'a\\b' or \u00e9"], ids=["long", "", "odd"]
)
async def test_an_operation_with_any_initial_url_can_be_resumed(query: str, library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=50, retry_after=10)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING + query)
        operation.stop_tracking()
        assert (await tracker.resume(operation.resume_token())).status_code == 200
    judge(arm)


@pytest.mark.parametrize(("text", "kind"), [(None, "NoneType"), (b"abc", "bytes"), (3, "int")])
async def test_a_token_that_is_no_text_is_refused_as_such(client: httpx.AsyncClient, text: object, kind: str) -> None:
    """An error without a token has `resume_token` None."""
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InvalidResumeToken, match=f"it is of type {kind}, not text"):
            tracker.resume(text)  # type: ignore[call-overload]  # - the wrong type is tested


async def test_a_truncated_token_and_one_of_a_megabyte_are_refused(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(duration_s=50)
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        token = (await tracker.begin("DELETE", THING)).resume_token()
        for length in range(0, len(token), 3):
            with pytest.raises(azpoll.InvalidResumeToken):
                tracker.resume(token[:length])
        for text in ("x" * 2**20, token * 4000, "[" * 2**20, base64.b64encode(b"[" * 12_000).decode()):
            with pytest.raises(azpoll.InvalidResumeToken) as caught:
                tracker.resume(text)
            assert len(str(caught.value)) < 500


async def test_a_token_holds_no_header_body_or_credential() -> None:
    arm = FakeARM(default=Script(duration_s=50))
    async with (
        client_of(arm, headers={"Authorization": CANARY, "Cookie": CANARY}) as client,
        azpoll.Tracker(client, on_exit="stop") as tracker,
    ):
        operation = await tracker.begin(
            "PUT", THING, json={"secret": CANARY}, headers={"x": CANARY}, poll_headers={"y": CANARY}
        )
        await anyio.sleep(10)
        members = opened(operation.resume_token())
    assert CANARY not in str(members)
    known = {"v", "id", "method", "resource", "pattern", "url", "location", "request_id", "not_before", "begun"}
    assert members.keys() <= known


async def test_options_are_passed_again_but_final_state_via_is_in_the_token(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("POST", duration_s=50, location=True)
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("POST", GROUP, final_state_via="azure-async-operation")
    token = operation.resume_token()
    async with azpoll.Tracker(client) as tracker:
        assert "status" in (await tracker.resume(token)).json()
        assert "status" not in (await tracker.resume(token, final_state_via="location")).json()
        with pytest.raises(azpoll.OperationTimeout):
            await tracker.resume(forged(token, not_before=9e10), timeout=5)


async def test_the_same_token_can_be_resumed_twice(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Each handle polls for itself."""
    fake_arm.operation("DELETE", duration_s=50, retry_after=10)
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        token = (await tracker.begin("DELETE", THING)).resume_token()
    async with azpoll.Tracker(client) as tracker:
        one, two = tracker.resume(token), tracker.resume(token)
        assert (await one).status_code == (await two).status_code == 200


async def test_requests_go_to_a_gateway_in_place_of_arm() -> None:
    """Rule 10."""
    gateway = "https://gateway.example"
    arm = FakeARM()
    polling_url = f"{ORIGIN}/operationStatuses/1?api-version=1"
    arm.operation("DELETE", initial=Reply(202, headers={"Azure-AsyncOperation": polling_url}))
    async with (
        client_of(arm, base_url=gateway) as client,
        azpoll.Tracker(client, rebase_to=f"{gateway}/arm", on_exit="stop") as tracker,
    ):
        operation = await tracker.begin("DELETE", "/thing")
        await anyio.sleep(3)
        assert not operation.done()
        tracker.resume(operation.resume_token())
    polled = {request.url for request in arm.requests if "operationStatuses" in request.url}
    assert polled == {f"{gateway}/arm/operationStatuses/1?api-version=1"}


async def test_a_gateway_may_be_set_after_the_initial_request_went_to_arm(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """The caller sets `rebase_to`, so it is trusted."""
    gateway = "https://gateway.example"
    fake_arm.operation("DELETE", initial=Reply(202, headers={"Azure-AsyncOperation": f"{ORIGIN}/o/1"}))
    async with azpoll.Tracker(client, rebase_to=gateway, on_exit="stop") as tracker:
        await tracker.begin("DELETE", "/thing")
        await anyio.sleep(3)
    assert {request.url for request in fake_arm.requests if "/o/1" in request.url} == {f"{gateway}/o/1"}


def test_a_response_of_one_library_may_be_tracked_by_a_client_of_the_other() -> None:
    """The tracker uses only attributes that both libraries share."""

    async def main() -> None:
        arm = FakeARM()
        arm.operation("PUT", polls=[status_monitor("Succeeded")])
        async with client_of(arm, "httpx2") as one, client_of(arm) as two, azpoll.Tracker(two) as tracker:
            assert isinstance(await tracker.track(await one.put(THING)), httpx.Response)

    run_virtual(main)
