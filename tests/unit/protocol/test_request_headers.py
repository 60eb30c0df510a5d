"""Rule 45: the headers that a caller may add to polls."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.request_headers import MAX_HEADER, header_problem

BAD_VALUE = "the value of x-a is not printable ASCII text of at most 8192 characters"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("x-tenant", "t", None),
        ("Authorization", "", None),
        ("!#$%&'*+-.^_`|~09aZ", "a b", None),
        ("x" * 256, "a", None),
        ("x-a", "v" * MAX_HEADER, None),
        ("", "a", "'' is not the name of a header"),
        ("x" * 257, "a", f"'{'x' * 64}' is not the name of a header"),
        ("x a", "a", "'x a' is not the name of a header"),
        ("x\n", "a", r"'x\n' is not the name of a header"),
        ("n\u00e4me", "a", "'n\u00e4me' is not the name of a header"),
        ("Host", "a", "Host is set by the HTTP library"),
        ("x-a", "v" * (MAX_HEADER + 1), BAD_VALUE),
        ("x-a", "\u00e9", BAD_VALUE),
        ("x-a", "a\nb", BAD_VALUE),
        ("x-a", " a", BAD_VALUE),
        ("x-a", "a ", BAD_VALUE),
    ],
)
def test_rule_45_a_header_that_cannot_be_sent_has_a_problem(name: str, value: str, problem: str | None) -> None:
    assert header_problem(name, value) == problem


@pytest.mark.parametrize(
    "name",
    "host content-length transfer-encoding connection keep-alive te trailer upgrade expect".split(),  # noqa: SIM905 - shorter than a list
)
def test_rule_45_the_headers_of_the_http_library_cannot_be_replaced(name: str) -> None:
    assert header_problem(name.upper(), "a") == f"{name.upper()} is set by the HTTP library"


@given(st.text(max_size=9), st.text(min_size=1, max_size=9))
def test_rule_45_no_problem_shows_the_value(name: str, value: str) -> None:
    secret = f"canary{value}"
    problem = header_problem(name, secret)
    assert problem is None or "canary" not in problem
    if problem is None:
        assert set(name) <= set("!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters)
