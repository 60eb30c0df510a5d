"""The headers and the body of a response of pyreqwest, decoded and read when azpoll needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, overload

import httpx
from pyreqwest import exceptions

from azpoll.fast.errors import system_error_of, to_httpx
from azpoll.transport.headers import HeaderLookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyreqwest.http import HeaderMap
    from pyreqwest.request import StreamRequest
    from pyreqwest.response import Response

SHORT_DIGITS = 5
"""The greatest number of digits of the `Content-Length` of a body that is read in one call."""


class Headers(HeaderLookup):
    """The headers of a response. Headers whose values are not text are left out."""

    def __init__(self, received: HeaderMap) -> None:
        self._received = received

    def read(self, names: frozenset[str]) -> dict[str, str]:
        """Return the first value of each name that is text and not blank."""
        folded: dict[str, str] = {}
        for name in names.intersection(self._received):
            try:
                text = self._received[name].strip(" \t")
            except ValueError:  # the value is not text
                continue
            text = text or next((other for other in map(_stripped, self._values(name)) if other), "")
            if text:
                folded[name] = text
        return folded

    @overload
    def __getitem__(self, index: int) -> tuple[str, str]: ...

    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, str]]: ...

    def __getitem__(self, index: int | slice) -> tuple[str, str] | list[tuple[str, str]]:
        return self._pairs()[index]

    def __len__(self) -> int:
        return len(self._pairs())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs())

    def _pairs(self) -> list[tuple[str, str]]:
        try:
            return list(self._received.items())
        except ValueError:  # one of the values is not text
            return [(name, value) for name in dict.fromkeys(self._received) for value in self._values(name)]

    def _values(self, name: str) -> list[str]:
        """Return the values of a name, or the first one if another is not text."""
        try:
            return self._received.getall(name)
        except ValueError:
            try:
                return [self._received[name]]
            except ValueError:
                return []


def _stripped(value: str) -> str:
    return value.strip(" \t")


class Body(httpx.AsyncByteStream):
    """The body of a response, which is read in one step if it is short, and else chunk by chunk."""

    def __init__(
        self, sending: StreamRequest, response: Response, request: httpx.Request | None, *, is_short: bool
    ) -> None:
        self._sending = sending
        self._response = response
        self._request = request
        self.is_short = is_short
        self._ended = False

    # Not an asynchronous generator: the event loop would keep a weak reference to it.
    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        if self.is_short:
            return await self.read_short()
        try:
            # `read` would join 65,536 chunks of one byte before azpoll could count them, which takes 3 s.
            chunk = await self._response.body_reader.read_chunk()
        except exceptions.PyreqwestError as error:
            raise to_httpx(error, self._request) from (system_error_of(error) or error)
        if chunk is None:
            self._ended = True
            raise StopAsyncIteration
        return bytes(chunk)

    async def read_short(self) -> bytes:
        """Read a short body to its end."""
        try:
            body = await self._response.body_reader.bytes()
        except BaseException as error:
            await self.aclose()
            if isinstance(error, exceptions.PyreqwestError):
                raise to_httpx(error, self._request) from (system_error_of(error) or error)
            raise
        self._ended = True
        return bytes(body)

    async def aclose(self) -> None:
        """Release the connection."""
        if not self._ended:
            self._ended = True
            await self._sending.__aexit__(None, None, None)


def is_short(headers: HeaderMap) -> bool:
    """Whether a body cannot be longer than a short `Content-Length`, which does not limit a chunked body."""
    try:
        length = headers.get("content-length", "")
    except ValueError:  # it is not text
        return False
    return 0 < len(length) <= SHORT_DIGITS and "transfer-encoding" not in headers
