"""The spans `azpoll.operation` and `azpoll.poll`: made when they are over, with their times."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import escape_for_display, masked_label
from azpoll.telemetry import attributes as names

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from azpoll.events import OperationEnded, PollAnswered
    from azpoll.telemetry.attributes import Kind

LONGEST_WORD = 64
"""Characters of a status word in a span."""

OTHER_ERROR = "_OTHER"
"""The `error.type` of a failure without a code (OpenTelemetry's conventions)."""

_NS = 1_000_000_000


class OperationSpans:
    """Makes spans. Each is the root of a trace, and links to the span that was current when tracking began.

    A child would belong to a trace that ended hours ago; and a worker's context is that of the tracker's entry.
    """

    def __init__(self, tracer: Tracer, *, poll_spans: bool) -> None:
        self._tracer = tracer
        self._poll_spans = poll_spans

    def polled(self, event: PollAnswered, kind: Kind, initiator: SpanContext) -> None:
        """Make the span of a poll that was answered now."""
        if not self._poll_spans:
            return
        attributes: dict[str, str | int | float | bool] = {
            names.METHOD: "GET",
            names.OPERATION_ID: event.operation_id,
            names.LATENESS: event.lateness_s,
        }
        if kind.provider:
            attributes[names.PROVIDER] = kind.provider
        if event.label is not None:
            attributes[names.LABEL] = masked_label(event.label)
        if event.status_code is not None:
            attributes[names.STATUS_CODE] = event.status_code
        if event.status is not None:
            attributes[names.STATUS] = escape_for_display(event.status, LONGEST_WORD)
        status = None
        if event.reason is not None:
            failed = event.status_code is not None and event.status_code >= 400  # noqa: PLR2004 - an error of HTTP
            attributes[names.ERROR_TYPE] = str(event.status_code) if failed else OTHER_ERROR
            status = Status(StatusCode.ERROR, escape_for_display(event.reason))
        self._make("azpoll.poll", event.duration_s, attributes, initiator, status)

    def ended(self, event: OperationEnded, kind: Kind, initiator: SpanContext, *, resumed: bool | None) -> None:
        """Make the span of an operation that ended now; `resumed` is None if its begin was not seen."""
        attributes: dict[str, str | int | float | bool] = {
            **kind.attributes(),
            names.OPERATION_ID: event.operation_id,
            names.STATE: event.state.value,
            names.POLLS: event.polls,
        }
        optional = {
            names.LABEL: None if event.label is None else masked_label(event.label),
            names.RESUMED: resumed,
            names.REQUEST_ID: event.request_id,
            names.CORRELATION_ID: event.correlation_id,
        }
        attributes |= {name: value for name, value in optional.items() if value is not None}
        status = None
        if event.state is not OperationState.SUCCEEDED:
            attributes[names.ERROR_TYPE] = event.code or event.state.value
            status = Status(StatusCode.ERROR)
        self._make("azpoll.operation", event.tracked_s, attributes, initiator, status)

    def _make(
        self,
        name: str,
        took_s: float,
        attributes: dict[str, str | int | float | bool],
        initiator: SpanContext,
        status: Status | None,
    ) -> None:
        """Make a span that ends now and took so many seconds."""
        end_ns = time.time_ns()
        span = self._tracer.start_span(
            name,
            context=Context(),
            kind=SpanKind.INTERNAL,
            attributes=attributes,
            links=[Link(initiator)] if initiator.is_valid else [],
            start_time=end_ns - int(max(took_s, 0.0) * _NS),
        )
        if status is not None:
            span.set_status(status)
        span.end(end_ns)
