"""Rule 44: the body of an error, opened as text, as JSON within text, as XML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.error_body import joined, json_in, member_in_any_case, raw_text, xml_members
from azpoll.protocol.json_body import is_list, is_object

BOMB = (
    '<!DOCTYPE e [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<Error><Code>&b;</Code><Message>&b;</Message></Error>"
)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        ("Größe".encode(), "Größe"),
        (b"\xef\xbb\xbf{}", "{}"),
        ("<Error/>".encode("utf-16"), "<Error/>"),
        (b"\xfe\xff\x00<\x00a", "<a"),
        (b"\xff\xfe<", "\ufffd"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_rule_44_raw_text_is_kept(body: bytes, text: str) -> None:
    """UTF-8, or UTF-16 with its BOM; what cannot be decoded is replaced."""
    assert raw_text(body) == text


def test_rule_44_raw_text_is_bounded() -> None:
    """10,000 failed operations with large bodies still fit into memory."""
    assert raw_text(b"x" * 1_000_000) == "x" * 65_536


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' {"a": [1]}', {"a": [1]}),
        ("[]", []),
        ('"text"', None),
        ("17", None),
        ("", None),
        ("[InvalidSku] is not for sale", None),
        ('{"a": ', None),
        ("[" * 100_000, None),
        ('{"a": ' + "1" * 5000 + "}", None),
    ],
)
def test_rule_44_json_within_text_is_an_object_or_a_list(text: str, value: object) -> None:
    """Scalars are what they look like: text. Broken, deep and huge JSON is text too."""
    assert json_in(text) == value


def test_rule_44_json_within_text_is_read_up_to_64_kib() -> None:
    assert json_in("[1]".ljust(65_536)) == [1]
    assert json_in("[1]".ljust(65_537)) is None


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("<Error><Code>A</Code><Message> b </Message></Error>", {"Code": "A", "Message": "b"}),
        ("<e xmlns='urn:x'><m:error xmlns:m='urn:y'><m:code>A</m:code></m:error></e>", {"code": "A"}),
        ("<fault><code>A</code><sub>b<i>c</i></sub></fault>", {"code": "A", "sub": "bc"}),
        ("<?xml version='1.0' encoding='utf-16'?><Error>text</Error>", {"message": "text"}),
        ("<Error><![CDATA[a < b]]><!-- no --></Error>", {"message": "a < b"}),
        ("<Error/>", {"message": ""}),
        ("<Error><Code>A</Error>", {}),
        ("<Error><Code>&nbsp;</Code></Error>", {}),
        ("<Error>\0</Error>", {}),
        ("<Error>\ud800</Error>", {}),
        ("not XML", {}),
        (BOMB, {}),
        (BOMB.replace("DOCTYPE", "doctype"), {}),
        ("<!DOCTYPE e SYSTEM 'file:///etc/passwd'><Error><Code>A</Code></Error>", {}),
    ],
)
def test_rule_44_xml_is_read_without_entities(text: str, members: dict[str, object]) -> None:
    """The first `Error` element of any namespace and case, else the root; nothing with a DTD."""
    assert xml_members(text) == members


def test_rule_44_deep_xml_is_read() -> None:
    """The nesting that fits into 64 KiB breaks nothing."""
    assert xml_members("<a>" * 9000 + "</a>" * 9000) == {"a": ""}


@given(st.text(st.characters()) | st.text("<>/!&;eErRoO \"'=x[]?-"))
def test_rule_44_any_text_is_opened_without_raising(text: str) -> None:
    """JSON and XML alike."""
    assert isinstance(xml_members(text), dict)
    assert isinstance(xml_members(f"<error>{text}</error>"), dict)
    assert json_in(text) is None or text.lstrip().startswith(("{", "["))


@given(st.binary())
def test_rule_44_any_body_has_a_text(body: bytes) -> None:
    """Its encoding may be anything."""
    assert raw_text(body).encode().decode() == raw_text(body)
    assert len(raw_text(b"\xff\xfe" + body)) <= len(body)


def test_rule_44_members_are_found_in_any_case() -> None:
    """The first that matches counts."""
    assert member_in_any_case({"CODE": 1, "code": 2}, "code") == 1
    assert member_in_any_case({}, "code") is None
    assert member_in_any_case(["code"], "code") is None


def test_rule_44_the_texts_of_a_list_are_one_text() -> None:
    assert joined(["too long", " ", None, 7]) == "too long; 7"
    assert joined("too long") == joined(None) == ""


def test_json_values_are_narrowed() -> None:
    """By what `json` makes of objects and lists."""
    assert is_object({})
    assert not is_object([])
    assert is_list([])
    assert not is_list(())
