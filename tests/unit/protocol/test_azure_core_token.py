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
    with pytest.raises(InvalidToken, match="it is a pickle, as azure-core before 1.38" if protocol > 1 else "it is no"):
        read(text)
    assert is_continuation_token(text) is (protocol > 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no continuation token"),
        ("no token", "it is no base64 text"),
        ("\u00e9\u00e9", "it is no base64 text"),
        ("A" * (MAX_TOKEN + 4), "it is longer than"),
        (token_of(DATA)[:-8], "it is no continuation token"),
        (base64.b64encode(b"[" * 100_000).decode(), "it is no continuation token"),
        (base64.b64encode(b"[" + b"[],[]," * 400_000 + b"0]").decode(), "too many values"),
        (base64.b64encode(b"[]").decode(), "in its version 1"),
        (token_of(DATA, 2), "in its version 1"),
        (token_of(None), "in its version 1"),
        (token_of(DATA | {"request": None}), "no request or no response"),
        (token_of(DATA | {"response": 5}), "no request or no response"),
        (token_of(DATA | {"request": REQUEST | {"method": "HEAD"}}), "not one that starts an operation"),
        (token_of(DATA | {"request": REQUEST | {"method": ["PUT"]}}), "not one that starts an operation"),
        (token_of(DATA | {"request": REQUEST | {"url": None}}), "not one that starts an operation"),
        (token_of(DATA | {"request": REQUEST | {"url": "https://a.example/\n"}}), "not one that starts an operation"),
        (token_of(DATA | {"response": RESPONSE | {"status_code": "202"}}), "no status code"),
        (token_of(DATA | {"response": RESPONSE | {"status_code": True}}), "no status code"),
        (token_of(DATA | {"response": RESPONSE | {"status_code": 99}}), "no status code"),
        (token_of(DATA | {"response": RESPONSE | {"content": None}}), "no content"),
        (token_of(DATA | {"response": RESPONSE | {"content": "%"}}), "no base64 text"),
    ],
)
def test_rule_57_another_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidToken, match=reason):
        read(text)


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
