"""One request and its response, with the event hooks of the client (rule 51).

httpx calls response hooks before it reads a body, and closes a response whose hook raises. A hook that raises for a
status, as httpx's documentation shows it, would hide the answer. So azpoll reads the body first, and takes the response
that such an exception carries as the answer.
"""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any

from azpoll.protocol.answer import FailureKind
from azpoll.protocol.reading import is_success
from azpoll.transport.body import read_body
from azpoll.transport.caller_error import CallerError, call, is_raised_by
from azpoll.transport.raw_response import BrokenStream, RawResponse, raw_response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from azpoll.transport.library import HTTPRequest

    EventHooks = Mapping[str, Sequence[Any]]

CONTENT_ENCODING = "content-encoding"


async def exchange(transport: Any, request: HTTPRequest, hooks: EventHooks, library: ModuleType, max_body: int) -> Any:  # noqa: ANN401 - of the library
    """Send one request through a transport and return its response, whose body has been read.

    If the body cannot be read, no response hook is called, and the stream of the response is a `BrokenStream`.

    Raises:
        CallerError: a hook raised an exception that does not carry this response.
    """
    for hook in hooks["request"]:
        await call(FailureKind.HOOK, hook, request, was_sent=False)
    start_s = perf_counter()
    response = await transport.handle_async_request(request)
    response.request = request
    try:
        if not await read_response(response, library, max_body):
            return response
        response.elapsed = timedelta(seconds=perf_counter() - start_s)
        for hook in hooks["response"]:
            await call(FailureKind.HOOK, hook, response)
    except CallerError as raised:
        await response.aclose()
        if getattr(raised.error, "response", None) is not response:
            raise
    except BaseException:
        await response.aclose()
        raise
    return response


async def read_response(response: Any, library: ModuleType, max_body: int) -> bool:  # noqa: ANN401 - as above
    """Read the body of a response within the limit; return False if that failed.

    `response.aread` would decode a whole chunk before a limit can apply, so it is given the decoded body.
    """
    headers = response.headers
    try:
        body = await read_body(raw_response(response), max_body, headers.get(CONTENT_ENCODING, ""))
    except Exception as error:  # noqa: BLE001 - of any transport; it is raised again when the body is asked for
        response.stream = BrokenStream(error)
        return False
    if not response.is_stream_consumed:
        response.stream = library.ByteStream(body)
        response.headers = library.Headers([pair for pair in headers.raw if pair[0].lower() != b"content-encoding"])
        await response.aread()
        response.headers = headers
    return True


def shown_response(error: BaseException, request: HTTPRequest, hooks: EventHooks, library: ModuleType) -> RawResponse:
    """Return the response that an exception of `client.send` carries; else raise the exception.

    The client closed the response. If its body was not read, only a status code that is no success is an answer.

    Args:
        error: raised by `client.send`.
        request: that was sent.
        hooks: of the client.
        library: of the client.

    Raises:
        CallerError: an event hook raised the exception, or it belongs to a request of the auth's own.
    """
    response: Any = getattr(error, "response", None)
    answered = _request_of(response)
    if answered is not None and answered is request:
        shown = RawResponse(response.status_code, response.headers.raw, BrokenStream(error), b"", url=str(answered.url))
        if response.is_stream_consumed:
            return shown._replace(content=response.content)
        if not is_success(response.status_code):
            return shown
        return shown._replace(stream=BrokenStream(CallerError(FailureKind.HOOK, error)), content=None)
    for event, was_sent in (("response", True), ("request", False)):
        if is_raised_by(error, hooks[event]):
            raise CallerError(FailureKind.HOOK, error, was_sent=was_sent) from None
    if isinstance(error, library.RequestError):
        failed = _request_of(error)
        if failed is not None and failed.url != request.url:
            raise CallerError(FailureKind.AUTH, error) from None  # a request for a token failed
    raise error


def _request_of(holder: Any) -> HTTPRequest | None:  # noqa: ANN401 - a response or an exception, of any library
    """Return the request of a response or an exception; None if it has none."""
    try:
        request: HTTPRequest | None = getattr(holder, "request", None)
    except RuntimeError:  # the library raises it where there is none
        return None
    return request
