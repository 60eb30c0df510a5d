"""A final response as azure-core's classes show it, for the code that generated clients deserialize it with."""

from __future__ import annotations

import json
from http.client import responses
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import DecodeError, HttpResponseError
from azure.core.pipeline import PipelineContext, PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.utils import case_insensitive_dict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping

    from azpoll.transport.library import HTTPResponse

_FIRST_ERROR = 400


class FinalResponse(AsyncHttpResponse):
    """A response of httpx or httpx2 with its body, as a response of azure-core."""

    def __init__(self, response: HTTPResponse) -> None:
        self._status_code = response.status_code
        self._headers: MutableMapping[str, str] = case_insensitive_dict(dict(response.headers.items()))
        self._content = response.content
        self._request = HttpRequest(response.request.method, str(response.request.url))
        self._encoding: str | None = None

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"<FinalResponse {self._status_code}, {len(self._content)} bytes>"

    @property
    def request(self) -> HttpRequest:
        """The request, without headers."""
        return self._request

    @property
    def status_code(self) -> int:
        """The HTTP status code."""
        return self._status_code

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers; names match in any letter case."""
        return self._headers

    @property
    def reason(self) -> str:
        """The usual words for the status code."""
        return responses.get(self._status_code, "")

    @property
    def content_type(self) -> str | None:
        """The header `Content-Type`."""
        return self._headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        """True: the body has been read."""
        return True

    @property
    def is_stream_consumed(self) -> bool:
        """True: the body has been read."""
        return True

    @property
    def encoding(self) -> str | None:
        """The encoding that was set; None for UTF-8."""
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        """The URL of the request."""
        return self._request.url

    @property
    def content(self) -> bytes:
        """The body."""
        return self._content

    def text(self, encoding: str | None = None) -> str:
        """Return the body as text; bytes that are none in the encoding are replaced."""
        return self._content.decode(encoding or self._encoding or "utf-8-sig", "replace")

    def json(self) -> Any:  # noqa: ANN401 - of the base class
        """Return the body read as JSON; raises `ValueError` if it is none."""
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        """Raise `HttpResponseError` for a status code of 400 or more."""
        if self._status_code >= _FIRST_ERROR:
            raise HttpResponseError(response=self)

    async def read(self) -> bytes:
        """Return the body."""
        return self._content

    async def iter_raw(self, **_options: Any) -> AsyncIterator[bytes]:  # noqa: ANN401 - of the base class
        """Yield the body."""
        yield self._content

    async def iter_bytes(self, **_options: Any) -> AsyncIterator[bytes]:  # noqa: ANN401 - of the base class
        """Yield the body."""
        yield self._content

    async def close(self) -> None:
        """Do nothing: the connection was released."""

    async def __aexit__(self, *_raised: object) -> None:
        """Do nothing: the connection was released."""


def pipeline_response(response: HTTPResponse) -> PipelineResponse[HttpRequest, FinalResponse]:
    """Return a response with the context that azure-core's pipeline gives it.

    Earlier generated clients deserialize the context's `deserialized_data`, later ones the response itself.
    """
    final = FinalResponse(response)
    context = PipelineContext(None)
    try:
        context["deserialized_data"] = ContentDecodePolicy.deserialize_from_http_generics(final)
    except DecodeError:
        context["deserialized_data"] = None
    return PipelineResponse(final.request, final, context)
