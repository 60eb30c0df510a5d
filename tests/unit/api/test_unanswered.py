"""Rule 53: initial requests without an answer, repeated or resumed, over both HTTP libraries and both event loops."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import chain, repeat
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Cut, Drop, FakeARM, Reply, Script, html_page
from tests.support.breaking_transport import Breaking
from tests.support.clients import LIBRARIES, ORIGIN, Library, client_of
from tests.support.list_journal import ListJournal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.options import Method
    from azpoll.testing import Step

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("library", LIBRARIES)]

THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/things/t1?api-version=1"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DROPS = [Drop(), Drop(reset=True)]
CHANGES = ["PUT", "PATCH", "DELETE"]


def arm_with(*initial: Step, polls: Iterable[Step] | None = None) -> FakeARM:
    """Return a service with these answers to initial requests, the last one repeated, and to GETs of the resource."""
    steps = chain(initial, repeat(initial[-1]))
    resource = None if polls is None else tuple(polls)
    return FakeARM(
        default=lambda _: Script(pattern="body", initial=next(steps), polls=resource, duration_s=0), epoch=EPOCH
    )


def sent(arm: FakeARM, method: Method) -> list[float]:
    """Return the times of the requests with this method."""
    return [request.at_s for request in arm.requests if request.method == method]


def resource(word: str | None = "Succeeded", *, modified_s: float | None = None) -> Reply:
    """Return a resource, last modified that many seconds after the service's epoch."""
    document: dict[str, object] = {"id": "t1", "properties": {} if word is None else {"provisioningState": word}}
    if modified_s is not None:
        modified = EPOCH + timedelta(seconds=modified_s)
        document["systemData"] = {"lastModifiedAt": modified.isoformat().replace("+00:00", "Z")}
    return Reply(200, document)


NOT_FOUND = Reply(404, {"error": {"code": "ResourceNotFound"}})
CONFLICT = Reply(409, {"error": {"code": "AnotherOperationInProgress"}})


async def token_after_a_lost_request(arm: FakeARM, method: Method, library: Library) -> str:
    """Send an initial request that is not answered, and return the resume token of the exception."""
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed) as caught:
            await tracker.begin(method, THING, idempotent=False)
    assert caught.value.resume_token is not None
    return caught.value.resume_token


# Repetition


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_rule_53_a_lost_put_or_delete_is_repeated(library: Library, method: Method, drop: Step) -> None:
    """And tracked from the answer to the repetition (report 26)."""
    accepted = Reply(202, headers={"Azure-AsyncOperation": "{origin}/op?api-version=1"})
    arm = arm_with(drop, Reply(503), accepted)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin(method, THING)
        assert not operation.done()
        operation.stop_tracking()
    assert [round(at_s) for at_s in sent(arm, method)][:3] == [0, 1, 3]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_rule_53_post_and_patch_are_repeated_only_if_idempotent(library: Library, method: Method) -> None:
    """A POST that was not answered raises immediately, without a token: there is nothing to poll."""
    arm = arm_with(Drop(reset=True), Reply(200, {}))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="may have executed it") as caught:
            await tracker.begin(method, THING)
        assert (caught.value.resume_token is None) == (method == "POST")
        assert sent(arm, method) == [0]
    again = arm_with(Drop(reset=True), Reply(200, {}))
    async with client_of(again, library) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin(method, THING, idempotent=True))
    assert len(sent(again, method)) == 2


async def test_an_idempotent_request_without_an_answer_is_given_up_by_rule_25(library: Library) -> None:
    """After ten attempts and ten minutes; the token then tells of the first attempt."""
    arm = arm_with(Drop(), polls=[resource(modified_s=5)])
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed) as caught:
            await tracker.begin("PUT", THING)
        assert len(sent(arm, "PUT")) >= 10
        assert 600 <= anyio.current_time() < 680
        assert caught.value.resume_token is not None
        assert (await tracker.resume(caught.value.resume_token)).status_code == 200


async def test_patience_is_the_bound_of_the_repetitions(library: Library) -> None:
    patience = azpoll.Patience(attempts=3, seconds=0)
    arm = arm_with(Drop())
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING, patience=patience)
    async with client_of(arm, library) as client, azpoll.Tracker(client, patience=patience) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING)
    assert len(sent(arm, "PUT")) == 6


@pytest.mark.parametrize("status_code", [404, 410])
async def test_rule_53_a_repeated_delete_of_nothing_succeeds(library: Library, status_code: int) -> None:
    """The result is that of an immediate DELETE."""
    arm = arm_with(Drop(), Reply(status_code, {"error": {"code": "ResourceNotFound"}}))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        response = await (await tracker.begin("DELETE", THING))
    assert (response.status_code, response.content) == (204, b"")
    assert not sent(arm, "GET")


@pytest.mark.parametrize("first", [NOT_FOUND, html_page(404)])
async def test_a_delete_of_nothing_fails_unless_it_is_repeated(library: Library, first: Step) -> None:
    arm = arm_with(first)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="404") as caught:
            await tracker.begin("DELETE", THING)
    assert caught.value.resume_token is None


async def test_a_delete_of_nothing_after_a_429_fails(library: Library) -> None:
    """The service did not execute the first one."""
    arm = arm_with(Reply(429, retry_after=1), NOT_FOUND)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="404"):
            await tracker.begin("DELETE", THING)


@pytest.mark.parametrize(("method", "status_code"), [("DELETE", 404), ("PUT", 409), ("PUT", 412)])
async def test_rule_53_a_request_after_a_refused_connection_is_no_repetition(
    library: Library, method: Method, status_code: int
) -> None:
    """The service has not seen the first attempt, so its answer speaks of nothing but this one."""
    arm = arm_with(Reply(status_code, {"error": {"code": "Refused"}}))
    refusing = Breaking(arm, library, import_module(library).ConnectError("refused"), method, times=1)
    async with client_of(arm, library, transport=refusing) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="did not execute it") as caught:
            await tracker.begin(method, THING)
    assert len(sent(arm, method)) == 1
    assert (caught.value.may_have_acted, caught.value.resume_token) == (False, None)


async def test_rule_53_the_sending_is_not_that_of_a_refused_connection(library: Library) -> None:
    """Another caller modified the resource between the two attempts."""
    arm = arm_with(Drop(), polls=[resource(modified_s=-20)])  # its clock begins at the first request that arrives
    refusing = Breaking(arm, library, import_module(library).ConnectError("refused"), "PUT", times=7)
    patience = azpoll.Patience(attempts=8, seconds=0)
    async with client_of(arm, library, transport=refusing) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed) as caught:
            await tracker.begin("PUT", THING, patience=patience)
        assert caught.value.resume_token is not None
        assert sent(arm, "PUT")[0] > 60
        with pytest.raises(azpoll.PollingError, match="lastModifiedAt"):
            await tracker.resume(caught.value.resume_token)


@pytest.mark.parametrize("conflict", [CONFLICT, Reply(412)])
async def test_rule_53_a_repeated_put_that_conflicts_is_tracked_at_the_resource(
    library: Library, conflict: Reply
) -> None:
    """The first one was accepted: the resource was modified after it was sent."""
    polls = [resource("Updating"), resource("Updating", modified_s=5), resource(modified_s=5)]
    arm = arm_with(Drop(), conflict, polls=polls)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        assert (await operation).json()["properties"] == {"provisioningState": "Succeeded"}
    assert len(sent(arm, "GET")) == 3


async def test_rule_53_a_tracked_put_stays_unknown_where_the_resource_tells_nothing(library: Library) -> None:
    arm = arm_with(Drop(), CONFLICT, polls=[resource("Updating"), resource()])
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        with pytest.raises(azpoll.PollingError, match="may have executed") as caught:
            await operation
    assert caught.value.response is not None
    assert json.loads(caught.value.response.content)["id"] == "t1"
    assert caught.value.resume_token is not None


async def test_a_refused_repetition_has_a_token_and_the_reason(library: Library) -> None:
    """A lock may have come after an attempt that the service accepted."""
    arm = arm_with(Drop(), Reply(409, {"error": {"code": "ScopeLocked", "message": "locked"}}), polls=[NOT_FOUND])
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed) as caught:
            await tracker.begin("DELETE", THING)
        assert caught.value.code == "ScopeLocked"
        assert caught.value.resume_token is not None
        assert (await tracker.resume(caught.value.resume_token)).status_code == 204


# Resumption, in another tracker


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("method", CHANGES)
async def test_rule_53_an_unanswered_request_leaves_a_token_that_polls_the_resource(
    library: Library, method: Method, drop: Step
) -> None:
    arm = arm_with(drop, polls=[NOT_FOUND if method == "DELETE" else resource(modified_s=5)])
    token = await token_after_a_lost_request(arm, method, library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        response = await tracker.resume(token)
    assert response.status_code == (204 if method == "DELETE" else 200)
    assert [request.url for request in arm.requests if request.method == "GET"] == [f"{ORIGIN}{THING}"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("modified_s", [None, -3600, -1])
@pytest.mark.parametrize("word", ["Succeeded", "Failed", "Canceled", None])
async def test_rule_53_a_resource_that_may_be_old_is_no_verdict(
    library: Library, method: Method, word: str | None, modified_s: float | None
) -> None:
    answer = resource(word, modified_s=modified_s)
    arm = arm_with(Drop(), polls=[answer])
    token = await token_after_a_lost_request(arm, method, library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.resume(token)
        with pytest.raises(azpoll.PollingError, match="lastModifiedAt") as caught:
            await operation
    assert type(caught.value) is azpoll.PollingError
    assert "cannot be followed" in str(caught.value)
    assert caught.value.response is not None
    assert json.loads(caught.value.response.content) == answer.document()
    assert caught.value.resume_token is not None


@pytest.mark.parametrize(
    ("word", "error"), [("Failed", azpoll.OperationFailed), ("Canceled", azpoll.OperationCanceled)]
)
async def test_rule_53_a_failure_after_the_request_is_one_of_the_operation(
    library: Library, word: str, error: type[azpoll.AzpollError]
) -> None:
    arm = arm_with(Drop(), polls=[resource("Updating"), resource(word, modified_s=5)])
    token = await token_after_a_lost_request(arm, "PUT", library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(error):
            await tracker.resume(token)


async def test_a_resumed_operation_that_runs_for_long_knows_when_it_was_sent(library: Library) -> None:
    """A token that is made later tells the time of the sending too."""
    arm = arm_with(Drop(), polls=[*[resource("Updating")] * 8, resource(modified_s=5)])
    token = await token_after_a_lost_request(arm, "PUT", library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.resume(token)
        await anyio.sleep(20)
        token = operation.resume_token()
        operation.stop_tracking()
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        assert (await tracker.resume(token)).status_code == 200


async def test_rule_53_a_resource_that_stays_after_a_delete_is_unknown(library: Library) -> None:
    """It has a minute to disappear, or to say that it is being deleted."""
    arm = arm_with(Drop(), polls=[resource()])
    token = await token_after_a_lost_request(arm, "DELETE", library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.resume(token)
        with pytest.raises(azpoll.PollingError, match="it exists") as caught:
            await operation
        assert 60 <= anyio.current_time() < 120
    assert caught.value.response is not None
    assert caught.value.response.status_code == 200


async def test_a_resource_that_is_being_deleted_is_polled_until_it_is_gone(library: Library) -> None:
    polls = [resource(), *[resource("Deleting")] * 20, resource(), NOT_FOUND]
    arm = arm_with(Drop(), polls=polls)
    token = await token_after_a_lost_request(arm, "DELETE", library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        assert (await tracker.resume(token)).status_code == 204


@pytest.mark.parametrize("step", [Reply(503), Reply(500), Cut(step=Reply(503, {"error": {"code": "Busy"}}))])
async def test_a_server_error_leaves_a_token_too(library: Library, step: Step) -> None:
    """The service may have executed the request."""
    arm = arm_with(step, polls=[resource(modified_s=5)])
    token = await token_after_a_lost_request(arm, "PUT", library)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        assert (await tracker.resume(token)).status_code == 200


@pytest.mark.parametrize("status_code", [400, 401, 403, 404, 409, 429])
async def test_a_refused_request_leaves_no_token(library: Library, status_code: int) -> None:
    arm = arm_with(Reply(status_code))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed) as caught:
            await tracker.begin("PUT", THING, idempotent=False)
    assert caught.value.resume_token is None


async def test_the_journal_keeps_the_intent_of_a_request_without_an_answer(library: Library) -> None:
    journal = ListJournal()
    arm = arm_with(Drop())
    async with client_of(arm, library) as client, azpoll.Tracker(client, journal=journal) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING)
    assert journal.names == ["intent"]


async def test_the_journal_has_the_row_of_a_tracked_conflict(library: Library) -> None:
    journal = ListJournal()
    arm = arm_with(Drop(), CONFLICT, polls=[resource(modified_s=5)])
    async with client_of(arm, library) as client, azpoll.Tracker(client, journal=journal) as tracker:
        await (await tracker.begin("PUT", THING))
    assert journal.names == ["intent", "started", "ended"]
