"""The cookies of one operation (rule 52)."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.cookies import (
    MAX_COOKIE,
    MAX_COUNT,
    MAX_SIZE,
    Cookies,
    cookie_date,
    cookies_after,
    cookies_for,
    joined,
    plan_with_cookies,
    with_cookies,
)
from azpoll.protocol.machine import advance
from azpoll.protocol.reading import read
from azpoll.protocol.states import Confirming, Polling
from azpoll.protocol.url_policy import origin_of
from tests.support.protocol_rows import TRUST, plan, polling, reply

HOME = "https://management.azure.com/subscriptions/s/op?api-version=1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer_with(*lines: str | bytes, url: str = HOME) -> Answer:
    raw = [(b"Set-Cookie", line if isinstance(line, bytes) else line.encode("latin-1")) for line in lines]
    return Answer(200, {"set-cookie": "x"} if raw else {}, b"", url, NOW, 0.0, "GET", raw)


def after(*lines: str | bytes, kept: Cookies = (), url: str = HOME) -> Cookies:
    return cookies_after(kept, answer_with(*lines, url=url), httpx.URL)


def sent(cookies: Cookies, url: str = HOME) -> tuple[str, ...]:
    return cookies_for(cookies, url, httpx.URL)


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("affinity=7", ("affinity=7",)),
        (" affinity = 7 ; HttpOnly", ("affinity=7",)),
        ("affinity=a b==; Secure; SameSite=None", ("affinity=a b==",)),
        ('affinity="7"', ('affinity="7"',)),
        ("affinity=", ("affinity=",)),
        ("affinity=7; Domain=azure.com; Path=/", ("affinity=7",)),
        ("affinity=7; Domain=.MANAGEMENT.azure.com", ("affinity=7",)),
        ("affinity=7; Domain=", ("affinity=7",)),
        ("affinity=7; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ("affinity=7",)),
        ("affinity=7; Expires=never; Expires=99 Foo 99999 9:9", ("affinity=7",)),
        ("affinity=7; Expires=Thu, 01-Jan-2099 00:00:00 GMT", ("affinity=7",)),
        ("affinity=7; Max-Age=soon; Max-Age=٣", ("affinity=7",)),
        ("X=X7X", ("X=X7X",)),
        (f"a={'x' * (MAX_COOKIE - 2)}", (f"a={'x' * (MAX_COOKIE - 2)}",)),
        ("", ()),
        ("affinity", ()),
        ("affinity=7\x0c", ()),
        ("=7", ()),
        ("affinity=7; Domain=example.com", ()),
        ("affinity=7; Domain=ure.com", ()),
        ("affinity=7; Domain=eu.management.azure.com", ()),
        ("region=M\xfcnchen", ()),
        ("region=a\x7fb", ()),
        ("region=a\tb\x00", ()),
        ("r\xe9gion=a", ()),
        (f"a={'x' * (MAX_COOKIE - 1)}", ()),
    ],
)
def test_rule_52_a_cookie_is_kept_only_if_it_can_be_sent(line: str, pairs: tuple[str, ...]) -> None:
    assert sent(after(line.encode("utf-8") if "٣" in line else line)) == pairs


@pytest.mark.parametrize(
    ("line", "url", "goes"),
    [
        ("a=1; Path=/", "https://management.azure.com/other", True),
        ("a=1; Path=/", "https://management.azure.com", True),
        ("a=1; Path=/", "https://MANAGEMENT.azure.com:443/other", True),
        ("a=1; Path=/", "https://management.azure.com:444/other", False),
        ("a=1; Path=/", "https://eu.management.azure.com/", False),
        ("a=1; Path=/; Domain=azure.com", "https://eu.azure.com/", False),
        ("a=1; Path=/", "http://management.azure.com/", False),
        ("a=1", "https://management.azure.com/subscriptions/s/op2", True),
        ("a=1", "https://management.azure.com/subscriptions/s2/op", False),
        ("a=1; Path=/subscriptions", "https://management.azure.com/subscriptions?x", True),
        ("a=1; Path=/subscriptions", "https://management.azure.com/subscriptionsx", False),
        ("a=1; Path=subscriptions", "https://management.azure.com/subscriptions/s/x", True),
        ("a=1; Path=/X", "https://management.azure.com/other", False),
        ("a=1; Path=\x0c/", "https://management.azure.com/other", False),
        ("a=1; Path\x0c=/", "https://management.azure.com/other", False),
        ("a=1; XPath=/", "https://management.azure.com/other", False),
    ],
)
def test_rule_52_a_cookie_goes_to_the_origin_and_path_that_it_is_for(line: str, url: str, goes: bool) -> None:  # noqa: FBT001 - a row
    assert sent(after(line), url) == (("a=1",) if goes else ())


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", EPOCH),
        ("Thursday, 01-Jan-70 00:00:00 GMT", EPOCH),
        ("Thu, 01-Jan-70 00:00:00 GMT", EPOCH),
        ("Thu Jan  1 00:00:00 1970", EPOCH),
        ("1970 JANUARY 1st 0:0:0", EPOCH),
        ("00:00:00 1 70 jan", EPOCH),
        ("01-Jan-100 00:00:00", EPOCH.replace(year=100)),
        ("01-Jan-99 00:00:00", EPOCH.replace(year=1999)),
        ("01-Jan-00 00:00:00", EPOCH.replace(year=2000)),
        ("01-Jan-69 00:00:00", EPOCH.replace(year=2069)),
        ("Mon, 01-Jan-0001 00:00:00 GMT", EPOCH.replace(year=2001)),
        *(
            (f"28 {month} 2026 23:59:58", datetime(2026, number, 28, 23, 59, 58, tzinfo=UTC))
            for number, month in enumerate(MONTHS, 1)
        ),
        ("29 Feb 2026 00:00:00", None),
        ("01 Jan 2026 24:00:00", None),
        ("01 Jan 2026 00:00:000", None),
        ("001 Jan 2026 00:00:00", None),
        ("01 Jan 20260 00:00:00", None),
        ("01 Jan 2026", None),
        ("Jan 2026 00:00:00", None),
        ("01 Foo 2026 00:00:00", None),
        ("01 Jan 00:00:00", None),
        ("never", None),
        ("", None),
    ],
)
def test_rule_52_a_date_is_read_as_browsers_read_it(text: str, time: datetime | None) -> None:
    """RFC 6265 5.1.1: the parts in any order, and a year of two digits from 1970 to 2069."""
    assert cookie_date(text) == time


@pytest.mark.parametrize("delimiter", "\t !\"#$%&'()*+,-./;<=>?@[\\]^_`{|}~")
def test_rule_52_any_punctuation_but_a_colon_parts_a_date(delimiter: str) -> None:
    assert cookie_date(delimiter.join(("", "01", "Jan", "70", "00:00:00", ""))) == EPOCH


@pytest.mark.parametrize(
    "line",
    [
        "a=; Max-Age=0",
        "a=2; Max-Age=-5",
        "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=; Expires=Thu, 01 Jan 2026 00:00:00 GMT",
        "a=; EXPIRES=Thu, 01-Jan-1970 00:00:00 GMT",
        "a=; Expires=Thursday, 01-Jan-70 00:00:00 GMT",
    ],
)
def test_rule_52_a_cookie_can_be_changed_and_deleted(line: str) -> None:
    kept = after("a=1; Path=/", "b=1; Path=/")
    changed = after("a=2; Path=/", kept=kept)
    assert sorted(sent(changed)) == ["a=2", "b=1"]
    assert sent(after(f"{line}; Path=/", kept=changed)) == ("b=1",)


def test_rule_52_a_value_may_have_equals_signs_and_the_name_ends_at_the_first() -> None:
    assert sent(after("a=c=2", kept=after("a=b=1"))) == ("a=c=2",)


def test_rule_52_a_cookie_goes_to_all_urls_if_the_answer_came_from_the_root() -> None:
    assert sent(after("a=1", url="https://management.azure.com/op")) == ("a=1",)


def test_rule_52_headers_may_come_as_text() -> None:
    assert sent(cookies_after((), answer_with()._replace(raw_headers=[("Set-Cookie", "a=1")]), httpx.URL)) == ("a=1",)


@pytest.mark.parametrize("ignored", ["affinity", "b=1; Secure"])
def test_rule_52_a_cookie_that_is_not_kept_hides_no_other(ignored: str) -> None:
    home = "http://127.0.0.1/op"
    assert sent(after(ignored, "a=1", url=home), home) == ("a=1",)


@pytest.mark.parametrize(("length", "count"), [(MAX_COOKIE, 1), (MAX_COOKIE + 1, 0)])
def test_rule_52_a_path_is_as_long_as_a_cookie_at_most(length: int, count: int) -> None:
    assert len(after(f"a=1; Path={'/'.ljust(length, 'x')}")) == count


def test_a_secure_cookie_of_plain_http_is_not_kept() -> None:
    assert not after("a=1; Secure", url="http://127.0.0.1/op")
    assert after("a=1", url="http://127.0.0.1/op")


def test_rule_52_the_cookies_of_an_operation_take_at_most_16_kb() -> None:
    kept: Cookies = ()
    for number in range(100):
        kept = after(f"c{number}={'x' * 4000}; Path=/", kept=kept)
    pairs = sent(kept)
    assert [pair[:4] for pair in pairs] == ["c96=", "c97=", "c98=", "c99="]
    assert len("; ".join(pairs)) <= MAX_SIZE


@pytest.mark.parametrize(("more", "first"), [("", "c4="), ("x", "c5=")])
def test_rule_52_the_oldest_cookies_give_way_to_a_byte(more: str, first: str) -> None:
    """Each counts with the two characters that part it from the next."""
    lines = [f"c{number}={'x' * (MAX_SIZE // 4 - 5)}; Path=/" for number in range(7)]
    pairs = sent(after(*lines, f"c7={'x' * (MAX_SIZE // 4 - 5)}{more}; Path=/"))
    assert pairs[0].startswith(first)
    assert pairs[-1].startswith("c7=")
    assert len("; ".join(pairs)) <= MAX_SIZE - 2


def test_rule_52_many_small_cookies_are_bounded() -> None:
    kept = after(*(f"c{number}=1" for number in range(10_000)))
    assert len(kept) == MAX_COUNT
    assert sent(kept)[-1] == "c9999=1"


def test_the_answer_without_a_body_sets_cookies_too() -> None:
    failure = RequestFailure(FailureKind.CONNECTION, "", 0.0, head=answer_with("a=1"))
    assert read(failure).sets_cookies
    assert not read(RequestFailure(FailureKind.CONNECTION, "", 0.0)).sets_cookies


@pytest.mark.parametrize(
    ("client", "own", "header"),
    [
        (None, ("a=1",), "a=1"),
        ("", ("a=1", "b=2"), "a=1; b=2"),
        ("mine=1; a=0", ("a=1",), "mine=1; a=1"),
        ("mine=1;a=0 ;a=3", ("b=2",), "mine=1; a=0; a=3; b=2"),
        ("mine=1; a=b=0", ("a=1",), "mine=1; a=1"),
    ],
)
def test_the_cookies_of_the_client_stay(client: str | None, own: tuple[str, ...], header: str) -> None:
    assert joined(client, own) == header


def test_rule_45_no_repr_shows_a_cookie() -> None:
    assert "secret" not in repr(after("secret=secret; Path=/secret"))


@given(
    st.lists(
        st.text(st.characters(max_codepoint=255), max_size=60)
        | st.from_regex(r"[ab]=[ -~]{0,9}(; ?(Max-Age|Expires|Domain|Path)=[ -~]{0,9}){0,3}", fullmatch=True),
        max_size=8,
    )
)
def test_rule_52_any_header_is_kept_as_ascii_or_ignored(lines: list[str]) -> None:
    cookies = after(*lines)
    header = "; ".join(sent(cookies))
    assert header.isascii()
    assert header.isprintable()
    assert all(cookie.origin == origin_of(httpx.URL(HOME)) for cookie in cookies)


def test_a_confirmation_keeps_the_cookies_that_its_answers_set() -> None:
    """Rule 28: after a 404 the resource is read in the place of the monitor."""
    confirming = advance(polling("DELETE"), answer_with()._replace(status_code=404))
    assert isinstance(confirming, Confirming)
    url = confirming.next_request.url
    after_it = advance(confirming, answer_with("affinity=7", url=url)._replace(status_code=503))
    assert isinstance(after_it, Confirming)
    assert sent(after_it.plan.request_options.cookies, url) == ("affinity=7",)


def test_rule_52_the_head_of_an_incomplete_answer_sets_cookies() -> None:
    failure = RequestFailure(FailureKind.CONNECTION, "", 1.0, head=answer_with("affinity=7"))
    after_it = advance(polling(), failure)
    assert isinstance(after_it, Polling)
    assert sent(after_it.plan.request_options.cookies) == ("affinity=7",)
    state = polling()
    assert with_cookies(state, failure._replace(head=None)) is state


def test_rule_52_a_cookie_that_comes_again_changes_nothing() -> None:
    """The states of one operation share its plan."""
    begun = plan_with_cookies(plan(), answer_with("affinity=7"))
    assert plan_with_cookies(begun, answer_with("affinity=7")) is begun


def test_rule_52_an_answer_at_another_origin_after_a_redirect_sets_no_cookies() -> None:
    """The request goes without credentials, although the origin is listed (rule 9)."""
    listed = TRUST._replace(allowed=frozenset({origin_of(httpx.URL("https://eu.azure.com"))}))
    state = polling(url_policy=listed)
    redirected = advance(state, reply(307, Location="https://eu.azure.com/op").to(state.url, 1.0))
    assert isinstance(redirected, Polling)
    assert redirected.next_request.left_origin
    assert with_cookies(redirected, answer_with("affinity=7", url=redirected.next_request.url)) is redirected


def test_an_anonymous_answer_sets_no_cookies() -> None:
    anonymous = frozenset({origin_of(httpx.URL(HOME))})
    policy = plan().url_policy._replace(anonymous=anonymous, allowed=frozenset())
    begun = plan()._replace(url_policy=policy)
    assert plan_with_cookies(begun, answer_with("affinity=7")) is begun
