"""The listener that turns the events of a tracker into spans and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import metrics, trace

from azpoll.errors import WrongEventLoop
from azpoll.events import (
    InitialRequestUnknown,
    JournalFailed,
    OperationEnded,
    OperationTracked,
    PollAnswered,
    ScopeThrottled,
)
from azpoll.telemetry.attributes import UNKNOWN_KIND, Kind, kind_of
from azpoll.telemetry.handle import Instrumentation
from azpoll.telemetry.metrics import TrackerMetrics
from azpoll.telemetry.spans import OperationSpans
from azpoll.tracker import Tracker
from azpoll.tracking.settings import checked_value

if TYPE_CHECKING:
    from azpoll.events import Event

NAME = "azpoll"
"""The name of the tracer and of the meter."""


class KnownOperation(NamedTuple):
    """The facts of a running operation that its later events do not repeat."""

    kind: Kind = UNKNOWN_KIND
    resumed: bool | None = None
    initiator: trace.SpanContext = trace.INVALID_SPAN_CONTEXT


UNKNOWN_OPERATION = KnownOperation()


class EventReporter:
    """Reports each event. It keeps one `KnownOperation` for each running operation that it saw begin."""

    def __init__(self, tracker: Tracker[Any], spans: OperationSpans, tracker_metrics: TrackerMetrics) -> None:
        self._tracker = tracker
        self._spans = spans
        self._metrics = tracker_metrics
        self._known: dict[str, KnownOperation] = {}

    def __call__(self, event: Event) -> None:
        """Report an event."""
        match event:
            case OperationTracked():
                initiator = trace.get_current_span().get_span_context()
                self._known[event.operation_id] = KnownOperation(kind_of(event), event.resumed, initiator)
                self._metrics.tracked()
            case PollAnswered():
                known = self._known.get(event.operation_id, UNKNOWN_OPERATION)
                self._spans.polled(event, known.kind, known.initiator)
                self._metrics.polled(event, known.kind)
                self._metrics.read_budget(event.at_s, self._tracker.statistics)
            case OperationEnded():
                known = self._known.pop(event.operation_id, UNKNOWN_OPERATION)
                self._spans.ended(event, known.kind, known.initiator, resumed=known.resumed)
                self._metrics.ended(event, known.kind)
            case ScopeThrottled():
                self._metrics.throttled(event)
                self._metrics.read_budget(event.at_s, self._tracker.statistics)
            case JournalFailed():
                self._metrics.journal_failed()
            case InitialRequestUnknown():  # its operation, if there is one, is tracked as any other
                pass


def started(
    tracker: Tracker[Any],
    tracer_provider: trace.TracerProvider | None,
    meter_provider: metrics.MeterProvider | None,
    *,
    poll_spans: bool,
) -> Instrumentation:
    """Subscribe to a tracker; see `azpoll.telemetry.instrument`."""
    checked_value("tracker", tracker, Tracker)
    from azpoll import __version__  # noqa: PLC0415 - azpoll imports its features lazily, and they never at import

    tracer = trace.get_tracer(NAME, __version__, tracer_provider)
    meter = metrics.get_meter(NAME, __version__, meter_provider)
    tracker_metrics = TrackerMetrics(meter, _running(tracker))
    reporter = EventReporter(tracker, OperationSpans(tracer, poll_spans=poll_spans), tracker_metrics)
    unsubscribe = tracker.subscribe(reporter)

    def end() -> None:
        unsubscribe()
        tracker_metrics.close()

    return Instrumentation(end)


def _running(tracker: Tracker[Any]) -> int:
    """Return the number of operations that are tracked already; 0 before the tracker is entered."""
    try:
        return tracker.statistics().running
    except WrongEventLoop:
        return 0
