"""Conversion of a step into an `Exchange`: the bytes to send and the faults of their delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from azpoll.testing.json_types import is_array, is_object
from azpoll.testing.retry_after import RetryAfter, imf_date
from azpoll.testing.steps import Cut, Delay, Drip, Drop, Ordinary, Reply, Step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from azpoll.testing.exchange import Exchange
    from azpoll.testing.fake_operation import FakeOperation

_BODYLESS = frozenset({204, 304})


def apply_faults(exchange: Exchange, step: Step) -> tuple[Reply | Ordinary | None, int]:
    """Set the faults of a step on the exchange; return the innermost answer and the number of bytes to withhold.

    The answer is None where the connection is dropped.
    """
    missing = 0
    while True:
        match step:
            case Delay():
                exchange.delay_s += step.seconds
                step = step.step
            case Drip():
                exchange.drip = step
                step = step.step
            case Cut():
                exchange.cut = True
                missing = step.missing
                step = step.step
            case Drop():
                exchange.reset = step.reset
                return None, 0
            case Reply() | Ordinary():
                return step, missing
            case _:
                assert_never(step)


def render(exchange: Exchange, reply: Reply, extra: Mapping[str, str], now: datetime, missing: int) -> dict[str, str]:
    """Write the reply into the exchange; return its headers by lower-case name.

    Args:
        exchange: of the answered request.
        reply: the answer, with its placeholders filled.
        extra: headers that the service adds to every answer.
        now: the service's wall time (aware).
        missing: promised bytes that are not sent.
    """
    body = reply.encoded()
    named = {"Date": imf_date(now), **extra, **reply.headers}
    if reply.retry_after is not None:
        delay = reply.retry_after if isinstance(reply.retry_after, RetryAfter) else RetryAfter(reply.retry_after)
        name, value = delay.header(now)
        named[name] = value
    headers = {name.lower(): value for name, value in named.items()}
    if body and "content-type" not in headers:
        named["Content-Type"] = headers["content-type"] = _content_type(reply.body)
    if reply.status not in _BODYLESS and "content-length" not in headers:
        named["Content-Length"] = str(max(len(body), missing))
    exchange.status = reply.status
    exchange.headers = list(named.items())
    exchange.body = body[: max(0, len(body) - missing)] if missing else body
    return headers


def _content_type(body: object) -> str:
    return "text/plain; charset=utf-8" if isinstance(body, str) else "application/json; charset=utf-8"


def fill_placeholders(reply: Reply, operation: FakeOperation) -> Reply:
    """Return the reply with the placeholders of `Reply` replaced by the operation's origin and URLs."""
    values = {
        "{origin}": operation.origin,
        "{poll_url}": operation.poll_url,
        "{location_url}": operation.location_url,
        "{resource_url}": operation.resource_url,
    }

    def filled(value: object) -> object:
        if isinstance(value, str):
            for placeholder, text in values.items():
                value = value.replace(placeholder, text)
            return value
        if is_object(value):
            return {name: filled(item) for name, item in value.items()}
        return [filled(item) for item in value] if is_array(value) else value

    headers = {name: str(filled(value)) for name, value in reply.headers.items()}
    return Reply(reply.status, filled(reply.body), headers, reply.retry_after, reply.terminal)
