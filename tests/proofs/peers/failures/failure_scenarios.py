"""Plays: what is done with a library on the stage, told in a few words of what was seen.

Each is written once and run with both libraries; what it tells is what the tests assert and the page shows.
"""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING

import anyio

from tests.proofs.peers.failures.compared_library import FOREIGN, ORIGIN, PASSWORD, SECRET, THING

if TYPE_CHECKING:
    from tests.proofs.peers.failures.compared_library import Handle, Stage


def _gets(count: int) -> str:
    return "1 GET" if count == 1 else f"{count} GETs"


async def to_the_end(stage: Stage) -> str:
    """How it ends, and after how many GETs."""
    operation = await stage.begin()
    ended = await operation.ended()
    return f"{ended}, {_gets(len(stage.gets()))}"


async def awaited_again(stage: Stage) -> str:
    """How it ends, and what awaiting it again gives an hour later."""
    operation = await stage.begin()
    first, asked = await operation.ended(), len(stage.gets())
    await anyio.sleep(3600)
    again, more = await operation.ended(), len(stage.gets()) - asked
    return f"{first}, {_gets(asked)}; awaited again: {again}, {_gets(more)}"


async def ends_only(stage: Stage) -> str:
    """How it ends, where the number of GETs says nothing."""
    return await (await stage.begin()).ended()


async def watched_abroad(stage: Stage) -> str:
    """How it ends, and what a foreign host was sent."""
    ended = await (await stage.begin()).ended()
    return f"{ended}; {_abroad(stage)}"


async def resumed_from_an_edited_token(stage: Stage) -> str:
    """What a foreign host is sent when the host in a token was replaced by its own."""
    token = (await stage.begin()).token()
    edited = _decoded(token).replace(ORIGIN.encode(), FOREIGN.encode())
    refused = await _resumed(stage, base64.urlsafe_b64encode(edited).decode())
    return f"{refused}; {_abroad(stage)}"


async def resumed_from_a_pickle(stage: Stage) -> str:
    """Whether a token that is a pickle runs its code."""
    _Bomb.went_off = False
    forged = base64.b64encode(pickle.dumps(_Bomb())).decode()
    refused = await _resumed(stage, forged)
    return f"{refused}; {'its code ran' if _Bomb.went_off else 'no code ran'}"


async def secrets_in_a_token(stage: Stage) -> str:
    """Which secrets a token holds."""
    token = _decoded((await stage.begin()).token())
    held = token + b"".join(_decoded(part) for part in token.decode().split('"') if len(part) > 64)
    secrets = {"the bearer token": SECRET, "the body of the initial answer": PASSWORD}
    found = [name for name, secret in secrets.items() if secret.encode() in held]
    return f"It holds {' and '.join(found) or 'neither credential nor body'}"


async def resumed_later(stage: Stage) -> str:
    """How an operation ends that nobody polls for an hour, and that is then resumed from its token."""
    operation = await stage.begin()
    token = operation.token()
    operation.leave()
    await anyio.sleep(3600)
    return await stage.library.resume(token).ended()


async def first_poll(stage: Stage) -> str:
    """How long after the initial answer the first poll comes."""
    operation = await stage.begin()
    begun_s = anyio.current_time()
    ended = await operation.ended()
    return f"{ended}; first poll after {stage.gets()[0].at_s - begun_s:.0f} s"


async def next_poll(stage: Stage) -> str:
    """How it ends, and how long after the first poll the second comes."""
    ended = await (await stage.begin()).ended()
    polls = stage.gets()
    if len(polls) == 1:
        return f"{ended}, has not asked again"
    return f"{ended}, asks again after {polls[1].at_s - polls[0].at_s:.0f} s"


async def fifty_awaiters(stage: Stage) -> str:
    """How many GETs fifty awaiters of one operation cost."""
    operation = await stage.begin()
    ends: set[str] = set()

    async def wait() -> None:
        ends.add(await operation.ended())

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(wait)
    return f"{', '.join(sorted(ends))}, {_gets(len(stage.gets()))}"


async def awaited_thrice(stage: Stage) -> str:
    """How many GETs awaiting an operation three times costs."""
    operation = await stage.begin()
    ends = {await operation.ended() for _ in range(3)}
    return f"{', '.join(sorted(ends))}, {_gets(len(stage.gets()))}"


async def one_awaiter_leaves(stage: Stage) -> str:
    """What becomes of the other awaiter, and of the operation, when one of two is cancelled."""
    operation = await stage.begin()
    told: list[str] = []

    async def wait(scope: anyio.CancelScope) -> None:
        with scope:
            told.append(await operation.ended())

    leaves = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait, leaves)
        tasks.start_soon(wait, anyio.CancelScope())
        await anyio.sleep(10)
        leaves.cancel()
    return f"The other: {', '.join(told)}; awaited again: {await operation.ended()}"


async def urls_asked(stage: Stage) -> str:
    """How it ends, and the queries it was asked with."""
    ended = await (await stage.begin()).ended()
    queries = dict.fromkeys(request.url.partition("?")[2] for request in stage.gets() if "Statuses" in request.path)
    return f"{ended}; asked with {' and '.join(queries)}"


async def rate_while_throttled(stage: Stage) -> str:
    """How it ends, and how many GETs were sent in a quarter of an hour of 429."""
    ended = await (await stage.begin()).ended()
    return f"{ended}; {sum(request.status == 429 for request in stage.gets())} GETs were answered 429"


async def through_ten_tokens(stage: Stage) -> str:
    """How an operation ends during which the token changes every hour."""
    stage.keys.change()
    operation = await stage.begin()
    told: list[str] = []
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            told.append(await operation.ended())
            tasks.cancel_scope.cancel()

        tasks.start_soon(run)
        for _ in range(10):
            await anyio.sleep(3600)
            stage.keys.change()
    return told[0]


async def a_thousand(stage: Stage) -> str:
    """How many of a thousand waits end as their operations did."""
    ends: list[str] = []

    async def run(operation: Handle) -> None:
        ends.append(await operation.ended())

    async with anyio.create_task_group() as tasks:
        for number in range(1000):
            tasks.start_soon(run, await stage.begin(f"{THING}-{number}"))
            await anyio.sleep(0.1)
    lost = sum(end != "Succeeded" for end in ends)
    throttled = stage.arm.statistics().throttled
    return f"{_share(lost, len(ends))} of the waits lost, {_share(throttled, len(stage.gets()))} of the GETs throttled"


def _share(part: int, whole: int) -> str:
    """Return a share in words that small changes of timing leave alone."""
    return "none" if not part else f"about {round(10 * part / whole)} in 10"


async def _resumed(stage: Stage, token: str) -> str:
    try:
        operation = stage.library.resume(token)
    except Exception as error:  # noqa: BLE001 - which it is, is what is told
        return f"Refused with {type(error).__name__}"
    return await operation.ended()


def _abroad(stage: Stage) -> str:
    """Say what the foreign host was sent."""
    sent = [request for request in stage.gets() if request.url.startswith(FOREIGN)]
    if not sent:
        return "the other host was sent nothing"
    known = any(SECRET in value for request in sent for value in request.headers.values())
    return f"the other host was sent {_gets(len(sent))}, {'WITH' if known else 'without'} the credential"


def _decoded(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token.replace("+", "-").replace("/", "_") + "=" * (-len(token) % 4))
    except ValueError:
        return b""


class _Bomb:
    """Runs code when it is unpickled."""

    went_off = False

    def __reduce__(self) -> tuple[object, ...]:
        return setattr, (_Bomb, "went_off", True)
