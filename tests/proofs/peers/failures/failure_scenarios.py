"""Calls of a library and their results in a few words.

Each function runs with both libraries. The tests assert its result, and the page shows it.
"""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING

import anyio

from tests.proofs.peers.failures.compared_library import FOREIGN, ORIGIN, PASSWORD, SECRET, THING

if TYPE_CHECKING:
    from tests.proofs.peers.failures.compared_library import Handle, Setup


def _gets(count: int) -> str:
    return "1 GET" if count == 1 else f"{count} GETs"


async def end_and_gets(setup: Setup) -> str:
    """Return the end and the number of GETs."""
    operation = await setup.begin()
    end = await operation.end()
    return f"{end}, {_gets(len(setup.gets()))}"


async def two_awaits(setup: Setup) -> str:
    """Return the end, and the end of a second await after 1 h."""
    operation = await setup.begin()
    first, gets = await operation.end(), len(setup.gets())
    await anyio.sleep(3600)
    again, more = await operation.end(), len(setup.gets()) - gets
    return f"{first}, {_gets(gets)}; awaited again: {again}, {_gets(more)}"


async def end_only(setup: Setup) -> str:
    """Return the end only."""
    return await (await setup.begin()).end()


async def end_and_foreign_requests(setup: Setup) -> str:
    """Return the end, and the requests to a foreign host."""
    end = await (await setup.begin()).end()
    return f"{end}; {_foreign_requests(setup)}"


async def resume_from_an_edited_token(setup: Setup) -> str:
    """Return the requests to a foreign host after its name was put into a token."""
    token = (await setup.begin()).token()
    edited = _decode(token).replace(ORIGIN.encode(), FOREIGN.encode())
    refused = await _resume(setup, base64.urlsafe_b64encode(edited).decode())
    return f"{refused}; {_foreign_requests(setup)}"


async def resume_from_a_pickle(setup: Setup) -> str:
    """Return whether a pickle in place of a token runs its code."""
    _CodeOnUnpickle.executed = False
    forged = base64.b64encode(pickle.dumps(_CodeOnUnpickle())).decode()
    refused = await _resume(setup, forged)
    return f"{refused}; {'its code ran' if _CodeOnUnpickle.executed else 'no code ran'}"


async def secrets_in_a_token(setup: Setup) -> str:
    """Return the secrets in a token."""
    token = _decode((await setup.begin()).token())
    held = token + b"".join(_decode(part) for part in token.decode().split('"') if len(part) > 64)
    secrets = {"the bearer token": SECRET, "the body of the initial answer": PASSWORD}
    found = [name for name, secret in secrets.items() if secret.encode() in held]
    return f"It holds {' and '.join(found) or 'neither credential nor body'}"


async def resume_after_an_hour(setup: Setup) -> str:
    """Return the end of an operation that is resumed from its token after 1 h without polls."""
    operation = await setup.begin()
    token = operation.token()
    operation.stop()
    await anyio.sleep(3600)
    return await setup.library.resume(token).end()


async def first_poll(setup: Setup) -> str:
    """Return the end and the delay of the first poll."""
    operation = await setup.begin()
    started_s = anyio.current_time()
    end = await operation.end()
    return f"{end}; first poll after {setup.gets()[0].at_s - started_s:.0f} s"


async def next_poll(setup: Setup) -> str:
    """Return the end and the delay between the first two polls."""
    end = await (await setup.begin()).end()
    polls = setup.gets()
    if len(polls) == 1:
        return f"{end}, has not asked again"
    return f"{end}, asks again after {polls[1].at_s - polls[0].at_s:.0f} s"


async def fifty_awaiters(setup: Setup) -> str:
    """Return the end and the number of GETs for 50 awaiters."""
    operation = await setup.begin()
    ends: set[str] = set()

    async def wait() -> None:
        ends.add(await operation.end())

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(wait)
    return f"{', '.join(sorted(ends))}, {_gets(len(setup.gets()))}"


async def three_awaits(setup: Setup) -> str:
    """Return the end and the number of GETs for three awaits."""
    operation = await setup.begin()
    ends = {await operation.end() for _ in range(3)}
    return f"{', '.join(sorted(ends))}, {_gets(len(setup.gets()))}"


async def one_cancelled_awaiter(setup: Setup) -> str:
    """Return the ends of the other awaiter and of a later await after one of two awaiters was cancelled."""
    operation = await setup.begin()
    ends: list[str] = []

    async def wait(scope: anyio.CancelScope) -> None:
        with scope:
            ends.append(await operation.end())

    leaves = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait, leaves)
        tasks.start_soon(wait, anyio.CancelScope())
        await anyio.sleep(10)
        leaves.cancel()
    return f"The other: {', '.join(ends)}; awaited again: {await operation.end()}"


async def queries_of_polls(setup: Setup) -> str:
    """Return the end and the queries of the polls."""
    end = await (await setup.begin()).end()
    queries = dict.fromkeys(request.url.partition("?")[2] for request in setup.gets() if "Statuses" in request.path)
    return f"{end}; asked with {' and '.join(queries)}"


async def rate_while_throttled(setup: Setup) -> str:
    """Return the end and the number of GETs that got a 429."""
    end = await (await setup.begin()).end()
    return f"{end}; {sum(request.status == 429 for request in setup.gets())} GETs were answered 429"


async def ten_bearer_tokens(setup: Setup) -> str:
    """Return the end of an operation during which the bearer token changes every hour."""
    setup.provider.change()
    operation = await setup.begin()
    ends: list[str] = []
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            ends.append(await operation.end())
            tasks.cancel_scope.cancel()

        tasks.start_soon(run)
        for _ in range(10):
            await anyio.sleep(3600)
            setup.provider.change()
    return ends[0]


async def a_thousand_waits(setup: Setup) -> str:
    """Return the fraction of 1,000 waits that got a wrong end, and of the throttled GETs."""
    ends: list[str] = []

    async def run(operation: Handle) -> None:
        ends.append(await operation.end())

    async with anyio.create_task_group() as tasks:
        for number in range(1000):
            tasks.start_soon(run, await setup.begin(f"{THING}-{number}"))
            await anyio.sleep(0.1)
    lost = sum(end != "Succeeded" for end in ends)
    throttled = setup.arm.statistics().throttled
    return f"{_share(lost, len(ends))} of the waits lost, {_share(throttled, len(setup.gets()))} of the GETs throttled"


def _share(part: int, whole: int) -> str:
    """Return a fraction in words that do not depend on small changes of timing."""
    return "none" if not part else f"about {round(10 * part / whole)} in 10"


async def _resume(setup: Setup, token: str) -> str:
    try:
        operation = setup.library.resume(token)
    except Exception as error:  # noqa: BLE001 - the class of the error is the result
        return f"Refused with {type(error).__name__}"
    return await operation.end()


def _foreign_requests(setup: Setup) -> str:
    """Return the requests to the foreign host as text."""
    sent = [request for request in setup.gets() if request.url.startswith(FOREIGN)]
    if not sent:
        return "the other host was sent nothing"
    known = any(SECRET in value for request in sent for value in request.headers.values())
    return f"the other host was sent {_gets(len(sent))}, {'WITH' if known else 'without'} the credential"


def _decode(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token.replace("+", "-").replace("/", "_") + "=" * (-len(token) % 4))
    except ValueError:
        return b""


class _CodeOnUnpickle:
    """An object that runs code when it is unpickled."""

    executed = False

    def __reduce__(self) -> tuple[object, ...]:
        return setattr, (_CodeOnUnpickle, "executed", True)
