"""The events of a delivery of Azure Event Grid, in either schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.json_body import is_costly, is_list, object_in, text_member, text_of, value_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_EVENTS = 1000
"""Events of one delivery. A delivery of `event_grid.MAX_BODY` bytes has a few hundred."""

_VALIDATION = "microsoft.eventgrid.subscriptionvalidationevent"
_ENDED = re.compile(r"microsoft\.resources\.resource(?:write|delete|action)(?:success|failure|cancel)")
"""Events of Azure Resource Manager about the end of a change. Source: learn.microsoft.com "event-schema-resource"."""


class Delivery(NamedTuple):
    """The content of one delivery.

    Attributes:
        validation_code: of the handshake in the schema of Event Grid; None for another delivery.
        resource_ids: of resources whose change has ended, as they were sent.
    """

    validation_code: str | None
    resource_ids: list[str]


def delivery_of(body: bytes) -> Delivery:
    """Read a delivery; events of other kinds are left out.

    Raises:
        ValueError: the body is no event and no list of events, is too costly to read, or has too many of them.
    """
    try:
        text = text_of(body)
        if is_costly(text, len(body)):
            raise ValueError("the body has too many JSON values")
        value = value_in(text)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    events = value if is_list(value) else [value]
    if len(events) > MAX_EVENTS:
        raise ValueError(f"the delivery has more than {MAX_EVENTS} events")
    code: str | None = None
    resource_ids: list[str] = []
    for kind, event in _read(events):
        if kind == _VALIDATION:
            code = text_member(object_in(event.get("data")), "validationCode") or code
        elif _ENDED.fullmatch(kind) and (name := _resource_of(event)) is not None:
            resource_ids.append(name)
    return Delivery(code, resource_ids)


def _read(events: list[object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield type, in lower case, and content of each event."""
    for value in events:
        event = object_in(value)
        if event is None:
            raise ValueError("the delivery holds something that is no event")
        kind = text_member(event, "eventType") or text_member(event, "type")  # CloudEvents has `type`
        if kind is not None:
            yield kind.lower(), event


def _resource_of(event: Mapping[str, object]) -> str | None:
    return text_member(object_in(event.get("data")), "resourceUri") or text_member(event, "subject")
