"""The head of a 2xx initial answer starts an operation, also without its body (rule 53)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.testing import Cut, Drip, FakeARM, Ordinary, Reply
from tests.support.clients import Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import THING

if TYPE_CHECKING:
    from azpoll.options import Method

pytestmark = pytest.mark.anyio

CUT = Cut(5, Ordinary())


@EACH_LIBRARY
@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
async def test_rule_53_a_cut_initial_answer_with_a_polling_header_is_tracked(
    library: Library, method: Method, *, idempotent: bool
) -> None:
    """It is not sent again either."""
    arm = FakeARM()
    arm.operation(method, pattern="azure-async-operation", duration_s=5, initial=CUT)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin(method, THING, json={"a": 1}, idempotent=idempotent)
        assert (await operation).status_code == 200
    assert [request.method for request in arm.requests].count(method) == 1


@EACH_LIBRARY
@pytest.mark.parametrize("code", [200, 201, 202, 206])
async def test_rule_53_without_a_header_the_resource_of_a_put_is_polled(library: Library, code: int) -> None:
    """The body that was cut could say that it is being created."""
    arm = FakeARM()
    cut = Cut(5, Reply(code, {"properties": {"provisioningState": "Creating"}}))
    arm.operation("PUT", pattern="body", duration_s=5, initial=cut)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        result = await (await tracker.begin("PUT", THING, json={}))
    assert result.json()["properties"]["provisioningState"] == "Succeeded"


@EACH_LIBRARY
async def test_rule_53_the_head_of_an_answer_that_is_too_large_is_believed(library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", pattern="body", duration_s=5, initial=Reply(201, {"x": "x" * 1000}))
    async with client_of(arm, library) as client, azpoll.Tracker(client, max_body=900) as tracker:
        assert (await (await tracker.begin("PUT", THING, json={}))).status_code == 200


@EACH_LIBRARY
async def test_rule_53_so_is_that_of_an_answer_that_does_not_end(library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", pattern="body", duration_s=5, initial=Drip(1, 10.0, Reply(201, {"x": "x" * 1000})))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        assert (await (await tracker.begin("PUT", THING, json={}))).status_code == 200


@EACH_LIBRARY
async def test_rule_53_a_cut_answer_to_a_delete_is_its_end(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", initial=Cut(5, Reply(200, {"deleted": True})))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        assert (await (await tracker.begin("DELETE", THING))).status_code == 200


@EACH_LIBRARY
async def test_rule_53_the_cut_result_of_a_post_is_no_result(library: Library) -> None:
    """There is nothing to poll, and its body is lost."""
    arm = FakeARM()
    arm.operation("POST", initial=Cut(5, Reply(200, {"key": "value"})))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="may have executed it"):
            await tracker.begin("POST", THING)


@EACH_LIBRARY
async def test_rule_53_a_cut_refusal_is_still_a_refusal(library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", initial=Cut(5, Reply(409, {"error": {"code": "Conflict"}})))
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING)
