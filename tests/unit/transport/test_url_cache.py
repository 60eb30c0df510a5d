"""URL objects built without the library's parser equal the result of the parser."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.transport.shortcuts.url_cache import ORIGINS_KEPT, URLCache
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from tests.support.clients import Library

ARM = "https://management.azure.com"

PLAIN = [
    ARM,
    f"{ARM}/",
    f"{ARM}/subscriptions/s/operations/o?api-version=2024-07-01",
    f"{ARM}:8443/a/b?c=d&e=f/g:h@i",
    f"{ARM}/a%2Fb?t=638%2F&c=&s=%20",
    f"{ARM}/a?",
    f"{ARM}/(a)'b;c=d,e~f!g$h*i+j",
    "http://127.0.0.1:8080/x",
]
ODD = [
    f"{ARM}/a/../b",
    f"{ARM}/./a",
    f"{ARM}/.hidden",
    f"{ARM}/a%2fb",
    f"{ARM}/100%",
    f"{ARM}/a b",
    f"{ARM}/ä?ö=ü",
    f"{ARM}/a?b='c'",
    f"{ARM}/a?b=c#d",
    "HTTPS://Management.Azure.COM/A",
    f"{ARM}:443/a",
    "https://user:pw@management.azure.com/a",
    "https://bücher.example/a",
    "https://[::1]:8080/a",
    "https://management.azure.com./a",
]


def parts_of(url: Any) -> tuple[object, ...]:
    return str(url), url.raw_path, url.netloc, url.host, url.port, url.scheme, url.query, url.fragment, hash(url), url


@EACH_LIBRARY
def test_each_url_equals_the_result_of_the_parser(library: Library) -> None:
    parse = import_module(library).URL
    urls = URLCache(parse)
    for text in (*PLAIN, *ODD, *PLAIN):
        assert parts_of(urls.of(text)) == parts_of(parse(text)), text


@pytest.mark.slow
@EACH_LIBRARY
@given(text=st.from_regex(r"\Ahttps://[a-zA-Z.]{1,5}(:[0-9]{1,5})?/[ -~äé]{0,12}(\?[ -~äé]{0,12})?\Z"))
def test_any_url_equals_the_result_of_the_parser(library: Library, text: str) -> None:
    parse = import_module(library).URL
    try:
        expected = parse(text)
    except import_module(library).InvalidURL:
        with pytest.raises(import_module(library).InvalidURL):
            URLCache(parse).of(text)
    else:
        assert parts_of(URLCache(parse).of(text)) == parts_of(expected)


@EACH_LIBRARY
def test_the_parser_runs_once_for_each_origin(library: Library) -> None:
    parsed: list[str] = []

    def parse(text: str) -> object:
        parsed.append(text)
        return import_module(library).URL(text)

    urls = URLCache(parse)
    for number in range(100):
        urls.of(f"{ARM}/subscriptions/s/operations/{number}?api-version=1")
    assert len(parsed) == 2, "the origin, and a sample that verifies the shortcut"


def test_urls_of_a_library_with_other_fields_are_parsed() -> None:
    class URL:
        def __init__(self, text: str) -> None:
            self.text = text

    assert [URLCache(URL).of(f"{ARM}/a").text for _ in range(2)] == [f"{ARM}/a"] * 2


def test_the_number_of_cached_origins_is_limited() -> None:
    parse = import_module("httpx").URL
    urls = URLCache(parse)
    for number in range(2 * ORIGINS_KEPT):
        assert urls.of(f"https://h{number}.example/a") == parse(f"https://h{number}.example/a")
    assert len(vars(urls)["_origins"]) <= ORIGINS_KEPT
