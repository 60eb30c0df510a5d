"""Headers mean the same whether a transport delivers them as bytes or as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import fold_headers
from azpoll.transport.headers import READ_HEADERS, bytes_of, read_headers, text_of

READ = sorted(READ_HEADERS)
LATIN = st.text(st.characters(max_codepoint=0xFF))
NAMES = st.sampled_from([*READ, *(name.title() for name in READ), "x-other", "n" * 5000]) | LATIN
PAIRS = st.lists(st.tuples(NAMES, LATIN | st.sampled_from(["", " ", "\t5 "])))


@given(pairs=PAIRS)
def test_text_and_bytes_are_read_alike(pairs: list[tuple[str, str]]) -> None:
    """The headers that are read have the values that `fold_headers` gives them."""
    read = {name: value for name, value in fold_headers(pairs).items() if name in READ_HEADERS}
    assert read_headers(pairs) == read_headers(bytes_of(pairs)) == read


@given(pairs=PAIRS)
def test_bytes_are_unchanged(pairs: list[tuple[str, str]]) -> None:
    """A response is rebuilt from the received bytes."""
    raw = bytes_of(pairs)
    assert [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw] == pairs == text_of(raw)
    assert bytes_of(raw) == raw
