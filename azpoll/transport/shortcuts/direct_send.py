"""Send a poll without a request and a response object, through a transport that offers `get_directly`.

`azpoll.fast` offers it. Over such a transport the two objects of httpx would take more than a quarter of a poll.

Gain: without it a poll over `azpoll.fast` takes about 40 us more (+39 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from azpoll.transport.raw_response import RawResponse

TextHeaders: TypeAlias = "Sequence[tuple[str, str]]"

DirectSend: TypeAlias = "Callable[[str, TextHeaders, TextHeaders, Mapping[str, float | None]], Awaitable[RawResponse]]"
"""The method `get_directly(url, headers, own, timeouts)`, which sends a GET for exactly this absolute URL.

`headers` are shared by many requests, which then pass the same object; `own` are those of this request alone. The
timeouts are in seconds, by kind. The method raises the errors of the transport's `handle_async_request`."""
