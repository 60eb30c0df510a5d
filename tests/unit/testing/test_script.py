"""`Script` refuses a course that no server could play, and names what is allowed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from azpoll.testing import FakeARM, Ordinary, Reply, RetryAfter, Script

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
