"""docs/observability.md: each example does what the page says, and the tables name what is reported."""

from __future__ import annotations

import logging
import re
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll.telemetry import LOGGERS, attributes
from azpoll.testing import FakeARM, Reply, Script, run_virtual
from tests.docs.test_examples import blocks, namespace_of
from tests.support.clients import client_of
from tests.support.operations import THING, error_of
from tests.support.repository import ROOT
from tests.support.telemetry_sdk import telemetry_in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
LOGS, COUNTS, WATCH, TRACES, PROMETHEUS = (block.values[0] for block in blocks("docs/observability.md"))


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def unfiltered() -> Iterator[None]:
    """Remove the filters that an example adds to the loggers of the libraries."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [list(logger.filters) for logger in loggers]
    yield
    for logger, filters in zip(loggers, before, strict=True):
        logger.filters[:] = filters


def run(example: str, backend: Any) -> None:
    arm = FakeARM(default=Script(duration_s=20))
    main: Any = namespace_of(example)["main"]

    async def run_main() -> None:
        async with client_of(arm) as client:
            await main(client)

    run_virtual(run_main, backend=backend)
    assert arm.statistics().started == 1
    arm.no_early_polls()


def test_the_example_of_traces(backend: Any) -> None:
    run(TRACES, backend)


def test_the_example_for_prometheus_prints_the_metrics(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(PROMETHEUS, backend)
    printed = capsys.readouterr().out
    for name in ("azpoll_operation_duration_seconds_sum{", "azpoll_polls_total{", "azpoll_budget_wait_seconds{"):
        assert name in printed
    assert re.search(r'azpoll_operations\{azpoll_operation_state="running"[^}]*\} 0\.0', printed)
    assert "azpoll_operation_id" not in printed


def test_the_example_of_counts(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(COUNTS, backend)
    assert "1 run, 0 polls, 0 failed, 0 seen late" in capsys.readouterr().out


def test_the_example_of_the_table_prints_it(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(WATCH, backend)
    assert capsys.readouterr().err.startswith("0 running, 1 succeeded\n")


@pytest.mark.usefixtures("unfiltered")
def test_the_example_of_logs_writes_the_line_on_the_page(backend: Any) -> None:
    stream, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        run(LOGS, backend)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    (line,) = re.findall(r"^INFO:httpx:.*$", PAGE, re.MULTILINE)
    assert line in stream.getvalue()
    assert "secret" not in stream.getvalue()


def test_the_tables_name_each_span_metric_and_attribute(backend: Any) -> None:
    """An operation with a failure, a 429 and an action reports all names of the code."""
    sdk, arm = telemetry_in_memory(), FakeARM()
    failed = Reply(200, {"status": "Failed"}, {"x-ms-request-id": "r", "x-ms-correlation-request-id": "c"})
    arm.operation("POST", polls=[Reply(429, retry_after=1), failed])

    async def run_failing() -> None:
        async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
            sdk.instrument(tracker)
            await error_of(await tracker.begin("POST", THING.replace("?", "/start?"), label="l"))

    run_virtual(run_failing, backend=backend)
    spans = sdk.exporter.get_finished_spans()
    reported = {name for span in spans for name in (span.name, *(span.attributes or {}))} | set(sdk.points())
    names = {value for name, value in vars(attributes).items() if name.isupper() and isinstance(value, str)}
    assert names - {attributes.STATUS_CLASS, attributes.REACH} <= reported
    tables = PAGE.partition("### Prometheus")[0]
    on_page = set(re.findall(r"`([a-z_.0-9]+)`", tables))
    on_page |= {f"azpoll.operation{name}" for name in on_page if name.startswith(".")}
    assert reported | names <= on_page
