"""A credential that expires while many operations run is renewed once (rule 26)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx
import httpx2
import pytest

import azpoll
from azpoll.testing import FakeARM, Script
from azpoll.transport.shared_auth import shared_auth
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio

BASE = "https://management.azure.com"


def transport_of(library: Any, arm: FakeARM) -> Any:
    return arm.transport("httpx") if library is httpx else arm.transport("httpx2")


def bearer(library: Any, arm: FakeARM) -> Any:
    """Return an auth that fetches one token, and another one for each 401 that it receives."""

    class Bearer(library.Auth):  # type: ignore[misc]  # - a class of either library
        token = "first"
        renewals = 0

        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            request.headers["Authorization"] = f"Bearer {self.token}"
            response: Any = yield request
            if response.status_code == 401:
                self.renewals += 1
                await anyio.sleep(0.2)
                self.token = "second"
                request.headers["Authorization"] = f"Bearer {self.token}"
                yield request

    arm.require_token("first")
    return Bearer()


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
async def test_rule_26_one_renewal_serves_all_operations(library: Any) -> None:
    """All polls in flight are answered with 401. One of them renews the token, and every operation continues."""
    arm = FakeARM(default=Script(duration_s=10, retry_after=5), latency_s=0.1)
    auth = bearer(library, arm)
    async with (
        new_client(library.__name__, transport=transport_of(library, arm), base_url=BASE, auth=auth) as client,
        azpoll.Tracker(client) as tracker,
    ):
        operations = [await tracker.begin("PUT", f"/subscriptions/s/resourceGroups/g{n}") for n in range(12)]
        arm.rotate_token("second")
        for operation in operations:
            await operation
    assert auth.renewals == 1


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
async def test_rule_26_a_second_401_is_raised(library: Any) -> None:
    """A renewed credential that is rejected as well ends tracking with an error that has a resume token."""
    arm = FakeARM(default=Script(duration_s=10, retry_after=5))
    auth = bearer(library, arm)
    async with (
        new_client(library.__name__, transport=transport_of(library, arm), base_url=BASE, auth=auth) as client,
        azpoll.Tracker(client) as tracker,
    ):
        operation = await tracker.begin("PUT", "/subscriptions/s/resourceGroups/g")
        arm.rotate_token("third")
        with pytest.raises(azpoll.AuthenticationFailed) as caught:
            await operation
    assert caught.value.resume_token
    assert caught.value.status_code == 401


@pytest.mark.parametrize(("library", "other"), [(httpx, httpx2), (httpx2, httpx)], ids=["httpx", "httpx2"])
def test_an_auth_of_another_library_is_rejected(library: Any, other: Any) -> None:
    """`client.send` would call it as a function."""
    with pytest.raises(TypeError, match=f"the auth must be one of {library.__name__}, not BasicAuth"):
        shared_auth(other.BasicAuth("name", "word"), library, 100)
