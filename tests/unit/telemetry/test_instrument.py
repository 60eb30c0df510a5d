"""The instrumentation as a whole: what it needs, what it costs, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll import telemetry
from tests.support.operations import THING

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import FakeARM
    from tests.support.telemetry_sdk import TelemetrySDK


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - its own
    return done.stdout


def test_opentelemetry_is_imported_when_a_tracker_is_instrumented() -> None:
    """A program that only redacts its logs needs no OpenTelemetry."""
    program = "import sys, azpoll.telemetry; azpoll.telemetry.redact_logs(); print('opentelemetry' in sys.modules)"
    assert run(program) == "False\n"


def test_without_opentelemetry_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import azpoll.telemetry\n"
        "try: azpoll.telemetry.instrument(None)\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    assert "python -m pip install 'azpoll[otel]'" in run(program)


@pytest.mark.anyio
async def test_after_the_end_nothing_is_reported(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    """A tracker without a listener makes no event, so that it does no work for telemetry."""
    fake_arm.operation("PUT", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        with sdk.instrument(tracker) as handle:
            assert isinstance(handle, telemetry.Instrumentation)
        await (await tracker.begin("PUT", THING))
    assert not sdk.exporter.get_finished_spans()
    assert not {point.value for points in sdk.points().values() for point in points} - {0}


@pytest.mark.anyio
async def test_the_global_providers_are_used_by_default(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Without an SDK they do nothing."""
    fake_arm.operation("PUT", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        with telemetry.instrument(tracker):
            assert (await (await tracker.begin("PUT", THING))).status_code == 200


@pytest.mark.anyio
async def test_two_instrumentations_report_each_for_itself(
    client: httpx.AsyncClient, fake_arm: FakeARM, sdk: TelemetrySDK
) -> None:
    fake_arm.operation("PUT", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        with sdk.instrument(tracker), sdk.instrument(tracker, poll_spans=False):
            operation = await tracker.begin("PUT", THING)
            await operation
    assert len(sdk.spans("azpoll.operation")) == 2
    assert len(sdk.spans("azpoll.poll")) == operation.snapshot().polls


def test_instrument_takes_a_tracker() -> None:
    with pytest.raises(TypeError, match=r"tracker must be an azpoll\.Tracker, not NoneType"):
        telemetry.instrument(None)  # type: ignore[arg-type]  # - wrong type on purpose
