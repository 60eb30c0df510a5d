"""The spans and metrics that the SDK of OpenTelemetry exported, in the order of the export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from azpoll.telemetry import instrument

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    import azpoll
    from azpoll.telemetry import Instrumentation


class Point(NamedTuple):
    """A data point: its attributes, its value or the sum of a histogram, and the number of measurements."""

    attributes: dict[str, Any]
    value: float
    measured: int


class TelemetrySDK(NamedTuple):
    """Providers over in-memory exporters."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def instrument(self, tracker: azpoll.Tracker[Any], *, poll_spans: bool = True) -> Instrumentation:
        return instrument(
            tracker, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, poll_spans=poll_spans
        )

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self) -> dict[str, list[Point]]:
        """Return the data points of each metric."""
        data: Any = self.reader.get_metrics_data()
        if data is None:
            return {}
        metrics = [
            metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
        ]
        return {metric.name: [_point(point) for point in metric.data.data_points] for metric in metrics}

    def value(self, name: str, **attributes: object) -> float:
        """Return the value of the one point with these attributes; 0 without such a point. `_` stands for a dot."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        points = [point for point in self.points().get(name, []) if wanted.items() <= point.attributes.items()]
        assert len(points) <= 1
        return points[0].value if points else 0


def telemetry_in_memory() -> TelemetrySDK:
    """Return the SDK with in-memory exporters; no provider is global."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    return TelemetrySDK(tracer_provider, MeterProvider([reader], shutdown_on_exit=False), exporter, reader)


def _point(point: Any) -> Point:
    attributes = dict(point.attributes)
    if hasattr(point, "count"):
        return Point(attributes, point.sum, point.count)
    return Point(attributes, point.value, 1)
