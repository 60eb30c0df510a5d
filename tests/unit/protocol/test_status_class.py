"""Rules 11, 21 and 25 to 28: the first sorting, by the HTTP status code alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.status_class import StatusClass, status_class

CODES = {
    StatusClass.READABLE: range(200, 300),
    StatusClass.REDIRECT: (301, 302, 303, 307, 308),
    StatusClass.UNAUTHORIZED: (401,),
    StatusClass.FORBIDDEN: (403,),
    StatusClass.MISSING: (404, 410),
    StatusClass.TRANSIENT: (408, 429, *range(500, 600)),
    StatusClass.UNEXPECTED: (100, 101, 103, 300, 304, 305, 306, 309, 399, 600, 999, 0, -1),
}


@pytest.mark.parametrize("kind", CODES)
def test_each_status_code_is_of_one_kind(kind: StatusClass) -> None:
    """As the rules list them; other 5xx are as transient as those of rule 25."""
    assert {status_class(code) for code in CODES[kind]} == {kind}


def test_rule_21_other_4xx_are_refusals() -> None:
    """All but 401, 403, 404, 408, 410 and 429."""
    refused = {code for code in range(400, 500) if status_class(code) is StatusClass.REFUSED}
    assert refused == set(range(400, 500)) - {401, 403, 404, 408, 410, 429}


@given(st.integers())
def test_any_number_is_of_a_kind(status_code: int) -> None:
    """Nothing raises."""
    assert isinstance(status_class(status_code), StatusClass)
