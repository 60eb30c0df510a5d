"""The parts of an initial response that the caller received: of httpx, httpx2 or azure-core (rule 57).

A response of azure-core has no `headers.raw`; one of its earlier classes has a method `body` in place of `content`. The
hooks of its pipeline get a `PipelineResponse`, which holds the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from azpoll.protocol.answer import RawHeaders


class ReceivedResponse(Protocol):
    """A response of httpx, httpx2 or azure-core, with its request and its body."""

    @property
    def status_code(self) -> int:
        """The HTTP status code."""
        ...

    @property
    def headers(self) -> Any:  # noqa: ANN401 - of each library
        """Names and values; names match in any letter case."""
        ...

    @property
    def request(self) -> Any:  # noqa: ANN401 - of each library
        """The initial request."""
        ...


class PipelineResponse(Protocol):
    """A response of azure-core with the context of its pipeline, as `raw_response_hook` gets it."""

    @property
    def http_response(self) -> Any:  # noqa: ANN401 - of azure-core
        """The response."""
        ...


InitialResponse: TypeAlias = ReceivedResponse | PipelineResponse


def response_in(received: InitialResponse) -> ReceivedResponse:
    """Return a response without the context of its pipeline."""
    inner: ReceivedResponse | None = getattr(received, "http_response", None)
    return received if inner is None else inner  # type: ignore[return-value]  # - without `http_response` it is one


def raw_headers_of(response: ReceivedResponse) -> RawHeaders:
    """Return all headers; those of azure-core as text."""
    headers = response.headers
    raw: RawHeaders | None = getattr(headers, "raw", None)
    return list(headers.items()) if raw is None else raw


def body_of(response: ReceivedResponse) -> bytes:
    """Return the body; the library raises an error of its own if the body was not read."""
    received: Any = response
    content: bytes | None = getattr(received, "content", None)
    return received.body() if content is None else content
