"""`TwoPhaseTransport`: the former interface of the transport, for layers that do not use `Transport` yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic

import anyio

from azpoll.eventloop.clock import loop_clock
from azpoll.transport.client import ClientTransport, client_properties
from azpoll.transport.library import HTTPClient, HTTPResponse, ResponseT
from azpoll.transport.transport import STATUS_LIMIT, InitialRequest, poll_next

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.states import Pending


class TwoPhaseTransport(Generic[ResponseT]):
    """A `ClientTransport` that is constructed before the event loop runs and opened in it."""

    def __init__(self, client: HTTPClient[ResponseT]) -> None:
        self._client = client
        self.base_url, self.at_once, self.parse = client_properties(client)
        self._opened: ClientTransport[ResponseT] | None = None
        self._process = os.getpid()
        self.now: Callable[[], float] = anyio.current_time

    def open(self) -> None:
        """Construct the transport in the running event loop."""
        self.now = loop_clock()
        self._process = os.getpid()
        self._opened = ClientTransport(self._client)

    @property
    def _transport(self) -> ClientTransport[ResponseT]:
        assert self._opened is not None  # noqa: S101 - the tracker was entered
        return self._opened

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a fork of the process that opened the transport."""
        return os.getpid() != self._process

    @property
    def is_closed(self) -> bool:
        """Whether the caller closed the client."""
        return self._client.is_closed

    def cut(self) -> None:
        """End the polls in flight."""
        self._transport.abort_all()

    def close(self) -> None:
        """Release the timer."""
        self._transport.abort_all()

    def ask(self, state: Pending) -> Awaitable[Answer | RequestFailure]:
        """Send the next request of a pending state."""
        return poll_next(self._transport, state)

    def post(self, url: str) -> Awaitable[Answer | RequestFailure]:
        """Send a POST without a body."""
        return self._transport.poll("POST", url, body_limit=STATUS_LIMIT)

    def initial(self, method: str, url: str, arguments: Mapping[str, object]) -> InitialRequest:
        """Build an initial request."""
        return self._transport.build_initial(method, url, arguments)

    async def begin(self, request: InitialRequest) -> Answer | RequestFailure:
        """Send an initial request."""
        return await self._transport.send_initial(request)

    def received(self, response: HTTPResponse) -> Answer:
        """Convert a response into an answer."""
        return self._transport.answer_from(response)[0]

    def response_of(self, answer: Answer) -> ResponseT:
        """Convert an answer into a response."""
        return self._transport.response_from(answer)
