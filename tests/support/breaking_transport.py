"""A transport of a client that raises for each request of one method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from azpoll.testing import FakeARM
    from tests.support.clients import Library


class Breaking:
    """Passes all requests but those of one method to a fake ARM."""

    def __init__(self, arm: FakeARM, library: Library, error: BaseException, method: str = "GET") -> None:
        self._transport = arm.transport(library)
        self._method = method
        self.error = error

    async def handle_async_request(self, request: Any) -> Any:
        if request.method == self._method:
            raise self.error
        return await self._transport.handle_async_request(request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()
