"""Telemetry: spans and metrics of OpenTelemetry, and a log filter that masks signed URLs.

    with azpoll.telemetry.instrument(tracker):
        ...

    azpoll.telemetry.redact_logs()

`instrument` needs `pip install 'azpoll[otel]'`; the log filter needs nothing. A tracker that is not instrumented does
no work for telemetry. docs/observability.md lists the spans, the metrics and their attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.telemetry.handle import Instrumentation
from azpoll.telemetry.log_redaction import LOGGERS, RedactingFilter, redact_logs

if TYPE_CHECKING:
    from typing import Any

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from azpoll.tracker import Tracker

__all__ = ["LOGGERS", "Instrumentation", "RedactingFilter", "instrument", "redact_logs"]


def instrument(
    tracker: Tracker[Any],  # of the responses of any library
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    poll_spans: bool = True,
) -> Instrumentation:
    """Report the operations of a tracker to OpenTelemetry from now on, as spans and metrics.

    Each operation has a span `azpoll.operation`, which is made at its end: a process that is killed loses no open span.
    Each poll has a span `azpoll.poll`. Both are roots of their own traces, and link to the span that was current when
    tracking began. No span or metric holds a URL, a header or a body, and no metric holds an operation id.

    Args:
        tracker: before or after it is entered. Operations that are tracked already have no link, kind or method.
        tracer_provider: of the spans; None for the global one.
        meter_provider: of the metrics; None for the global one.
        poll_spans: whether polls have spans. An instrumentation of the HTTP library has its own span for each poll of
            the client.

    Raises:
        ModuleNotFoundError: opentelemetry-api is missing.
        TypeError: `tracker` is no tracker.
    """
    try:
        from azpoll.telemetry.instrumentation import started  # noqa: PLC0415 - imports opentelemetry
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise ModuleNotFoundError(
            "azpoll.telemetry.instrument needs opentelemetry-api: python -m pip install 'azpoll[otel]'", name=error.name
        ) from error
    return started(tracker, tracer_provider, meter_provider, poll_spans=poll_spans)
