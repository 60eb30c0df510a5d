"""Only the readers touch the headers and the body of an answer: the machine looks at a `Reading` alone."""

from __future__ import annotations

import ast
from importlib.resources import files

import pytest

READERS = {
    "answer": {"body"},
    "json_body": {"headers", "body"},
    "retry_after": {"headers"},
    "arm_error": {"headers", "body"},
    "throttling": {"headers"},
    "query_quota": {"headers"},
    "reading": {"headers"},
    "cookies": {"raw_headers"},
    "azure_core_token": {"headers"},  # of the response that it makes
}
"""The modules that may touch an answer, and the attributes that they touch; `answer` shows the size of a body."""

ATTRIBUTES = {"headers", "body", "raw_headers"}

SOURCES = {
    entry.name.removesuffix(".py"): entry.read_text(encoding="utf-8")
    for entry in files("azpoll.protocol").iterdir()
    if entry.name.endswith(".py")
}


def touched(source: str) -> set[str]:
    """Return the attributes of an answer that a module reads or replaces."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.MatchClass):
            found.update(node.kwd_attrs)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_replace":
            found.update(keyword.arg for keyword in node.keywords if keyword.arg is not None)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found & ATTRIBUTES


@pytest.mark.parametrize("module", sorted(SOURCES.keys() - READERS.keys()))
def test_no_other_module_touches_the_headers_or_the_body_of_an_answer(module: str) -> None:
    assert not touched(SOURCES[module])


@pytest.mark.parametrize("module", sorted(READERS))
def test_each_reader_touches_its_listed_attributes(module: str) -> None:
    """`Answer.without_content` replaces all three."""
    assert touched(SOURCES[module]) == (ATTRIBUTES if module == "answer" else READERS[module])


@pytest.mark.parametrize(
    ("breach", "found"),
    [
        ("x = outcome.headers['retry-after']", {"headers"}),
        ("def read(a):\n    return len(a.body)", {"body"}),
        ("a._replace(raw_headers=())", {"raw_headers"}),
        ("match a:\n    case Answer(body=b'x'):\n        pass", {"body"}),
        ("getattr(a, 'headers')", {"headers"}),
        ("headers = body = 1", set[str]()),
    ],
)
def test_a_breach_is_found(breach: str, found: set[str]) -> None:
    assert touched(breach) == found
