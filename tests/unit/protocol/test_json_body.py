"""Rule 17 and threat T10: JSON is read as Python's own reader does, and in a time that its length bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer
from azpoll.protocol.json_body import (
    LARGE,
    BodyProblem,
    is_list,
    is_object,
    object_in,
    read_json,
    text_member,
    text_of,
    value_in,
)
from azpoll.protocol.reading import Reading
from tests.support.json_documents import DOCUMENTS, JSON

if TYPE_CHECKING:
    from collections.abc import Callable

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
WORD = (
    '{"content":"Lorem","polygon":[1.0461,1.1283,1.9531,1.1283,1.9531,1.3021,1.0461,1.3021],"confidence":0.994,'
    '"span":{"offset":12345,"length":5}}'
)
TEXTS = st.lists(st.sampled_from(WORDS)).map("".join) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def answer(body: bytes, content_type: str | None = None) -> Answer:
    """Return an answer with this body."""
    headers = {} if content_type is None else {"content-type": content_type}
    return Answer(200, headers, body, "https://h/op", datetime(2024, 11, 6, tzinfo=UTC), 0.0)


def outcome(read: Callable[[T], object], data: T) -> tuple[str, object]:
    """Return the repr of the value that a reader returns, or that it refuses the data."""
    try:
        return "value", repr(read(data))
    except (ValueError, RecursionError):
        return "refused", None


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
def test_rule_17_any_bytes_are_read_as_pythons_own_reader_does(data: bytes) -> None:
    assert outcome(lambda body: value_in(text_of(body)), data) == outcome(json.loads, data)


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b'{"status": "Succeeded"}', "application/json; charset=utf-8", {"status": "Succeeded"}),
        (b'{"status": "Succeeded"}', None, {"status": "Succeeded"}),
        (b'{"status": "Succeeded"}', "text/html", {"status": "Succeeded"}),
        (b'\xef\xbb\xbf{"a": 1}', None, {"a": 1}),
        ('{"a": "ö"}'.encode("utf-16"), None, {"a": "ö"}),
        (b"[1]", None, [1]),
        (b"null", None, None),
        (b' "text"\n', None, "text"),
        (b'{"a": "\xed\xa0\x80"}', None, {"a": "\ud800"}),
        (b'{"a": 1}\r\n', None, {"a": 1}),
    ],
)
def test_rule_17_json_is_read_with_any_content_type(body: bytes, content_type: str | None, value: object) -> None:
    """`Content-Type` is advice only, and a BOM is accepted."""
    assert read_json(answer(body, content_type)) == value


@pytest.mark.parametrize(
    ("body", "content_type", "absent"),
    [
        (b"", "application/json", BodyProblem.EMPTY),
        (b" \r\n\t", None, BodyProblem.EMPTY),
        (b"\xef\xbb\xbf \r\n", "application/json", BodyProblem.EMPTY),
        (b'{"status": ', None, BodyProblem.BROKEN),
        (b'{"status": "Succeeded"} {"status": "Failed"}', None, BodyProblem.BROKEN),
        (b'{"status": "Succeeded"}}', None, BodyProblem.BROKEN),
        (b" \n[1, 2", None, BodyProblem.BROKEN),
        (b"\xef\xbb\xbf{", None, BodyProblem.BROKEN),
        (b"Accepted", "application/json", BodyProblem.BROKEN),
        (b"Accepted", "Text/HTML", BodyProblem.HTML),
        (b"<!DOCTYPE html><title>Bad Gateway</title>", None, BodyProblem.HTML),
        (b"<!DOCTYPE html>", "application/json", BodyProblem.HTML),
        (b"\r\n<HTML>", None, BodyProblem.HTML),
        (b"<head><title>502</title>", None, BodyProblem.HTML),
        (b"<Body>Bad Gateway", None, BodyProblem.HTML),
        (b"<h1>Bad Gateway</h1>", None, BodyProblem.HTML),
        (b"<!-- a proxy's page -->", None, BodyProblem.HTML),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">', None, BodyProblem.HTML),
        (b"<headers/>", None, BodyProblem.OPAQUE),
        (b"<?xml ".ljust(250, b"x") + b"><html>", None, BodyProblem.HTML),
        (b"<?xml ".ljust(251, b"x") + b"><html>", None, BodyProblem.OPAQUE),
        (b'\x0c{"a": 1}', None, BodyProblem.BROKEN),
        (b'{"a": "\xff"}', None, BodyProblem.BROKEN),
        (b"[" * 100_000, None, BodyProblem.BROKEN),
        (b'{"a": ' + b"1" * 5000 + b"}", None, BodyProblem.BROKEN),
        (b"<?xml version='1.0'?><a/>", "application/xml", BodyProblem.OPAQUE),
        (b"Accepted", None, BodyProblem.OPAQUE),
        (b"\xff\xd8\xff\xe0", "image/jpeg", BodyProblem.OPAQUE),
    ],
)
def test_rule_17_a_body_without_json_says_why(body: bytes, content_type: str | None, absent: BodyProblem) -> None:
    """Broken where JSON was promised, a page of HTML, or opaque where it is of another type."""
    assert read_json(answer(body, content_type)) is absent
    assert Reading(answer(body, content_type)).document is None


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        (b"", BodyProblem.CUT),
        (b" " * 256 + b"x", BodyProblem.CUT),
        (b" " * 255 + b"x", BodyProblem.OPAQUE),
    ],
)
def test_rule_17_only_the_first_256_bytes_say_whether_a_body_may_have_been_cut(
    body: bytes, absent: BodyProblem
) -> None:
    assert read_json(answer(body)._replace(is_complete=False)) is absent


def test_rule_17_a_text_has_one_value_and_blanks_of_json_around_it() -> None:
    assert value_in(" [1]\r\n\t") == [1]
    for text in ("\x0c[1]", "[1] [2]", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - the parser's own texts differ between versions of Python
            value_in(text)


def test_rule_17_numbers_with_a_fraction_are_text_in_a_body_above_64_kib() -> None:
    assert read_json(answer(b"[0.5]".ljust(LARGE))) == [0.5]
    assert read_json(answer(b"[0.5]".ljust(LARGE + 1))) == ["0.5"]


MIB = 2**20


def many(value: str, size: int) -> str:
    """Return a list of this value, of about this size in bytes."""
    return f"[{','.join([value] * (size // (len(value) + 1)))}]"


def names(size: int) -> str:
    """Return an object of unequal names, of about this size in bytes."""
    return "{" + ",".join(f'"{number:05x}":0' for number in range(size // 10)) + "}"


@pytest.mark.parametrize("around", ['{"status":"Running","x":%s}', '{"x":%s,"status":"Succeeded"}\n'])
@pytest.mark.parametrize(
    ("value", "size"),
    [
        *((value, MIB) for value in ("[]", "{}", "[[]]", "[1]", '{"a":{}}', "[" * 900 + "]" * 900)),
        *((value, 8 * MIB) for value in ('{"a":1}', "[1,2,3,4,5]", '{"x":1,"y":2}')),
    ],
)
def test_t10_an_object_of_too_many_values_is_no_status(value: str, size: int, around: str) -> None:
    """Its values would take more than 30 MiB, or more than 25 times the body above 1 MiB."""
    body = (around % many(value, size - 100)).encode()
    assert read_json(answer(body)) is BodyProblem.COSTLY


@pytest.mark.parametrize("space", ["", "\n "])
def test_t10_a_list_of_too_many_values_is_a_result_that_is_not_read(space: str) -> None:
    """A list can be no status; and the encoding does not matter."""
    assert read_json(answer((space + many("[]", MIB)).encode("utf-16"))) is BodyProblem.OPAQUE
    assert read_json(answer((space + many("[]", MIB)).encode())) is BodyProblem.OPAQUE
    assert read_json(answer(many("[]", LARGE - 10).encode())) == [[]] * (LARGE // 3 - 3)


@pytest.mark.parametrize("start", ["[", '{"a":['])
def test_t10_a_costly_body_without_an_end_is_broken(start: str) -> None:
    """It was cut."""
    assert read_json(answer((start + "[]," * 400_000).encode())) is BodyProblem.BROKEN


@pytest.mark.slow
def test_t10_names_are_limited_by_the_time_that_they_take() -> None:
    assert len(object_in(read_json(answer(names(5 * MIB).encode()))) or {}) > 500_000
    assert read_json(answer(names(8 * MIB).encode())) is BodyProblem.COSTLY


def test_t10_punctuation_in_a_body_of_another_type_costs_nothing() -> None:
    """A program text is such a body."""
    for start in ("x = ", '"'):
        assert read_json(answer((start + "[{:," * 200_000).encode())) is BodyProblem.OPAQUE
    assert read_json(answer(f'"{"[{:," * 200_000}"'.encode())) == "[{:," * 200_000


@pytest.mark.slow
@pytest.mark.parametrize("size", [MIB, 8 * MIB])
@pytest.mark.parametrize("value", [WORD, json.dumps(json.loads(WORD), indent=2), "0.0123456", "17", '"some text"'])
def test_rule_17_a_result_of_document_intelligence_is_read_up_to_8_mib(value: str, size: int) -> None:
    """Also a list of numbers or texts."""
    document = object_in(
        read_json(answer(f'{{"status":"succeeded","analyzeResult":{many(value, size - 100)}}}'.encode()))
    )
    assert document is not None
    assert document["status"] == "succeeded"


@pytest.mark.parametrize("value", ["[0.5,1.5]", '{"a":"b"}', "[[10,11],[20,31]]", '{"id":"/s"}'])
def test_rule_17_a_large_status_with_content_is_read(value: str) -> None:
    """Some services answer with their result in the status monitor."""
    large = f'{{"status":"Succeeded","result":[{",".join([value] * 10_000)}]}}'
    assert Reading(answer(large.encode())).json == json.loads(large, parse_float=str)


@pytest.mark.parametrize(("body", "value"), [(b'{"a": 1}', {"a": 1}), (b"[1]", None), (b"null", None), (b"7", None)])
def test_rule_17_only_an_object_can_be_a_status(body: bytes, value: object) -> None:
    """A list, a string and null are JSON, and are none."""
    assert Reading(answer(body)).document == value


@given(st.binary(), st.none() | st.text())
def test_rule_17_any_body_is_read_without_raising(body: bytes, content_type: str | None) -> None:
    """With any content type."""
    value = read_json(answer(body, content_type))
    assert isinstance(value, BodyProblem | dict | list | str | int | float | None)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_rule_17_an_object_is_read_as_it_was_sent(document: dict[str, object]) -> None:
    """In any of the encodings of JSON."""
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert Reading(answer(json.dumps(document, ensure_ascii=True).encode(encoding))).document == document


@given(JSON)
def test_a_value_is_narrowed_to_an_object_or_a_list(value: object) -> None:
    """To the value itself, or to None."""
    assert (is_object(value), is_list(value)) == (type(value) is dict, type(value) is list)
    assert object_in(value) is (value if is_object(value) else None)


@given(DOCUMENTS, st.sampled_from(["status", "properties", "absent"]))
def test_a_member_is_narrowed_to_an_object_or_to_text(document: dict[str, object], name: str) -> None:
    """Text is trimmed and not blank; no document has no members."""
    value = document.get(name)
    assert object_in(value) is (value if isinstance(value, dict) else None)
    assert text_member(document, name) == ((value.strip() or None) if isinstance(value, str) else None)
    assert text_member(None, name) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize(
    "value", ['"text"', "true", "false", "null", "-1.5e+30", '{"a":1}', "[1,2]", ' "\u00e9\u20ac"']
)
def test_rule_17_the_beginning_of_json_may_have_been_cut(value: str, encoding: str) -> None:
    """Without a length and a type, JSON that was cut anywhere is no text. A number is a number wherever it is cut."""
    whole = value.encode(encoding)
    assert not isinstance(read_json(answer(whole)._replace(is_complete=False)), BodyProblem)
    for length in range(1, len(whole)):
        found = read_json(answer(whole[:length])._replace(is_complete=False))
        if not isinstance(found, (int, float)) or isinstance(found, bool):
            assert found in {BodyProblem.CUT, BodyProblem.BROKEN, BodyProblem.EMPTY}, whole[:length]


@pytest.mark.parametrize("body", [b'"quoted" text', b"true story", b"no", b"-", b"2026-01-01", b"\xff\xfeX\x00"])
def test_rule_17_text_is_text_if_it_has_a_length_or_a_type_or_is_no_beginning(body: bytes) -> None:
    assert read_json(answer(body)) is BodyProblem.OPAQUE
    assert read_json(answer(body, "text/plain")._replace(is_complete=False)) is BodyProblem.OPAQUE
    is_beginning = body[:1] in b'"-'
    problem = BodyProblem.CUT if is_beginning else BodyProblem.OPAQUE
    assert read_json(answer(body)._replace(is_complete=False)) is problem


def test_t10_numbers_with_a_fraction_are_not_converted_in_a_large_body() -> None:
    """But for `percentComplete`, the only one that azpoll reads."""
    document = {"status": "Running", "percentComplete": 12.5, "x": [1.5, 2, -1e30], "padding": "x" * LARGE}
    text = json.dumps(document)
    assert read_json(answer(text.encode())) == {**document, "x": ["1.5", 2, "-1e+30"]}
    document["percentComplete"] = "half"
    assert (object_in(read_json(answer(json.dumps(document).encode()))) or {})["percentComplete"] == "half"
