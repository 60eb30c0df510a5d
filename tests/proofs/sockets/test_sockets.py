"""Every operation ends with its true state under any fault of its connections (rules 25, 29, 38; I1, I2, I4, I5).

The sockets are real, and the time is virtual: client, proxy and server share one event loop. So azpoll's limit of 120 s
and httpx's timeouts apply unchanged, and a stalled connection takes no real time.
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
from tests.proofs.sockets.fault_proxy import Fault, Kind, Proxy
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from azpoll.testing import Pattern
    from tests.support.clients import Library

pytestmark = pytest.mark.slow

OPERATIONS = scaled(push=96, nightly=25_000)
SEED = 20_260_101

KINDS: tuple[Kind, ...] = ("latency", "drip", "truncate", "reset", "half-close", "stall")
Scheme = Literal["http", "https"]

ENDS = ("Succeeded", "Failed", "Canceled")


class Service(FakeARM):
    """A service behind a gateway that terminates TLS; it names its URLs with the scheme of the client."""

    def __init__(self, scheme: str, default: Callable[[IncomingRequest], Script]) -> None:
        super().__init__(default=default, limits=None, log_size=1_000_000)
        self._scheme = scheme

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Answer a request."""
        return super().exchange(replace(request, origin=request.origin.replace("http", self._scheme, 1)))


def script_of(request: IncomingRequest, chance: random.Random) -> Script:
    """Return a random operation that the method of the request may start."""
    patterns: tuple[Pattern, ...] = ("azure-async-operation", "operation-location", "location", "body")
    pattern = chance.choice(patterns if request.method == "PUT" else patterns[:3])
    return Script(
        pattern=pattern,
        duration_s=chance.uniform(0, 120),
        retry_after=chance.choice([5, 10, 20]),
        outcome=chance.choice(ENDS[:2] if pattern == "location" else ENDS),  # a Location cannot report Canceled
        location=pattern != "body" and chance.random() < 0.5,
    )


def faults_of(chance: random.Random, seen: Counter[str]) -> Callable[[], Fault]:
    """Return a function that draws the fault of each connection."""

    def fault() -> Fault:
        kind = chance.choice(KINDS)
        seen[kind] += 1
        after = chance.randrange(chance.choice([1, 100, 1000, 5000]))
        return Fault(kind, after, delay_s=chance.choice([0.01, 0.3, 2.0]))

    return fault


async def start(client: Any, chance: random.Random) -> list[Any]:
    """Start operations; return the initial responses."""
    methods = [chance.choice(["PUT", "POST", "DELETE"]) for _ in range(OPERATIONS)]
    return [await client.request(method, f"/things/{number}?api-version=1") for number, method in enumerate(methods)]


@asynccontextmanager
async def network(
    arm: FakeARM, scheme: Scheme, faults: Callable[[], Fault]
) -> AsyncGenerator[tuple[Proxy, dict[str, Any]]]:
    """Serve behind a faulty proxy, with TLS for https; yield the proxy and the options of a client."""
    async with AsyncExitStack() as stack:
        port = int((await stack.enter_async_context(arm.serve())).rpartition(":")[2])
        verify = ssl.create_default_context()
        if scheme == "https":
            authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.configure_trust(verify)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
            authority.issue_cert("127.0.0.1").configure_cert(server)  # pyright: ignore[reportUnknownMemberType] - as above
            port = await stack.enter_async_context(Proxy(port, tls=server).serve())
        proxy = Proxy(port, faults)
        port = await stack.enter_async_context(proxy.serve())
        yield proxy, {"base_url": f"{scheme}://127.0.0.1:{port}", "verify": verify, "trust_env": False}


async def run_proof(library: Library, scheme: Scheme) -> Counter[str]:
    """Track operations through the proxy, check their ends, and return the number of faults by kind."""
    chance = random.Random(f"{SEED} {library} {scheme}")  # noqa: S311 - seeded
    arm = Service(scheme, lambda request: script_of(request, chance))
    faults: Counter[str] = Counter()
    client_type = import_module(library).AsyncClient
    async with network(arm, scheme, faults_of(chance, faults)) as (proxy, arguments):
        proxy.calm = True
        async with client_type(**arguments) as client:
            responses = await start(client, chance)
        proxy.calm = False
        async with client_type(**arguments) as client:
            ends = await ends_of(client, dict(zip(arm.operations, responses, strict=True)))
            proxy.calm = True
            statuses = [(await client.get("/things/0")).status_code for _ in range(5)]
    assert ends == {identity: operation.outcome.lower() for identity, operation in arm.operations.items()}
    assert all(operation.ended_at_s is not None for operation in arm.operations.values())
    assert len(set(statuses)) == 1, "the pool does not work any more"
    arm.one_request_at_a_time()
    return faults


async def ends_of(client: Any, responses: Mapping[str, Any]) -> dict[str, str]:
    """Track operations to their end; return the ends by id."""
    async with azpoll.Tracker(client, budget=None) as tracker:
        operations = [tracker.track(response, label=identity) for identity, response in responses.items()]
        ends = await asyncio.gather(*(end_of(tracker, operation) for operation in operations))
    return dict(zip(responses, ends, strict=True))


async def end_of(tracker: azpoll.Tracker[Any], operation: azpoll.AsyncOperation[Any]) -> str:
    """Return the end of an operation; resume it if all polls failed for 10 min (rule 25), as the error advises."""
    try:
        await operation
    except azpoll.RetriesExhausted as error:
        return await end_of(tracker, tracker.resume(error.resume_token or "", label=operation.label))
    except azpoll.AzpollError:
        pass  # the state of the operation is the result
    return str(operation.state)


@pytest.mark.parametrize("scheme", ["http", "https"])
@EACH_LIBRARY
def test_every_operation_ends_with_its_true_state_under_any_fault(library: Library, scheme: Scheme) -> None:
    faults = run_virtual(run_proof, library, scheme, allow_sockets=True)
    assert set(faults) == set(KINDS)
