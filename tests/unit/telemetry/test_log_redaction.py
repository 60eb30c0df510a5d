"""The log filter masks signed URLs and credentials, in texts and in the records of the real libraries."""

from __future__ import annotations

import logging
import re
import time
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.telemetry import LOGGERS, RedactingFilter, redact_logs
from azpoll.testing import FakeARM, Reply
from tests.support.canary import CANARY
from tests.support.clients import LIBRARIES, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clients import Library

QUERY_CHARACTERS = "abcXYZ019-._~!$'()*+,;=:@/?%[]{}|\\^`"
"""Those of RFC 3986, and those that careless programs send as they are."""


@pytest.fixture
def shown() -> Iterator[StringIO]:
    """Everything that any logger writes at DEBUG, formatted as by default."""
    stream = StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def masked(message: object, *arguments: object, exception: BaseException | None = None) -> str:
    info = None if exception is None else (type(exception), exception, exception.__traceback__)
    record = logging.LogRecord("x", logging.INFO, __file__, 1, message, arguments, info)
    assert RedactingFilter().filter(record)
    first = logging.Formatter().format(record)
    assert RedactingFilter().filter(record)
    assert logging.Formatter().format(record) == first, "a second filter changes nothing"
    return first


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://a.example/b?t=1&sig=S%2B1%3D", "GET https://a.example/b?t=***&sig=***"),
        ('GET https://a.example/b?sig=S "HTTP/1.1 200 OK"', 'GET https://a.example/b?sig=*** "HTTP/1.1 200 OK"'),
        ("https://user:pw@a.example/b", "https://a.example/b"),
        ("to https://a.example/b?SECRETCODE, then", "to https://a.example/b?*** then"),
        ("(b'Location', b'https://a.example/b?t=1'), (b'a'", "(b'Location', b'https://a.example/b?t=***'), (b'a'"),
        ("(b'Location', b'/b?t=1&sig=S')]", "(b'Location', b'/b?t=***&sig=***')]"),
        ("(b'Set-Cookie', b'session=S; Path=/')", "(b'Set-Cookie', b'***')"),
        ('(b"Authorization", b"Bearer S\'S")', '(b"Authorization", b\'***\')'),
        ("[('Ocp-Apim-Subscription-Key', 'S')]", "[('Ocp-Apim-Subscription-Key', '***')]"),
        ("Authorization: Bearer abcdefghij", "Authorization: ***"),
        ("sent Bearer abcdefghij.k to it", "sent Bearer *** to it"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln!", "token ***!"),
        ("access_token=abc&x=1", "access_token=***&x=***"),
        ("connect_tcp.started host='a.example' port=443", "connect_tcp.started host='a.example' port=443"),
        ("no/secret/here HTTP/1.1 100%", "no/secret/here HTTP/1.1 100%"),
        ("why? because", "why? because"),
    ],
)  # fmt: skip
def test_a_text_without_its_secrets(text: str, expected: str) -> None:
    assert masked("%s", text) == expected


def test_a_record_without_a_secret_is_not_changed() -> None:
    """A handler may group records by the text before its arguments are inserted."""
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s of %d", ("poll", 3), None)
    RedactingFilter().filter(record)
    assert (record.msg, record.args) == ("%s of %d", ("poll", 3))


def test_a_secret_that_is_split_over_text_and_arguments_is_masked() -> None:
    assert masked("https://a.example/b?sig=%s&t=%s", CANARY, 1) == "https://a.example/b?sig=***&t=***"


def test_arguments_that_do_not_fit_are_no_secret_either() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, f"https://a.example/?sig={CANARY} %d %d", ("x",), None)
    assert RedactingFilter().filter(record)
    assert CANARY not in logging.Formatter().format(record)


def test_the_text_of_an_exception_is_masked() -> None:
    error = ValueError(f"no answer from https://a.example/b?sig={CANARY}")
    text = masked("failed", exception=error)
    assert "ValueError: no answer from https://a.example/b?sig=***" in text
    assert CANARY not in text


def test_an_exception_without_a_secret_is_left_to_the_handler() -> None:
    error = ValueError("no secret")
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "failed", (), (ValueError, error, None))
    RedactingFilter().filter(record)
    assert record.exc_info == (ValueError, error, None)


@given(
    secrets=st.lists(st.text(QUERY_CHARACTERS, max_size=12).map(lambda text: CANARY + text), min_size=1, max_size=3),
    form=st.sampled_from(
        ["{}", "GET {} x", '"{}"', "<{}>", "(b'Location', {!r})", "[({!r}, 1)]", 'url={} "HTTP/1.1 200 OK"', "({})"]
    ),
    base=st.sampled_from(["https://a.example/b", "http://127.0.0.1:8/", "/b/c", "HTTPS://A.example"]),
    as_bytes=st.booleans(),
)
def test_no_value_of_a_query_is_shown(secrets: list[str], form: str, base: str, *, as_bytes: bool) -> None:
    query = "&".join(f"p{number}={secret}" for number, secret in enumerate(secrets))
    url = f"{base}?{query}"
    assert CANARY not in masked("%s", form.format(url.encode() if as_bytes and "!r" in form else url))


@pytest.mark.parametrize(
    "part",
    [
        *(
            "a",
            "a.",
            "?a",
            "&a=",
            "eyJ-",
            "eyJa.",
            "token",
            "token=",
            "cookie: sharedkey",
            "bearer ",
            "/",
            "http://",
            "'",
        ),
        *("('cookie','\\", "('cookie', b'", "a-", " ", "token ", "basic", "https://a?", "'a", "x:/"),
    ],
)
def test_the_time_is_linear_in_the_length_of_a_text(part: str) -> None:
    """A service chooses the text of its headers; 64 KiB of it would take minutes otherwise."""
    text = part * (65_536 // len(part))
    began_s = time.process_time()
    masked("%s", text)
    assert time.process_time() - began_s < 2


@given(st.text(max_size=200))
def test_any_text_is_masked_without_an_error_and_twice_the_same(text: str) -> None:
    masked("%s", text)
    masked(text)


@pytest.mark.parametrize("library", [*LIBRARIES, "httpcore", "httpcore2"])
def test_each_logger_of_a_library_has_the_filter(library: str) -> None:
    """The names of all loggers in the source of the installed library."""
    folder = find_spec(library)
    assert folder is not None
    assert folder.origin is not None
    text = "".join(path.read_text(encoding="utf-8") for path in Path(folder.origin).parent.rglob("*.py"))
    used = set(re.findall(r"""getLogger\(["']([\w.]+)["']\)""", text))
    assert used
    assert used <= set(LOGGERS)
    assert text.count("getLogger(") == len(re.findall(r"""getLogger\(["']""", text)), "a computed name"


@EACH_LIBRARY
def test_t9_the_real_loggers_show_no_signed_query(library: Library, shown: StringIO) -> None:
    """The library logs the URL of the request and the headers of the answer, over a real socket."""
    arm = FakeARM()
    headers = {"Location": "{poll_url}&sig=" + CANARY, "Set-Cookie": f"s={CANARY}", "X-Api-Key": CANARY}
    arm.operation("PUT", initial=Reply(202, {}, headers))

    async def send() -> None:
        credentials = {"Authorization": f"Bearer {CANARY}"}
        async with arm.serve() as base_url, new_client(library, base_url=base_url, headers=credentials) as client:
            await client.put(f"/subscriptions/s/resourceGroups/g?api-version=1&sig={CANARY}", json={})

    anyio.run(send)
    assert CANARY in shown.getvalue(), "without the filter the log holds the secret"
    shown.seek(0)
    shown.truncate()
    arm.operation("PUT", initial=Reply(202, {}, headers))
    remove = redact_logs()
    try:
        anyio.run(send)
    finally:
        remove()
    assert "receive_response_headers.complete" in shown.getvalue()
    assert "?api-version=***&sig=***" in shown.getvalue()
    assert CANARY not in shown.getvalue()


def test_the_filter_can_be_removed_and_other_loggers_named(shown: StringIO) -> None:
    remove = redact_logs("tests.mine")
    logging.getLogger("tests.mine").info("https://a.example/?sig=1")
    logging.getLogger("tests.other").info("https://a.example/?sig=2")
    remove()
    remove()
    logging.getLogger("tests.mine").info("https://a.example/?sig=3")
    assert shown.getvalue().split() == [f"https://a.example/?sig={value}" for value in ("***", "2", "3")]
