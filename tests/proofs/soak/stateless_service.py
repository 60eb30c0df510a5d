"""A service without state: the URL of an operation holds all its data.

So any growth of memory is in azpoll or in the client.
"""

from __future__ import annotations

import anyio
import httpx

ORIGIN = "https://management.azure.com"
RETRY_AFTER_S = 900

_RUNNING = b'{"status":"InProgress","percentComplete":50.5}'
_ENDS = (
    b'{"status":"Succeeded"}',
    b'{"status":"Failed","error":{"code":"Conflict","message":"No."}}',
    b'{"status":"Canceled"}',
)


class Service(httpx.AsyncBaseTransport):
    """Answers each poll by the end time in its URL.

    Attributes:
        polls: the number of polls so far.
    """

    def __init__(self) -> None:
        self.polls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.polls += 1
        number, _, ends_at_s = request.url.path.rpartition("/")[2].partition("-")
        if anyio.current_time() < float(ends_at_s):
            return httpx.Response(200, headers={"Retry-After": str(RETRY_AFTER_S)}, content=_RUNNING)
        return httpx.Response(200, content=_ENDS[int(number) % len(_ENDS)])


def begun(number: int, subscription: str, ends_at_s: float) -> httpx.Response:
    """Return the initial response of a new operation."""
    scope = f"{ORIGIN}/subscriptions/{subscription}"
    monitor = f"{scope}/providers/Microsoft.Fake/locations/westeurope/operationStatuses/{number}-{ends_at_s:.0f}"
    request = httpx.Request("DELETE", f"{scope}/providers/Microsoft.Fake/things/{number}?api-version=2024-01-01")
    headers = {"Azure-AsyncOperation": f"{monitor}?api-version=2024-01-01", "Retry-After": "60"}
    return httpx.Response(202, headers=headers, request=request)


def urls_of(response: httpx.Response) -> tuple[str, str]:
    """Return the URLs that a client must keep for an operation."""
    return str(response.request.url), response.headers["Azure-AsyncOperation"]
