"""The HTTP client of the demo: httpx or httpx2."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import httpx

from azpoll.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx2

Client: TypeAlias = "httpx.AsyncClient | httpx2.AsyncClient"
Response: TypeAlias = "httpx.Response | httpx2.Response"


def create_client(library: str, base_url: str, on_response: Callable[[Response], Awaitable[None]]) -> Client:
    """Return a client that calls a hook for each response.

    Raises:
        UsageError: the library is not installed.
    """
    if library == "httpx":
        return httpx.AsyncClient(base_url=base_url, event_hooks={"response": [on_response]}, trust_env=False)
    try:
        import httpx2  # noqa: PLC0415 - optional
    except ImportError:
        raise UsageError("httpx2 is not installed: pip install httpx2") from None
    return httpx2.AsyncClient(base_url=base_url, event_hooks={"response": [on_response]}, trust_env=False)
