"""Rule 17 and threat T10: JSON is read as Python's own reader does, and in a time that its length bounds."""

from __future__ import annotations

import gc
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azpoll.protocol.json_body import text_of, value_in

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")

WORDS = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    "1",
    "-0.5e3",
    "null",
    "true",
    " ",
    "\n",
    "\t",
    "\0",
    "\ufeff",
    "\x0b",
    "\xa0",
]
TEXTS = st.lists(st.sampled_from(WORDS)).map("".join) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def outcome(read: Callable[[T], object], data: T) -> tuple[str, object]:
    """Return what a reader makes of a text, as text, or that it refuses it."""
    try:
        return "value", repr(read(data))
    except (ValueError, RecursionError):
        return "refused", None


@contextmanager
def collections() -> Generator[list[str]]:
    """Note each collection of garbage."""
    with_progress: list[str] = []

    def note(phase: str, _: dict[str, int]) -> None:
        with_progress.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        yield with_progress
    finally:
        gc.callbacks.remove(note)


@given(text=TEXTS)
@example("\xa01")
@example("1\x0b")
def test_rule_17_a_text_is_read_as_pythons_own_reader_does(text: str) -> None:
    if not text.startswith("\ufeff"):  # of which it complains in text, and not in bytes
        assert outcome(value_in, text) == outcome(json.loads, text)


@given(
    value=VALUES,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
    escaped=st.booleans(),
)
def test_rule_17_a_value_is_read_from_any_encoding_of_json(value: object, encoding: str, *, escaped: bool) -> None:
    body = f" {json.dumps(value, ensure_ascii=escaped)}\r\n".encode(encoding, "surrogatepass")
    assert value_in(text_of(body)) == value


@given(data=st.binary())
@example(b'"\xed\xa0\x80"')
def test_rule_17_so_are_any_bytes(data: bytes) -> None:
    assert outcome(lambda body: value_in(text_of(body)), data) == outcome(json.loads, data)


@pytest.mark.parametrize("ending", ["]", ""])
def test_t10_no_garbage_is_looked_for_among_the_values_of_a_large_text(ending: str) -> None:
    """It is afterwards, whether the text was right or not; unless the program has turned that off."""
    large = f"[{','.join(['[0,1]'] * 20_000)}{ending}"
    with collections() as with_progress:
        outcome(json.loads, large)
    assert len(with_progress) > 10
    with collections() as with_progress:
        outcome(value_in, large)
        assert len(with_progress) <= 2
    assert gc.isenabled()
    gc.disable()
    try:
        outcome(value_in, large)
        assert not gc.isenabled()
    finally:
        gc.enable()
