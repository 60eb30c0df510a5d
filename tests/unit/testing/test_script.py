"""`Script` refuses a course that no server could play, and names what is allowed."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from azpoll.testing import FakeARM, Limits, Ordinary, Rate, Reply, RetryAfter, Script

BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"pattern": "resource"}, ValueError, "pattern must be one of 'azure-async-operation', 'operation-location', 'loc"),
    ({"pattern": None}, ValueError, "pattern must be one of"),
    ({"duration_s": -1}, ValueError, "duration_s must be 0 or more, not -1"),
    ({"duration_s": math.nan}, ValueError, "duration_s must be 0 or more"),
    ({"cancel_takes_s": -0.5}, ValueError, "cancel_takes_s must be 0 or more"),
    ({"retry_after": math.nan}, ValueError, "retry_after must be a finite number of seconds or a RetryAfter"),
    ({"retry_after": math.inf}, ValueError, "retry_after must be a finite number"),
    ({"retry_after": "17"}, ValueError, "retry_after must be a finite number"),
    ({"outcome": " "}, ValueError, "must not be blank"),
    ({"running": ""}, ValueError, "must not be blank"),
    ({"running": "succeeded"}, ValueError, "running must be a word that ends no operation, not 'succeeded'"),
    ({"running": "Done", "outcome": "done"}, ValueError, "running must be a word that ends no operation"),
    ({"outcome": "Failed", "error_status": 200}, ValueError, "error_status must be 400 to 599, not 200"),
    ({"initial_status": 409}, ValueError, "initial_status must be 200 to 299, not 409; initial= takes any Reply"),
    ({"pattern": "location", "resource_location": True}, ValueError, "resource_location is in a status monitor"),
    ({"pattern": "body", "location": True}, ValueError, "pattern 'body' has none"),
    ({"polls": []}, ValueError, "polls needs at least one step"),
    ({"polls": [200]}, TypeError, "polls takes steps alone, such as 'Reply', 'Ordinary', 'Drop'"),
    ({"finals": [None]}, TypeError, "finals takes steps alone"),
    ({"duration_s": "5"}, TypeError, "duration_s must be a number of seconds, not str"),
    ({"duration_s": True}, TypeError, "duration_s must be a number of seconds, not bool"),
    ({"cancel_takes_s": None}, TypeError, "cancel_takes_s must be a number of seconds, not NoneType"),
    ({"outcome": None}, TypeError, "outcome must be text, not NoneType"),
    ({"running": 5}, TypeError, "running must be text, not int"),
    ({"signed": "yes"}, TypeError, "signed must be True or False, not str"),
    ({"percent_complete": 1}, TypeError, "percent_complete must be True or False, not int"),
    ({"error_status": "409"}, TypeError, "error_status must be an HTTP status code, not str"),
    ({"initial_status": 201.0}, TypeError, "initial_status must be an HTTP status code or None, not float"),
    ({"error": "Conflict"}, TypeError, "error must be a mapping or None, not str"),
    ({"polls": Reply(200)}, TypeError, "polls must be a sequence of steps or None, not Reply"),
    ({"finals": None}, TypeError, "finals must be a sequence of steps, not NoneType"),
    ({"initial": {"status": "Running"}}, TypeError, "initial takes steps alone"),
]


@pytest.mark.parametrize(("fields", "error", "text"), BAD)
def test_an_impossible_script_is_refused(fields: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Script(**fields)
    with pytest.raises(error, match=text):
        FakeARM().operation("PUT", **fields)


def test_an_unknown_form_of_retry_after_is_refused() -> None:
    form: Any = "date"
    with pytest.raises(ValueError, match="form must be one of 'seconds', 'imf-date'"):
        RetryAfter(5, form)


def test_every_possible_field_is_accepted() -> None:
    Script(duration_s=math.inf, retry_after=-1)  # a broken header
    Script(outcome="Done", running="Soaking", error={"code": "Quota"})
    Script(pattern="operation-location", resource_location=True, location=True)
    Script(initial=Reply(409), polls=[Ordinary()], finals=[Reply(404)])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"default": "PUT"}, TypeError, "default must be a function, not str"),
        ({"clock": 5.0}, TypeError, "clock must be a function, not float"),
        ({"limits": 25}, TypeError, r"limits must be an azpoll\.testing\.Limits or None, not int"),
        ({"epoch": 5.0}, TypeError, "epoch must be a datetime, not float"),
        ({"epoch": datetime(2026, 1, 1)}, ValueError, "epoch must have a time zone"),  # noqa: DTZ001 - that is refused
        ({"latency_s": -1}, ValueError, "latency_s must be 0 or more and finite, not -1"),
        ({"latency_s": math.inf}, ValueError, "latency_s must be 0 or more and finite, not inf"),
        ({"floor_s": math.nan}, ValueError, "floor_s must be 0 or more and finite, not nan"),
        ({"retry_after_cap_s": "1h"}, TypeError, "retry_after_cap_s must be a number of seconds, not str"),
        ({"log_size": 0}, ValueError, "log_size must be 1 or more, not 0"),
        ({"log_size": 1e5}, TypeError, "log_size must be an integer, not float"),
        ({"client_header": b"x"}, TypeError, "client_header must be text or None, not bytes"),
        ({"client_header": " "}, ValueError, "client_header must not be blank"),
    ],
)
def test_an_impossible_fake_is_refused(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        FakeARM(**arguments)


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "text"),
    [
        (Rate, (0, 1.0), ValueError, "capacity must be 1 or more, not 0"),
        (Rate, (2.5, 1.0), TypeError, "capacity must be an integer, not float"),
        (Rate, (1, 0), ValueError, "per_s must be above 0 and finite, not 0"),
        (Rate, (1, math.nan), ValueError, "per_s must be above 0 and finite, not nan"),
        (Limits, (25,), TypeError, r"reads must be an azpoll\.testing\.Rate or None, not int"),
        (Limits, (None, None, None, -1), ValueError, "retry_after_s must be 0 or more and finite, not -1"),
    ],
)
def test_impossible_limits_are_refused(kind: Any, arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        kind(*arguments)


def test_every_possible_fake_is_accepted() -> None:
    FakeARM(default=Script(), limits=None, clock=lambda: 0, epoch=datetime(2020, 1, 1, tzinfo=UTC), log_size=1)
    FakeARM(default=lambda _: Script(), limits=Limits(reads=Rate(1, 1)), latency_s=0, floor_s=0, client_header="x-me")
    FakeARM(retry_after_cap_s=math.inf)
