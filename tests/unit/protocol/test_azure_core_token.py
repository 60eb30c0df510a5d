"""Continuation tokens of azure-core are read as data, and nothing else is."""

from __future__ import annotations

import base64
import json
import pickle
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.azure_core_token import MAX_TOKEN, StoredResponse, is_continuation_token, read
from azpoll.protocol.token_content import InvalidToken

REQUEST = {"method": "PUT", "url": "https://a.example/b?x=1", "headers": {"x-ms-client-request-id": "id"}}
RESPONSE = {
    "status_code": 202,
    "headers": {"Location": "https://a.example/c", "Retry-After": "7"},
    "content": base64.b64encode(b'{"a":1}').decode(),
}
DATA = {"request": REQUEST, "response": RESPONSE, "context": {"deserialized_data": {"a": 1}}}


def token_of(data: object, version: object = 1) -> str:
    return base64.b64encode(json.dumps({"version": version, "data": data}, separators=(",", ":")).encode()).decode()


EMPTY_LISTS: list[list[object]] = [[]] * 400_000

NO_BASE64 = "it is no base64 text"
NO_TOKEN = "it is no continuation token of azure-core, or was cut"
NO_VERSION_1 = "it is no continuation token of azure-core in its version 1, or has too many values"
NO_MESSAGES = "it has no request or no response"
NO_START = "its request is not one that starts an operation"
NO_STATUS_CODE = "its response has no status code"
PICKLE = (
    "it is a pickle, as azure-core before 1.38 writes it, and azpoll reads none: a pickle can run code."
    " Make the token with a later azure-core, or follow the polling URL"
)


class _RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was read",))


def test_rule_57_a_token_is_the_initial_response() -> None:
    stored = read(token_of(DATA))
    assert (stored.request.method, stored.request.url) == ("PUT", "https://a.example/b?x=1")
    assert stored.request.headers == {"x-ms-client-request-id": "id"}
    assert stored.headers == {"location": "https://a.example/c", "retry-after": "7"}
    assert (stored.status_code, stored.content) == (202, b'{"a":1}')
    assert "example" not in repr(stored)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_rule_57_a_pickle_is_refused_and_never_read(protocol: int) -> None:
    text = base64.b64encode(pickle.dumps(_RunsCode(), protocol=protocol)).decode()
    with pytest.raises(InvalidToken) as caught:
        read(text)
    assert str(caught.value) == (PICKLE if protocol > 1 else NO_TOKEN)
    assert is_continuation_token(text) is (protocol > 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NO_TOKEN),
        ("no token", NO_BASE64),
        ("\u00e9\u00e9", NO_BASE64),
        (f"{token_of(DATA)[:8]}\n{token_of(DATA)[8:]}", NO_BASE64),
        (base64.b64encode(b"\x80").decode(), NO_TOKEN),
        (base64.b64encode(b"\x80\x04").decode(), PICKLE),
        ("A" * (MAX_TOKEN + 4), f"it is longer than {MAX_TOKEN} characters"),
        (token_of(DATA)[:-8], NO_TOKEN),
        (base64.b64encode(b"[" * 100_000).decode(), NO_TOKEN),
        (base64.b64encode(b"[" + b"[],[]," * 400_000 + b"0]").decode(), NO_VERSION_1),
        (token_of(DATA | {"context": EMPTY_LISTS}), NO_VERSION_1),
        (base64.b64encode(b"[]").decode(), NO_VERSION_1),
        (token_of(DATA, 2), NO_VERSION_1),
        (token_of(DATA, version=True), NO_VERSION_1),
        (token_of(DATA, 1.0), NO_VERSION_1),
        (token_of(None), NO_VERSION_1),
        (token_of(DATA | {"request": None}), NO_MESSAGES),
        (token_of(DATA | {"response": 5}), NO_MESSAGES),
        (token_of(DATA | {"request": REQUEST | {"method": "HEAD"}}), NO_START),
        (token_of(DATA | {"request": REQUEST | {"method": ["PUT"]}}), NO_START),
        (token_of(DATA | {"request": REQUEST | {"url": None}}), NO_START),
        (token_of(DATA | {"request": REQUEST | {"url": "https://a.example/\n"}}), NO_START),
        (token_of(DATA | {"response": RESPONSE | {"status_code": "202"}}), NO_STATUS_CODE),
        (token_of(DATA | {"response": RESPONSE | {"status_code": True}}), NO_STATUS_CODE),
        (token_of(DATA | {"response": RESPONSE | {"status_code": 99}}), NO_STATUS_CODE),
        (token_of(DATA | {"response": RESPONSE | {"content": None}}), "its response has no content"),
        (token_of(DATA | {"response": RESPONSE | {"content": "%"}}), "the content of its response is no base64 text"),
    ],
)
def test_rule_57_another_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        read(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize("text", [f" {token_of(DATA)}\n", token_of(DATA).ljust(MAX_TOKEN)])
def test_rule_57_blanks_around_a_token_count_only_for_its_length(text: str) -> None:
    assert is_continuation_token(text)
    assert read(text).status_code == 202


def test_rule_57_headers_that_are_no_plain_text_are_dropped() -> None:
    headers = {"Location": "https://a.example/\r\nx: y", "Retry-After": 7, "a\nb": "c", "Content-Type": "text/plain"}
    assert read(token_of(DATA | {"response": RESPONSE | {"headers": headers}})).headers == {
        "content-type": "text/plain"
    }
    assert read(token_of(DATA | {"response": RESPONSE | {"headers": None}})).headers == {}


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda data: base64.b64encode(data).decode()))
def test_rule_57_any_text_is_a_token_or_refused(text: str) -> None:
    with suppress(InvalidToken):
        assert isinstance(read(text), StoredResponse)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(place=st.sampled_from(["request", "response"]), name=st.sampled_from([*REQUEST, *RESPONSE]), value=JSON)
def test_rule_57_any_members_are_a_token_or_refused(place: str, name: str, value: object) -> None:
    data: dict[str, Any] = json.loads(json.dumps(DATA))
    data[place][name] = value
    try:
        stored = read(token_of(data))
    except InvalidToken:
        return
    texts = [stored.request.url, *stored.headers.values(), *stored.request.headers.values()]
    assert all(text.isascii() and text.isprintable() for text in texts)
