"""Every row of docs/services.md runs on a scripted server of that service, on both backends."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import azpoll
from azpoll.testing import run_virtual
from tests.docs.service_exchanges import EXCHANGES, Exchange, Step
from tests.docs.service_table import Row, service_rows
from tests.support.clients import new_client

ROWS = service_rows()
CASES = [
    pytest.param(row, exchange, id=f"{row.service}-{number}")
    for row in ROWS
    for number, exchange in enumerate(EXCHANGES.get(row.service, ()))
]
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class Service:
    """A server that expects certain requests in their order."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.left = list(steps)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert self.left, f"unexpected: {request.method} {request.url}"
        step = self.left.pop(0)
        assert (request.method, str(request.url)) == (step.method, step.url)
        assert ("authorization" in request.headers) is not step.anonymous
        if isinstance(step.body, bytes | None):
            return httpx.Response(step.status, headers=step.headers, content=step.body)
        return httpx.Response(step.status, headers=step.headers, json=step.body)


def play(row: Row, url: str, steps: tuple[Step, ...], backend: Any) -> httpx.Response:
    """Run the program of a row and return its result. All steps must have been requested."""
    service = Service(steps)

    async def run() -> httpx.Response:
        transport, headers = httpx.MockTransport(service), {"Authorization": "Bearer secret"}
        async with new_client(transport=transport, base_url=row.base_url, headers=headers) as client:
            response = await client.request(steps[0].method, url, json={}) if row.needs_response else None
            namespace: dict[str, Any] = {"azpoll": azpoll, "httpx": httpx}
            exec(compile(row.program(), row.service, "exec", dont_inherit=True), namespace)  # noqa: S102 - ours
            result: httpx.Response = await namespace["program"](client, url, {}, b"", response)
            return result

    try:
        return run_virtual(run, backend=backend)
    finally:
        assert not service.left


def test_the_table_and_the_exchanges_have_the_same_services() -> None:
    assert [row.service for row in ROWS] == list(EXCHANGES)
    assert len(ROWS) >= 16
    assert all(row.why and row.source for row in ROWS)


@BACKENDS
@pytest.mark.parametrize(("row", "exchange"), CASES)
def test_rules_47_and_48_each_service_succeeds(row: Row, exchange: Exchange, backend: str) -> None:
    result = play(row, exchange.url, exchange.running + exchange.succeeded, backend)
    expected = exchange.succeeded[-1]
    assert str(result.request.url) == expected.url
    assert (result.content if isinstance(expected.body, bytes) else result.json()) == expected.body


@BACKENDS
@pytest.mark.parametrize(("row", "exchange"), CASES)
def test_rules_47_and_48_each_service_fails(row: Row, exchange: Exchange, backend: str) -> None:
    with pytest.raises(exchange.error) as caught:
        play(row, exchange.url, (*exchange.running, exchange.failed), backend)
    assert type(caught.value) is exchange.error
    if exchange.code is not None:
        assert caught.value.code == exchange.code


OPTIONS = [
    pytest.param(row, option, id=f"{row.service}-{option.partition('=')[0]}")
    for row in ROWS
    for option in row.options()
]


@pytest.mark.parametrize(("row", "option"), OPTIONS)
def test_each_option_of_a_row_is_needed(row: Row, option: str) -> None:
    """Without it, some operation of the service ends otherwise."""
    without = row.without(option)
    assert without != row
    ends: list[bool] = []
    for exchange in EXCHANGES[row.service]:
        try:
            result = play(without, exchange.url, exchange.running + exchange.succeeded, "asyncio")
            ends.append(str(result.request.url) == exchange.succeeded[-1].url)
            play(without, exchange.url, (*exchange.running, exchange.failed), "asyncio")
            ends.append(False)
        except exchange.error:
            ends.append(True)
        except (AssertionError, azpoll.AzpollError):
            ends.append(False)
    assert not all(ends)


@pytest.mark.parametrize(
    ("service", "option"),
    [("Microsoft Fabric", "allowed_origins"), ("Microsoft Graph: copy of a file", "anonymous_origins")],
)
def test_rule_9_without_the_option_the_error_names_it(service: str, option: str) -> None:
    row = next(row for row in ROWS if row.service == service)
    exchange = EXCHANGES[service][0]
    with pytest.raises(azpoll.UntrustedPollingURL, match=option):
        play(row._replace(tracker=""), exchange.url, exchange.running[:1], "asyncio")
