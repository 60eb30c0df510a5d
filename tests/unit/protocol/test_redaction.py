"""Rule 45: what foreign text may look like in a log line, and what a URL may tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.redaction import escape_for_display, masked_label, masked_url
from tests.support.canary import CANARY


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Conflict: the name is taken", "Conflict: the name is taken"),
        ("two\r\nlines", r"two\r\nlines"),
        ("tab\tnull\0bell\a", r"tab\tnull\x00bell\x07"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m c1 \x85 del \x7f", r"\x9b31m c1 \x85 del \x7f"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("user\u202enimda\u2066\u200f", r"user\u202enimda\u2066\u200f"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("lone \ud800 surrogate", r"lone \ud800 surrogate"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("Größe 大小 🚀", "Größe 大小 🚀"),
        ("no\u00a0break\u3000wide", "no\u00a0break\u3000wide"),
        (r"C:\new\table", r"C:\new\table"),
    ],
)
def test_rule_45_no_shown_text_controls_a_terminal_or_a_log(text: str, shown: str) -> None:
    """Controls, line breaks, bidi and invisible characters are written out; letters of any script stay."""
    assert escape_for_display(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("12345", 5, "12345"),
        ("123456", 5, "1234…"),
        ("1\n", 2, "1…"),
        ("1\n", 3, r"1\n"),
        ("1\n2", 3, "1…"),
        ("\x1b\x1b", 6, r"\x1b…"),
        ("ab", 1, "…"),
        ("a", 1, "a"),
        ("", 0, ""),
        ("a", 0, ""),
        ("a", -7, ""),
    ],
)
def test_rule_45_long_text_is_cut_between_escapes(text: str, limit: int, shown: str) -> None:
    """The limit counts shown characters, the ellipsis included; no half escape is left."""
    assert escape_for_display(text, limit) == shown


def test_rule_45_the_default_limit_is_512() -> None:
    """A body of megabytes costs no more than its start."""
    assert len(escape_for_display("x" * 10_000_000)) == 512


@given(st.text(st.characters(), max_size=80), st.integers(-1, 90))
def test_rule_45_escaped_text_is_one_encodable_line_within_the_limit(text: str, limit: int) -> None:
    """Any text, any limit; and escaping twice is escaping once."""
    shown = escape_for_display(text, limit)
    assert len(shown) <= max(limit, 0)
    assert len(shown.splitlines()) <= 1
    assert all(character.isprintable() or character.isspace() for character in shown)
    assert shown.encode().decode() == shown
    assert escape_for_display(shown, limit) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("https://management.azure.com", "https://management.azure.com"),
        (
            f"https://management.azure.com/subscriptions/1/operations/2?api-version=2024-01-01&t={CANARY}",
            "https://management.azure.com/subscriptions/1/operations/2?api-version=***&t=***",
        ),
        (f"https://h/p?{CANARY}", "https://h/p?***"),
        (f"https://h/p?sig%3D{CANARY}", "https://h/p?***"),
        (f"https://h/p?a=1;sig={CANARY}", "https://h/p?a=***"),
        (f"https://h/p?a={CANARY}={CANARY}?b={CANARY}", "https://h/p?a=***"),
        (f"https://h/p?={CANARY}&&a=", "https://h/p?=***&&a=***"),
        ("https://h/p?", "https://h/p?"),
        (f"https://h/p#sig={CANARY}?x={CANARY}", "https://h/p"),
        (f"https://user:{CANARY}@h:8443/p", "https://h:8443/p"),
        (f"https://{CANARY}@{CANARY}@h/p", "https://h/p"),
        (f"https:user:{CANARY}@h/p", "h/p"),
        (f"ht\ntps://user:{CANARY}@h/p", r"ht\ntps://h/p"),
        (f"https:\\\\user:{CANARY}@h\\p", "https://h/p"),
        (f"https://evil.example\\@{CANARY}@good.example/p", "https://evil.example/good.example/p"),
        ("https://evil.example/@good.example", "https://evil.example/good.example"),
        (f"/relative/path?x={CANARY}", "/relative/path?x=***"),
        (f"//h/p?x={CANARY}", "//h/p?x=***"),
        (f"https://[::1/p?x={CANARY}", "https://[::1/p?x=***"),
        (f"https://h/\x1b[2J\u202e?\n={CANARY}", r"https://h/\x1b[2J\u202e?\n=***"),
    ],
)
def test_rule_45_a_url_shows_its_host_path_and_query_names(url: str, shown: str) -> None:
    """No query value, user information or fragment is shown, however the URL is broken."""
    assert masked_url(url) == shown


@given(
    st.sampled_from(["https://h/p?x=", "https://h?a&b=", "?", "//h/p#", "https://", "\\\\", "not a url?a=b&c="]),
    st.text(st.characters(), max_size=20),
)
def test_rule_45_a_masked_url_never_shows_a_secret(start: str, noise: str) -> None:
    """The canary stands in a value, a fragment or the user information; what follows it is arbitrary."""
    ending = f"@{noise}" if start.endswith(("/", "\\")) else noise.replace("&", "").replace("=", "")
    assert CANARY not in masked_url(start + CANARY + ending)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("vm-1 (50%?)", "vm-1 (50%?)"),
        ("", ""),
        (f"https://h/p?sig={CANARY}", "https://h/p?sig=***"),
        (f"/p?sig={CANARY}", "/p?sig=***"),
        (f"read https://h/p?sig={CANARY}", "read https://h/p?sig=***"),
    ],
)
def test_rule_45_a_label_shows_no_query_value(label: str, shown: str) -> None:
    """Only the URLs in a label are masked."""
    assert masked_label(label) == shown


@given(st.text(st.characters(), max_size=700))
def test_rule_45_any_text_is_masked_to_one_short_line(url: str) -> None:
    """Text that is no URL is masked in the same way, and nothing is raised."""
    shown = masked_url(url)
    assert len(shown) <= 512
    assert len(shown.splitlines()) <= 1
