"""A hook that raises for a status hides no answer (rule 51)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll.protocol.answer import Answer, FailureKind
from azpoll.testing import Cut, FakeARM, Reply, status_monitor
from azpoll.transport.client import ClientTransport
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import THING

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.anyio

CONFLICT = {"error": {"code": "Conflict", "message": "in use"}}


async def raise_for_status(response: Any) -> None:
    """As httpx's documentation shows it."""
    response.raise_for_status()


RAISING: Mapping[str, Any] = {"response": [raise_for_status]}


@EACH_LIBRARY
async def test_rule_51_a_refused_initial_request_has_the_error_of_the_service(library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", initial=Reply(409, CONFLICT))
    async with client_of(arm, library, event_hooks=RAISING) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="in use") as caught:
            await tracker.begin("PUT", THING)
    assert (caught.value.code, caught.value.status_code) == ("Conflict", 409)


@EACH_LIBRARY
async def test_rule_51_so_has_one_that_the_client_was_redirected_to(library: Library) -> None:
    """A hook that raises for redirects too would not let the client follow them."""

    async def raise_for_error(response: Any) -> None:
        if response.is_error:
            response.raise_for_status()

    arm = FakeARM()
    arm.operation("PUT", initial=Reply(307, headers={"Location": f"{ORIGIN}/other"}))
    arm.operation("PUT", "/other", initial=Reply(409, CONFLICT))
    hooks: Mapping[str, Any] = {"response": [raise_for_error]}
    async with client_of(arm, library, event_hooks=hooks) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="did not execute it") as caught:
            await tracker.begin("PUT", THING, follow_redirects=True)
    assert (caught.value.status_code, caught.value.may_have_acted) == (409, False)
    assert caught.value.response is not None
    assert str(caught.value.response.request.url) == f"{ORIGIN}/other"


@EACH_LIBRARY
async def test_rule_51_each_kind_of_answer_is_read_as_without_the_hook(library: Library) -> None:
    """A 503 is repeated, a redirect is followed, and a 401 renews the credential."""
    arm = FakeARM()
    polls = [Reply(503, CONFLICT), Reply(307, headers={"Location": "{poll_url}&hop=1"}), status_monitor("Failed")]
    arm.operation("PUT", retry_after=1, polls=polls)
    async with client_of(arm, library, event_hooks=RAISING) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.OperationFailed):
            await (await tracker.begin("PUT", THING))
    assert len(arm.requests) == 4


@EACH_LIBRARY
async def test_rule_51_the_body_is_read_before_response_hooks_run(library: Library) -> None:
    """All that httpx lets a hook do with a body works, and the elapsed time is known."""
    seen: list[object] = []

    async def look(response: Any) -> None:
        seen.extend(
            [
                await response.aread(),
                response.text,
                response.json(),
                b"".join([part async for part in response.aiter_bytes()]),
            ]
        )
        assert response.elapsed.total_seconds() >= 0
        assert response.headers["x-kept"] == "1"

    arm = FakeARM()
    arm.operation("DELETE", polls=[Reply(200, {"status": "Succeeded"}, headers={"x-kept": "1"})])
    async with client_of(arm, library) as client:
        url = (await client.delete(THING)).headers["azure-asyncoperation"]
        client.event_hooks = {"response": [look]}
        answer = await ClientTransport(client).poll("GET", url)
    assert isinstance(answer, Answer)
    body = answer.body
    assert seen == [body, body.decode(), {"status": "Succeeded"}, body]


@EACH_LIBRARY
async def test_rule_51_the_response_of_another_request_is_not_the_answer(library: Library) -> None:
    """A hook that calls a webhook, which refuses it, has not shown the answer to the poll."""
    arm, webhook = FakeARM(), FakeARM()

    async def notify(_: Any) -> None:
        async with client_of(webhook, library) as client:
            (await client.get("/gone")).raise_for_status()

    async with client_of(arm, library, event_hooks={"response": [notify]}) as client:
        failure = await ClientTransport(client).poll("GET", "https://management.azure.com/poll")
    assert not isinstance(failure, Answer)
    assert failure.kind is FailureKind.HOOK


@EACH_LIBRARY
async def test_rule_51_request_hooks_run_once_for_each_request_of_an_auth(library: Library) -> None:
    heard: list[str] = []

    async def sent(request: Any) -> None:
        heard.append(request.method)

    arm = FakeARM()
    auth = ("name", "word")
    async with client_of(arm, library, auth=auth, event_hooks={"request": [sent]}) as client:
        await ClientTransport(client).poll("GET", "https://management.azure.com/poll")
    assert heard == ["GET"]


@EACH_LIBRARY
async def test_no_response_hook_sees_a_body_that_was_cut(library: Library) -> None:
    arm = FakeARM()
    cut = Cut(5, Reply(200, {"status": "Succeeded"}, retry_after=30))
    arm.operation("DELETE", retry_after=1, polls=[cut, status_monitor("Succeeded")])
    async with client_of(arm, library, event_hooks=RAISING) as client, azpoll.Tracker(client) as tracker:
        assert (await (await tracker.begin("DELETE", THING))).status_code == 200
    first, second = (request.at_s for request in arm.requests if request.method == "GET")
    assert second - first >= 30, "the head counts"


@EACH_LIBRARY
async def test_rule_51_an_instrumented_client_reads_the_status_and_the_headers(library: Library) -> None:
    """It sends by itself, so the body is lost where the hook did not read it."""
    arm = FakeARM()
    arm.operation("PUT", initial=Reply(409, CONFLICT, headers={"x-ms-error-code": "Busy"}))
    client = client_of(arm, library, event_hooks=RAISING)
    own: Any = client.send

    async def send(request: Any, **options: Any) -> Any:
        return await own(request, **options)

    setattr(client, "send", send)  # noqa: B010 - as an instrument does
    async with client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="HTTP 409") as caught:
            await tracker.begin("PUT", THING)
    assert caught.value.code == "Busy"
