"""The headers that are read mean the same whether a transport gives them as bytes or as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import fold_headers
from azpoll.transport.headers import LONGEST_KEPT, READ, SHAPES_KEPT, bytes_of, read_headers, text_of

LATIN = st.text(st.characters(max_codepoint=0xFF))
NAMES = st.sampled_from([*READ, *(name.title() for name in READ), "x-other", "n" * (LONGEST_KEPT + 1)]) | LATIN
PAIRS = st.lists(st.tuples(NAMES, LATIN | st.sampled_from(["", " ", "\t5 "])))


@given(pairs=PAIRS)
def test_text_and_bytes_are_read_alike(pairs: list[tuple[str, str]]) -> None:
    """As `fold_headers` reads them, but for those that nobody reads."""
    read = {name: value for name, value in fold_headers(pairs).items() if name in READ}
    assert read_headers(pairs) == read_headers(bytes_of(pairs)) == read


def test_more_shapes_of_answers_than_are_remembered_are_read_all_the_same() -> None:
    for number in range(2 * SHAPES_KEPT):
        assert read_headers([(f"x-{number}", "1"), ("Retry-After", str(number))]) == {"retry-after": str(number)}


@given(pairs=PAIRS)
def test_bytes_stay_as_they_are(pairs: list[tuple[str, str]]) -> None:
    """A response is rebuilt of what was received."""
    raw = bytes_of(pairs)
    assert [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw] == pairs == text_of(raw)
    assert bytes_of(raw) == raw
