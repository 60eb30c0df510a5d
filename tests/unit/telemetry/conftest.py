"""The SDK of OpenTelemetry in memory."""

from __future__ import annotations

import pytest

from tests.support.telemetry_sdk import TelemetrySDK, telemetry_in_memory


@pytest.fixture
def sdk() -> TelemetrySDK:
    """The SDK with in-memory exporters, new for each test."""
    return telemetry_in_memory()
