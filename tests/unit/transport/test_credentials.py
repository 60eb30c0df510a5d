"""Threat T2: only a request to a checked URL gets a credential.

The client's auth records each request that it signs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll.testing import FakeARM, Reply, redirect, status_monitor
from tests.support.canary import CANARY
from tests.support.clients import Library, client_of, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.anyio

ORIGIN = "https://management.azure.com"
OTHER = "https://eu.management.example"
THING = "/subscriptions/s/resourceGroups/g/things/t?api-version=1"

FOREIGN = "https://evil.example/op"
SUCCEEDED = status_monitor("Succeeded")
ENTRIES = {
    "initial answer": (Reply(202, headers={"Azure-AsyncOperation": FOREIGN}), SUCCEEDED),
    "later answer": (None, Reply(200, {"status": "Running"}, {"Azure-AsyncOperation": FOREIGN})),
    "redirect": (None, redirect(FOREIGN)),
    "body": (None, Reply(200, {"status": "Succeeded", "resourceLocation": FOREIGN})),
}


def auth_of(library: Library, signed: list[str]) -> Any:
    """Return an auth that records the URL of each request that it signs."""
    base: Any = import_module(library).Auth

    class Signer(base):  # type: ignore[misc]  # - the library is a parameter
        def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            signed.append(str(request.url))
            request.headers["Authorization"] = f"Bearer {CANARY}"
            yield request

    return Signer()


@EACH_LIBRARY
@pytest.mark.parametrize("entry", ENTRIES)
async def test_the_auth_never_signs_for_a_rejected_url(entry: str, library: Library) -> None:
    """An event hook, which may add headers as well, does not receive it either."""
    initial, poll = ENTRIES[entry]
    arm = FakeARM()
    arm.operation("POST", retry_after=1, initial=initial, polls=[poll])
    signed: list[str] = []
    async with client_of(arm, library, auth=auth_of(library, signed)) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.UntrustedPollingURL):
            await (await tracker.begin("POST", THING))
    assert signed
    assert {url[: len(ORIGIN) + 1] for url in signed} == {f"{ORIGIN}/"}
    assert signed == [request.url for request in arm.requests]


@EACH_LIBRARY
async def test_the_auth_never_signs_for_a_rejected_token(library: Library) -> None:
    arm = FakeARM()
    arm.operation("DELETE", duration_s=60)
    signed: list[str] = []
    async with client_of(arm, library, auth=auth_of(library, signed)) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            token = (await tracker.begin("DELETE", THING)).resume_token()
        before = len(signed)
        client.base_url = OTHER
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(azpoll.UntrustedPollingURL):
                tracker.resume(token)
    assert len(signed) == before == 1


@EACH_LIBRARY
async def test_a_cookie_of_one_origin_is_not_sent_to_another_allowed_origin(library: Library) -> None:
    """The client's own credential is sent to an origin that the caller lists. The cookie of a service is not."""
    module = import_module(library)
    cookies = ["mine=1; Path=/", "theirs=1; Path=/; Domain=eu.management.example", "wide=1; Path=/; Domain=example"]
    polls = {"/op": ("Running", f"{OTHER}/op2"), "/op2": ("Running", f"{OTHER}/op3"), "/op3": ("Succeeded", "/")}
    sent: list[tuple[str, str | None]] = []

    def answer(request: Any) -> Any:
        sent.append((request.url.host, request.headers.get("cookie")))
        status, then = polls.get(request.url.path, ("Accepted", "/op"))
        headers = [("Azure-AsyncOperation", then), ("Retry-After", "1")]
        if status == "Accepted":
            headers += [("Set-Cookie", cookie) for cookie in cookies]
        return module.Response(202 if status == "Accepted" else 200, headers=headers, json={"status": status})

    client = new_client(library, transport=module.MockTransport(answer), base_url=ORIGIN)
    async with client, azpoll.Tracker(client, allowed_origins=[OTHER]) as tracker:
        await (await tracker.begin("DELETE", THING))
    here, there = "management.azure.com", "eu.management.example"
    assert sent == [(here, None), (here, "mine=1"), (there, None), (there, None)]
