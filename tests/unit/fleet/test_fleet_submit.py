"""`Fleet.submit`: operations are stored once each, in shards of one scope."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit, urlunsplit

import pytest

import azpoll
from azpoll.fleet import Fleet, FleetError, FleetUnavailable
from azpoll.fleet.submission import SHARD_SIZE
from azpoll.operation_state import OperationState
from tests.support.canary import CANARY
from tests.support.fleet_work import GROUP, quick_arm, quick_tracker, responses_of, service, working

if TYPE_CHECKING:
    import httpx

    from azpoll import TrackingOptions
    from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.anyio


async def tokens_of(
    client: httpx.AsyncClient, fleet: Fleet, count: int, **options: Unpack[TrackingOptions]
) -> list[str]:
    """Return the resume tokens of new operations."""
    async with quick_tracker(client, fleet) as tracker:
        responses = await responses_of(client, count)
        operations = [tracker.track(response, **options) for response in responses]
        return [operation.resume_token() for operation in operations]


async def test_responses_are_tracked_and_their_results_read(fleet: Fleet) -> None:
    async with service(quick_arm(result={"answer": 42})) as client:
        ids = await fleet.submit(await responses_of(client, 3), group="blue", label="three")
        async with working(fleet, client):
            results = await fleet.wait(ids, timeout=20)
    assert [result.operation_id for result in results] == ids
    for result in results:
        assert result.state is OperationState.SUCCEEDED
        assert (result.group, result.label, result.status_code) == ("blue", "three", 200)
        assert result.body == b'{"answer":42}'
        assert (result.body_length, result.error, result.token) == (13, None, None)
        assert CANARY not in repr(result)


async def test_tokens_keep_their_ids_and_labels(fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        tokens = await tokens_of(client, fleet, 2, label="mine")
        ids = await fleet.submit(tokens)
        async with working(fleet, client):
            results = await fleet.wait(ids, timeout=20)
    assert len(set(ids)) == 2
    assert {result.label for result in results} == {"mine"}


async def test_tokens_and_responses_keep_their_order(fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        tokens = await tokens_of(client, fleet, 2)
        (response,) = await responses_of(client, 1)
        first, middle, last = await fleet.submit([tokens[0], response, tokens[1]])
        assert await fleet.submit(tokens) == [first, last]
    assert middle not in {first, last}


async def test_an_operation_is_stored_once(fleet: Fleet) -> None:
    """Twice in one call, again in a second call, and again after its end."""
    async with service(quick_arm()) as client:
        tokens = await tokens_of(client, fleet, 2)
        ids = await fleet.submit([*tokens, tokens[0]])
        assert ids[0] == ids[2]
        assert await fleet.submit(tokens) == ids[:2]
        counts = await fleet.statistics()
        assert (counts.running, counts.shards.queued) == (2, 1)
        async with working(fleet, client):
            before = await fleet.wait(ids, timeout=20)
        await fleet.submit(tokens)
        counts = await fleet.statistics()
        assert (counts.running, counts.succeeded, counts.shards.queued) == (0, 2, 0)
        assert await fleet.wait(ids) == before


async def test_an_operation_of_unknown_status_may_be_submitted_again(fleet: Fleet) -> None:
    async with service(quick_arm(duration_s=30.0)) as client:
        tokens = await tokens_of(client, fleet, 1, timeout=0.1)
        ids = await fleet.submit(tokens)
        async with working(fleet, client):
            (unknown,) = await fleet.wait(ids, timeout=20)
        assert unknown.state is OperationState.UNKNOWN
        assert unknown.token is not None
        assert "did not end in time" in (unknown.error or "")
        assert await fleet.submit([unknown.token]) == ids
        counts = await fleet.statistics()
        assert (counts.running, counts.unknown, counts.shards.queued) == (1, 0, 1)


async def test_a_shard_has_one_scope_and_a_limited_size(fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        many = await responses_of(client, SHARD_SIZE + 1, "a")
        few = await responses_of(client, 2, "b")
        ids = await fleet.submit([few[0], *many, few[1]])
        counts = await fleet.statistics()
    assert len(set(ids)) == SHARD_SIZE + 3
    assert (counts.running, counts.shards.queued) == (SHARD_SIZE + 3, 3)


async def test_statistics_name_each_worker_and_the_last_result(fleet: Fleet) -> None:
    arm = quick_arm()
    arm.operation("PUT", f"{GROUP}/g0", duration_s=0.0, retry_after=0)
    arm.operation("PUT", f"{GROUP}/g1", duration_s=60.0, retry_after=0)
    async with service(arm) as client:
        ended, _ = await fleet.submit(await responses_of(client, 2))
        before = await fleet.statistics()
        async with working(fleet, client):
            (result,) = await fleet.wait([ended], timeout=20)
            counts = await fleet.statistics()
        after = await fleet.statistics()
    (worker,) = counts.workers
    assert (worker.shards, counts.last_result) == (1, result.number)
    assert 0.0 <= worker.silent_s < 20.0
    assert (before.workers, before.last_result, after.workers) == ((), 0, ())


async def test_a_response_that_is_the_end_needs_no_worker(fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        response = await client.get("/subscriptions/s/resourceGroups/none")
        response = httpx_response(response.request.url, 200)
        (done,) = await fleet.submit([response], group="g")
    (result,) = await fleet.wait([done])
    assert (result.state, result.body, result.group) == (OperationState.SUCCEEDED, b'{"done":true}', "g")
    counts = await fleet.statistics()
    assert (counts.running, counts.shards.queued) == (0, 0)


async def test_nothing_is_stored_of_bad_input(fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        (token,) = await tokens_of(client, fleet, 1)
        with pytest.raises(azpoll.InvalidResumeToken):
            await fleet.submit([token, "no token"])
        responses = await responses_of(client, 1)
        with pytest.raises(TypeError, match="'interval'"):
            await fleet.submit(responses, interval=5.0)
        refused = httpx_response(responses[0].request.url, 409)
        with pytest.raises(azpoll.InitialRequestFailed):
            await fleet.submit([token, refused])
    assert (await fleet.statistics()).running == 0


async def test_a_token_with_a_credential_is_refused(fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        headers = {"X-Api-Key": CANARY}
        (token,) = await tokens_of(client, fleet, 1, poll_headers=headers, stored_headers=["X-Api-Key"])
        with pytest.raises(ValueError, match="'x-api-key'") as refused:
            await fleet.submit([token])
    assert CANARY not in str(refused.value)
    assert (await fleet.statistics()).running == 0


async def test_signed_tokens_need_their_key(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        async with quick_tracker(client, fleet, token_key=b"k") as tracker:
            (response,) = await responses_of(client, 1)
            token = tracker.track(response).resume_token()
        with pytest.raises(azpoll.InvalidResumeToken):
            await fleet.submit([token])
        async with Fleet.connect(dsn, token_key=b"k") as signed:
            ids = await signed.submit([token, *await responses_of(client, 1)])
            async with working(signed, client, token_key=b"k"):
                results = await signed.wait(ids, timeout=20)
    assert [result.state for result in results] == [OperationState.SUCCEEDED] * 2


async def test_tables_are_installed_once(postgres: PostgresServer) -> None:
    name = await postgres.create()
    try:
        async with Fleet.connect(postgres.dsn(name)) as fleet:
            with pytest.raises(FleetError, match=r"fleet\.install"):
                await fleet.statistics()
            assert await fleet.install() == 0
            version = await fleet.install()
            assert version >= 1
            assert await fleet.install() == version
            assert (await fleet.statistics()).running == 0
    finally:
        await postgres.drop(name)


VERSION_1 = """
ALTER TABLE azpoll.operation DROP COLUMN percent, DROP COLUMN last_error;
DROP INDEX azpoll.operation_group, azpoll.result_failure, azpoll.result_count;
CREATE INDEX operation_group ON azpoll.operation (group_label) WHERE group_label IS NOT NULL;
UPDATE azpoll.version SET number = 1;
"""
"""Makes tables as version 1 had them."""


async def test_tables_of_version_1_are_brought_up_to_date(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        ids = await fleet.submit(await responses_of(client, 1), group="g")
        await execute(dsn, VERSION_1)
        async with Fleet.connect(dsn) as newer:
            with pytest.raises(FleetError, match="version 1: run `azpoll fleet install`"):
                await newer.statistics()
            assert await newer.install() == 1
            assert [group.running for group in (await newer.overview()).groups] == [1]
            async with working(newer, client):
                (result,) = await newer.wait(ids, timeout=20)
    assert (result.state, result.group) == (OperationState.SUCCEEDED, "g")


async def execute(dsn: str, statements: str) -> None:
    """Execute statements as another program does."""
    import asyncpg  # noqa: PLC0415 - the fleet has imported it

    connection = await asyncpg.connect(dsn)
    await connection.execute(statements)
    await connection.close()


async def test_tables_of_a_newer_version_are_left_alone(dsn: str, fleet: Fleet) -> None:
    await execute(dsn, "UPDATE azpoll.version SET number = 99")
    for call in (fleet.install, fleet.statistics):
        with pytest.raises(FleetError, match="version 99"):
            await call()


async def test_an_unreachable_database_is_an_error_without_the_password() -> None:
    with pytest.raises(FleetUnavailable, match="connection refused") as unreachable:
        async with Fleet.connect(f"postgresql://user:{CANARY}@127.0.0.1:1/x"):
            pass
    assert CANARY not in str(unreachable.value)


@pytest.mark.parametrize(
    "dsn",
    [CANARY, f"postgresql://user:x@{CANARY}@h:{CANARY}/x", f"mysql://u:{CANARY}@h/x", "postgresql://127.0.0.1:99999/x"],
)
async def test_an_invalid_dsn_is_an_error_that_does_not_repeat_it(dsn: str) -> None:
    with pytest.raises(ValueError, match="the DSN is invalid") as invalid:
        async with Fleet.connect(dsn):
            pass
    assert CANARY not in "".join(traceback.format_exception(invalid.value, limit=0))


async def test_a_user_or_a_database_that_the_server_refuses_is_an_error(postgres: PostgresServer) -> None:
    with pytest.raises(FleetUnavailable, match="no database of that name"):
        async with Fleet.connect(postgres.dsn("missing")):
            pass
    name = await postgres.create()
    user = f"guest_{name}"
    await postgres.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{CANARY}'")
    try:
        async with Fleet.connect(with_user(postgres.dsn(name), user)) as fleet:
            with pytest.raises(FleetUnavailable, match="permission denied"):
                await fleet.install()
    finally:
        await postgres.drop(name)
        await postgres.execute(f"DROP ROLE {user}")


def with_user(dsn: str, user: str) -> str:
    """Return the connection string of another user of a server."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"{user}:{CANARY}@{parts.netloc.rpartition('@')[2]}"))


def httpx_response(url: httpx.URL, status_code: int) -> httpx.Response:
    """Return a response to a PUT that has its result."""
    import httpx as library  # noqa: PLC0415 - a type elsewhere

    request = library.Request("PUT", url)
    return library.Response(status_code, json={"done": True}, request=request)
