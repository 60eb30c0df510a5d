"""A credential that expires, and an auth that renews it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import httpx

from tests.support.canary import CANARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.testing import FakeARM

RENEWAL_S = 0.2


class Issuer:
    """Issues the tokens that the service accepts.

    Attributes:
        up: whether the issuer is reachable; otherwise it returns the last token, which may have expired.
        valid: the token that the service accepts.
    """

    def __init__(self, arm: FakeARM) -> None:
        self.up = True
        self._arm = arm
        self._number = 0
        self.valid = self._issued = f"{CANARY}-0"
        arm.require_token(self.valid)

    @property
    def refuses(self) -> bool:
        """Whether no valid token is available."""
        return not self.up and self._issued != self.valid

    def expire(self) -> None:
        """Invalidate all tokens issued so far."""
        self._number += 1
        self.valid = f"{CANARY}-{self._number}"
        self._arm.rotate_token(self.valid)

    def issue(self) -> str:
        """Return a token; it is valid if the issuer is up."""
        if self.up:
            self._issued = self.valid
        return self._issued


class Bearer(httpx.Auth):
    """The auth of one client; it renews its token after a 401."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._token = issuer.issue()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            await anyio.sleep(RENEWAL_S)
            self._token = self._issuer.issue()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request
