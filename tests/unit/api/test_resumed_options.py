"""A resume token continues tracking with the options that it had (rule 42)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Reply, status_monitor
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING, error_of
from tests.unit.api.test_resume import forged, opened

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

V1 = (
    "eyJ2IjoxLCJtZXRob2QiOiJQVVQiLCJyZXNvdXJjZSI6Imh0dHBzOi8vbWFuYWdlbWVudC5henVyZS5jb20vcj9hcGktdmVyc2lvbj0xIiwi"
    "cGF0dGVybiI6IkF6dXJlLUFzeW5jT3BlcmF0aW9uIiwidXJsIjoiaHR0cHM6Ly9tYW5hZ2VtZW50LmF6dXJlLmNvbS9vcD9hcGktdmVyc2lv"
    "bj0xIn0"
)
OPTIONS: dict[str, Any] = {
    "label": "caf\xe9",
    "pattern": "azure-async-operation",
    "status_member": "state.id",
    "terminal_words": {"Done": "succeeded"},
    "result": "status",
    "cancel_url": f"{GROUP}/stop",
    "cancel_method": "DELETE",
    "poll_headers": {"X-Tenant": "t", "Authorization": CANARY},
    "stored_headers": ["x-tenant"],
}


async def token_of(arm: FakeARM, **options: Any) -> tuple[str, str]:
    """Return the id and the token of a new operation."""
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING, **options)
    return operation.id, operation.resume_token()


def monitor_of(word: str) -> Reply:
    """Return a status document whose status is in a member of its own."""
    return Reply(200, {"state": {"id": word}})


@EACH_LIBRARY
async def test_rule_42_a_resumed_operation_goes_on_with_all_options(library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", polls=[monitor_of("Working"), monitor_of("done")], retry_after=1)
    arm.operation("DELETE", f"{GROUP}/stop", initial=Reply(202))
    operation_id, token = await token_of(arm, **OPTIONS)
    before = len(arm.requests)
    assert CANARY not in json.dumps(opened(token))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        resumed = tracker.resume(token)
        assert (resumed.id, resumed.label) == (operation_id, "caf\xe9")
        assert await resumed.cancel()
        response = await resumed
    assert response.json() == {"state": {"id": "done"}}
    sent = arm.requests[before:]
    assert [request.method for request in sent] == ["DELETE", "GET", "GET"]
    assert {request.headers["x-tenant"] for request in sent} == {"t"}
    assert not [request for request in sent if "authorization" in request.headers]


async def test_rule_42_options_given_to_resume_override_those_of_the_token() -> None:
    arm = FakeARM()
    arm.operation("PUT", polls=[status_monitor("Ready")], retry_after=1)
    _, token = await token_of(arm, **OPTIONS)
    given: dict[str, Any] = {
        "label": "other",
        "status_member": None,
        "terminal_words": {"ready": "failed"},
        "poll_headers": {"X-Tenant": "u"},
        "timeout": 100,
    }
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        resumed = tracker.resume(token, **given)
        assert resumed.label == "other"
        again = opened(resumed.resume_token())
        error = await error_of(resumed)
        assert isinstance(error, azpoll.OperationFailed)
    assert arm.requests[-1].headers["x-tenant"] == "u"
    assert again["poll_headers"] == {"X-Tenant": "u"}
    assert again["words"] == {"ready": "failed"}
    assert "status_member" not in again
    assert again["deadline"] == pytest.approx(time.time() + 100, abs=30)


async def test_rule_50_the_age_of_a_resumed_operation_goes_on_counting(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """The tracker learns the whole time, and the snapshot begins with the resumption."""
    fake_arm.operation("PUT", duration_s=300)
    durations = azpoll.Durations()
    async with azpoll.Tracker(client, durations=durations, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING)
        await anyio.sleep(100)
    assert opened(operation.resume_token())["begun"] == pytest.approx(time.time() - 100, abs=5)
    async with azpoll.Tracker(client, durations=durations) as tracker:
        operation = tracker.resume(operation.resume_token())
        await operation
    assert operation.snapshot().elapsed_s == pytest.approx(200, rel=0.1)
    assert durations.of("PUT", f"{ORIGIN}{THING}").learned.quantile(0.5) == pytest.approx(300, rel=0.1)


async def test_rule_42_a_deadline_goes_on_counting(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """After it has passed, one poll is left; an operation that it has ended may be resumed without it."""
    fake_arm.operation("PUT", duration_s=1000, retry_after=1)
    _, token = await token_of(fake_arm, timeout=50)
    assert opened(token)["deadline"] == pytest.approx(time.time() + 50, abs=5)
    async with azpoll.Tracker(client) as tracker:
        start_s = anyio.current_time()
        assert isinstance(await error_of(tracker.resume(token)), azpoll.OperationTimeout)
        assert anyio.current_time() - start_s == pytest.approx(50, abs=5)
        reads = fake_arm.statistics().reads
        late = forged(token, deadline=1e9, not_before=0)
        error = await error_of(tracker.resume(late))
        assert isinstance(error, azpoll.OperationTimeout)
        assert fake_arm.statistics().reads == reads + 1
        assert "deadline" not in opened(str(error.resume_token))


@pytest.mark.parametrize(
    "url", ["https://evil.example/cancel", "http://management.azure.com/cancel", "https://u@management.azure.com/"]
)
async def test_rule_42_a_forged_cancel_url_is_refused(client: httpx.AsyncClient, fake_arm: FakeARM, url: str) -> None:
    fake_arm.operation("PUT", duration_s=5)
    _, token = await token_of(fake_arm)
    before = fake_arm.requests
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.UntrustedPollingURL):
            tracker.resume(forged(token, cancel_url=url))
        assert fake_arm.requests == before
        assert (await tracker.resume(forged(token, cancel_url=url), cancel_url="/cancel")).status_code == 200


async def test_rule_42_a_token_of_version_1_still_resumes(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        first, second = tracker.resume(V1), tracker.resume(V1, label="mine")
        assert first.id != second.id
        assert (first.label, second.label) == (None, "mine")
        await anyio.sleep(1)
    assert {request.url for request in fake_arm.requests} == {f"{ORIGIN}/op?api-version=1"}


async def test_rule_42_a_group_gives_a_resumed_operation_its_own_label_only_if_it_has_one(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("PUT", duration_s=5)
    _, token = await token_of(fake_arm, label="mine")
    async with azpoll.Tracker(client) as tracker, tracker.group() as plain, tracker.group("ours") as named:
        assert plain.resume(token).label == "mine"
        assert named.resume(token).label == "ours"


async def test_rule_42_a_token_with_signed_urls_has_4_to_9_kb() -> None:
    for location, least, most in ((False, 4_000, 5_000), (True, 8_000, 9_500)):
        arm = FakeARM()
        arm.operation("PUT", duration_s=50, signed=True, location=location)
        _, token = await token_of(arm)
        assert least < len(token) < most


async def test_rule_42_tokens_resumed_in_turn_keep_their_own_options() -> None:
    """Each of them, although tokens with equal options share their settings."""
    arm = FakeARM()
    given: list[dict[str, Any]] = [
        {"label": "a"},
        {"label": "b"},
        {"label": "c", "result": "status"},
        {"terminal_words": {"done": "succeeded"}},
        {"terminal_words": {"done": "failed"}},
        {"cancel_url": "/subscriptions/s/stop", "cancel_method": "DELETE"},
        {"poll_headers": {"x-tenant": "t"}, "stored_headers": ["x-tenant"]},
        {"pattern": "azure-async-operation", "status_member": "state.id"},
        {},
    ]
    for _ in given:
        arm.operation("PUT", polls=[monitor_of("Working")], retry_after=60)
    tokens = [(await token_of(arm, **options))[1] for options in given]
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        again = [tracker.resume(token, owner=f"owner {number}") for number, token in enumerate(tokens)]
        for token, operation in zip(tokens, again, strict=True):
            before, after = opened(token), opened(operation.resume_token())
            assert {name: after[name] for name in after.keys() - {"not_before", "begun"}} == {
                name: before[name] for name in before.keys() - {"not_before", "begun"}
            }
            operation.stop_tracking()
