"""In-memory exporters of the OpenTelemetry SDK."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.unit.telemetry.telemetry_sdk import TelemetrySDK


@pytest.fixture
def sdk() -> TelemetrySDK:
    """The SDK with in-memory exporters; no provider is global."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    return TelemetrySDK(tracer_provider, MeterProvider([reader], shutdown_on_exit=False), exporter, reader)
