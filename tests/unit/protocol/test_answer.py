"""Rules 1, 17 and 45: headers folded, bodies read as JSON, and what an answer shows of itself."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import (
    Answer,
    BodyProblem,
    FailureKind,
    RequestFailure,
    fold_headers,
    read_json,
    read_object,
    read_status,
)
from tests.support.canary import CANARY


def answer(body: bytes, content_type: str | None = None) -> Answer:
    """Return an answer with this body."""
    headers = {} if content_type is None else {"content-type": content_type}
    return Answer(200, headers, body, f"https://h/op?sig={CANARY}", datetime(2024, 11, 6, tzinfo=UTC), 0.0)


@pytest.mark.parametrize(
    ("pairs", "headers"),
    [
        ([], {}),
        ([("Retry-After", "17")], {"retry-after": "17"}),
        ([("RETRY-AFTER", "1"), ("retry-after", "2")], {"retry-after": "1"}),
        ([("Location", ""), ("location", " \t"), ("LOCATION", " /op ")], {"location": "/op"}),
        ([("Location", " "), ("Date", "now")], {"date": "now"}),
        ([("X", "\u00a0X\x0b ")], {"x": "\u00a0X\x0b"}),
        ([("X", "\tX-X ")], {"x": "X-X"}),
    ],
)
def test_rule_1_the_first_non_blank_value_of_a_header_counts(
    pairs: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    """Names match without case, and a blank header is absent."""
    assert fold_headers(pairs) == headers


@given(st.lists(st.tuples(st.text(), st.text())))
def test_rule_1_folded_headers_are_lower_case_and_not_blank(pairs: list[tuple[str, str]]) -> None:
    """Folding what was folded changes nothing."""
    headers = fold_headers(pairs)
    assert all(name == name.lower() and value and value == value.strip(" \t") for name, value in headers.items())
    assert fold_headers(headers.items()) == headers


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
        (b'{"a": 1}\r\n', None, {"a": 1}),
    ],
)
def test_rule_17_json_is_read_whatever_its_type(body: bytes, content_type: str | None, value: object) -> None:
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
        (b"Accepted", "Text/HTML", BodyProblem.BROKEN),
        (b"<!DOCTYPE html><title>Bad Gateway</title>", None, BodyProblem.BROKEN),
        (b"\r\n<HTML>", None, BodyProblem.BROKEN),
        (b"<head><title>502</title>", None, BodyProblem.BROKEN),
        (b"<Body>Bad Gateway", None, BodyProblem.BROKEN),
        (b"<!-- a proxy's page -->", None, BodyProblem.BROKEN),
        (b'{"a": "\xff"}', None, BodyProblem.BROKEN),
        (b"[" * 100_000, None, BodyProblem.BROKEN),
        (b'{"a": ' + b"1" * 5000 + b"}", None, BodyProblem.BROKEN),
        (b"<?xml version='1.0'?><a/>", "application/xml", BodyProblem.OPAQUE),
        (b"Accepted", None, BodyProblem.OPAQUE),
        (b"\xff\xd8\xff\xe0", "image/jpeg", BodyProblem.OPAQUE),
    ],
)
def test_rule_17_a_body_without_json_says_why(body: bytes, content_type: str | None, absent: BodyProblem) -> None:
    """Broken where JSON was promised or a page of HTML came, opaque where it is of another type."""
    assert read_json(answer(body, content_type)) is absent
    assert read_object(answer(body, content_type)) is None


@pytest.mark.parametrize("around", ["%s", '{"status":"Running","x":%s}'])
@pytest.mark.parametrize("value", ["[]", "{}", "[[]]", "[1]", '{"a":{}}'])
def test_t10_a_large_status_of_little_but_brackets_is_broken(value: str, around: str) -> None:
    """A result may be, for all that azpoll knows."""
    small, large = (around % f"[{','.join([value] * (size // (len(value) + 1)))}]" for size in (65_000, 66_000))
    assert read_status(answer(small.encode())) == json.loads(small)
    assert read_status(answer(large.encode())) is BodyProblem.BROKEN
    assert read_json(answer(large.encode())) == json.loads(large)


def test_t10_a_status_is_little_but_brackets_above_64_kib_and_one_in_five_characters() -> None:
    """To the byte."""
    for length, brackets, is_read in ((65_536, 65_534, True), (65_537, 65_535, False), (100_000, 20_000, True)):
        body = b'"' + (b"[" * brackets).ljust(length - 2, b"x") + b'"'
        assert (read_status(answer(body)) is not BodyProblem.BROKEN) is is_read
    assert read_status(answer(b'"' + (b"[" * 20_000).ljust(99_997, b"x") + b'"')) is BodyProblem.BROKEN


@pytest.mark.parametrize("value", ["[0.5,1.5]", '{"a":"b"}', "[[10,11],[20,31]]", '{"id":"/s"}'])
def test_rule_17_a_large_status_that_holds_something_is_read(value: str) -> None:
    """Some services answer with their result in the status monitor."""
    large = f'{{"status":"Succeeded","result":[{",".join([value] * 10_000)}]}}'
    assert read_status(answer(large.encode())) == json.loads(large)


@pytest.mark.parametrize(("body", "value"), [(b'{"a": 1}', {"a": 1}), (b"[1]", None), (b"null", None), (b"7", None)])
def test_rule_17_only_an_object_can_be_a_status(body: bytes, value: object) -> None:
    """A list, a string and null are JSON, and are none."""
    assert read_object(answer(body)) == value


@given(st.binary(), st.none() | st.text())
def test_rule_17_any_body_is_read_without_raising(body: bytes, content_type: str | None) -> None:
    """Whatever its type says."""
    value = read_json(answer(body, content_type))
    assert isinstance(value, BodyProblem | dict | list | str | int | float | None)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_rule_17_an_object_is_read_as_it_was_sent(document: dict[str, object]) -> None:
    """In any of the encodings of JSON."""
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert read_object(answer(json.dumps(document, ensure_ascii=True).encode(encoding))) == document


def test_rule_45_an_answer_shows_its_status_and_size_only() -> None:
    """Not its URL, headers or body."""
    secret = answer(CANARY.encode(), CANARY)
    assert repr(secret) == str(secret) == f"<Answer 200, {len(CANARY)} bytes>"
    assert CANARY not in repr(RequestFailure(FailureKind.CONNECTION, "", 0.0, cause=OSError(CANARY), head=secret))


def test_only_faults_that_must_repeat_are_fatal() -> None:
    """A bad certificate and a request that cannot be sent; rule 25 tries all others again."""
    assert {fault for fault in FailureKind if fault.fatal} == {FailureKind.CERTIFICATE, FailureKind.UNSENDABLE}
    assert RequestFailure(FailureKind.TIMEOUT, "no answer within 30 s", 0.0).cause is None
