"""A transport of a client that raises for the requests of one method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from azpoll.testing import FakeARM
    from tests.support.clients import Library


class Breaking:
    """Passes all requests but those of one method, or the first few of these, to a fake ARM."""

    def __init__(
        self, arm: FakeARM, library: Library, error: BaseException, method: str = "GET", times: float = math.inf
    ) -> None:
        self._transport = arm.transport(library)
        self._method = method
        self._left = times
        self.error = error

    async def handle_async_request(self, request: Any) -> Any:
        if request.method == self._method and self._left:
            self._left -= 1
            raise self.error
        return await self._transport.handle_async_request(request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()
