"""Every operation ends right, whatever becomes of the connections (rules 25, 29, 38; I1, I2, I4, I5).

The sockets are real, client, proxy and server share one event loop, and its time is virtual: so azpoll's own limit of
30 s and httpx's own timeouts are as they are for users, and a stalled connection costs no time.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import pytest
import trustme

import azpoll
from azpoll.testing import Exchange, FakeARM, IncomingRequest, Script, run_virtual
from tests.proofs.sockets.fault_proxy import Harm, Kind, Proxy
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from azpoll.testing import Pattern
    from tests.support.clients import Library

OPERATIONS = scaled(push=160, nightly=25_000)
SEED = 20_260_101

HARMS: tuple[Kind, ...] = ("latency", "drip", "truncate", "reset", "half-close", "stall")
Scheme = Literal["http", "https"]

ENDS = ("Succeeded", "Failed", "Canceled")


class Service(FakeARM):
    """A service that names its own URLs as the client knows them: behind a gateway that ends TLS."""

    def __init__(self, scheme: str, default: Callable[[IncomingRequest], Script]) -> None:
        super().__init__(default=default, limits=None, log_size=1_000_000)
        self._scheme = scheme

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Answer a request."""
        return super().exchange(replace(request, origin=request.origin.replace("http", self._scheme, 1)))


def script_of(request: IncomingRequest, chance: random.Random) -> Script:
    """Return an operation of any kind that this method may start."""
    patterns: tuple[Pattern, ...] = ("azure-async-operation", "operation-location", "location", "body")
    pattern = chance.choice(patterns if request.method == "PUT" else patterns[:3])
    return Script(
        pattern=pattern,
        duration_s=chance.uniform(0, 120),
        retry_after=chance.choice([5, 10, 20]),
        outcome=chance.choice(ENDS[:2] if pattern == "location" else ENDS),  # a Location has no word for canceled
        location=pattern != "body" and chance.random() < 0.5,
    )


def harms_of(chance: random.Random, seen: Counter[str]) -> Callable[[], Harm]:
    """Return what gives each connection its harm."""

    def harm() -> Harm:
        kind = chance.choice(HARMS)
        seen[kind] += 1
        after = chance.randrange(chance.choice([1, 100, 1000, 5000]))
        return Harm(kind, after, delay_s=chance.choice([0.01, 0.3, 2.0]))

    return harm


async def start(client: Any, chance: random.Random) -> list[Any]:
    """Start operations, and return the initial responses."""
    methods = [chance.choice(["PUT", "POST", "DELETE"]) for _ in range(OPERATIONS)]
    return [await client.request(method, f"/things/{number}?api-version=1") for number, method in enumerate(methods)]


@asynccontextmanager
async def network(
    arm: FakeARM, scheme: Scheme, harms: Callable[[], Harm]
) -> AsyncGenerator[tuple[Proxy, dict[str, Any]]]:
    """Serve behind a harmful proxy, and behind TLS too; give the proxy and what a client needs to go through it."""
    async with AsyncExitStack() as stack:
        port = int((await stack.enter_async_context(arm.serve())).rpartition(":")[2])
        verify = ssl.create_default_context()
        if scheme == "https":
            authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.configure_trust(verify)  # pyright: ignore[reportUnknownMemberType] - of OpenSSL as well
            authority.issue_cert("127.0.0.1").configure_cert(server)  # pyright: ignore[reportUnknownMemberType] - as above
            port = await stack.enter_async_context(Proxy(port, tls=server).serve())
        proxy = Proxy(port, harms)
        port = await stack.enter_async_context(proxy.serve())
        yield proxy, {"base_url": f"{scheme}://127.0.0.1:{port}", "verify": verify, "trust_env": False}


async def play(library: Library, scheme: Scheme) -> Counter[str]:
    """Track operations through the proxy, judge their ends, and return how often each harm was done."""
    chance = random.Random(f"{SEED} {library} {scheme}")  # noqa: S311 - seeded, to be the same each time
    arm = Service(scheme, lambda request: script_of(request, chance))
    harms: Counter[str] = Counter()
    client_type = import_module(library).AsyncClient
    async with network(arm, scheme, harms_of(chance, harms)) as (proxy, arguments):
        proxy.calm = True
        async with client_type(**arguments) as client:
            responses = await start(client, chance)
        proxy.calm = False
        async with client_type(**arguments) as client:
            told = await ends_of(client, dict(zip(arm.operations, responses, strict=True)))
            proxy.calm = True
            again = [(await client.get("/things/0")).status_code for _ in range(5)]
    assert told == {identity: operation.outcome.lower() for identity, operation in arm.operations.items()}
    assert all(operation.ended_at_s is not None for operation in arm.operations.values())
    assert len(set(again)) == 1, "the pool is not usable any more"
    arm.one_request_at_a_time()
    return harms


async def ends_of(client: Any, responses: Mapping[str, Any]) -> dict[str, str]:
    """Track operations to their end, and return how each ended."""
    async with azpoll.Tracker(client, budget=None) as tracker:
        operations = [tracker.track(response, label=identity) for identity, response in responses.items()]
        ends = await asyncio.gather(*(end_of(tracker, operation) for operation in operations))
    return dict(zip(responses, ends, strict=True))


async def end_of(tracker: azpoll.Tracker[Any], operation: azpoll.AsyncOperation[Any]) -> str:
    """Return how an operation ended; where all its polls failed for ten minutes (rule 25), do as the error says."""
    try:
        await operation
    except azpoll.RetriesExhausted as error:
        return await end_of(tracker, tracker.resume(error.resume_token or "", label=operation.label))
    except azpoll.AzpollError:
        pass  # its state tells
    return str(operation.state)


@pytest.mark.parametrize("scheme", ["http", "https"])
@EACH_LIBRARY
def test_every_operation_ends_right_whatever_becomes_of_the_connections(library: Library, scheme: Scheme) -> None:
    harms = run_virtual(play, library, scheme, allow_sockets=True)
    assert set(harms) == set(HARMS)
