"""Rule 47: the first state of an operation of which only the polling URL is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.followed_url import follow
from azpoll.protocol.patterns import LOCATION, OPERATION_LOCATION, RESOURCE, UNTIL_GONE
from azpoll.protocol.plan import FinalStateVia
from tests.support.protocol_rows import PLAN

if TYPE_CHECKING:
    from azpoll.protocol.plan import PatternName


@pytest.mark.parametrize(
    ("method", "chosen", "pattern", "counts_as", "result"),
    [
        ("POST", None, OPERATION_LOCATION, "POST", "final"),
        ("PUT", "operation-location", OPERATION_LOCATION, "POST", "final"),
        ("DELETE", "location", LOCATION, "POST", "status"),
        ("PATCH", "resource", RESOURCE, "PATCH", "final"),
        ("GET", "resource", RESOURCE, "GET", "final"),
        ("DELETE", "resource", UNTIL_GONE, "DELETE", "final"),
    ],
)
def test_rule_47_a_method_counts_only_at_the_resource(
    method: str, chosen: PatternName | None, pattern: object, counts_as: str, result: str
) -> None:
    state = follow(PLAN._replace(method=method, pattern=chosen))
    assert (state.pattern, state.plan.method, state.plan.result) == (pattern, counts_as, result)
    assert state.url == state.next_request.url == PLAN.resource_url
    assert not state.next_request.delay.seconds


def test_rule_47_the_original_uri_is_unknown_unless_the_resource_is_followed() -> None:
    plan = PLAN._replace(method="POST", final_state_via=FinalStateVia.ORIGINAL_URI)
    with pytest.raises(ValueError, match="original-uri") as raised:
        follow(plan._replace(pattern="location"))
    assert str(raised.value) == (
        "final_state_via='original-uri' needs the URL of the initial request, which `follow` does not know. Allowed are"
        " 'azure-async-operation', 'operation-location' and 'location', or any with pattern='resource'"
    )
    assert follow(plan._replace(pattern="resource")).pattern is RESOURCE
