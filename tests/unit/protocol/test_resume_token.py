"""Rule 42: a pending state as a token, and back."""

from __future__ import annotations

import base64
import json
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from azpoll.protocol.delay import IMMEDIATELY
from azpoll.protocol.machine import resume
from azpoll.protocol.patterns import BY_CHOICE, BY_NAME
from azpoll.protocol.plan import MAX_WORDS, METHODS, FinalStateVia, RequestOptions
from azpoll.protocol.request_headers import MAX_HEADERS
from azpoll.protocol.resume_token import MAX_TOKEN, decode, derived_id, encode, state_of, token_of
from azpoll.protocol.states import Confirming, Fetching, NextRequest, Pending, Polling, UnknownReason
from azpoll.protocol.status_document import Verdict
from azpoll.protocol.stored_url import StoredURL
from azpoll.protocol.token_content import END_OF_TIME, InvalidToken, Token
from azpoll.protocol.token_v2 import ADDED_MEMBERS
from azpoll.protocol.url_policy import MAX_URL, RejectedURL, origin_of
from tests.support.protocol_rows import (
    HOST,
    RESOURCE,
    TRUST,
    accepted,
    monitor,
    plan,
    polling,
    reply,
    resource,
    run,
    run_from,
    url,
)

PLAIN = st.text(st.sampled_from(string.ascii_letters + string.digits + string.punctuation + " "), max_size=60)
TOKENS = st.builds(
    Token,
    method=st.sampled_from(METHODS),
    resource_url=PLAIN,
    pattern=st.sampled_from(["fetching", *BY_NAME]),
    url=PLAIN,
    fallback=st.none() | PLAIN,
    location=st.none() | PLAIN,
    final_state_via=st.none() | st.sampled_from(FinalStateVia),
    client_request_id=st.none() | PLAIN,
    not_before=st.just(0.0) | st.floats(0, 1e11, exclude_max=True),
    rejected_location=st.none() | PLAIN,
    operation_id=st.none() | st.text("0123456789abcdef", min_size=16, max_size=16),
    label=st.none() | st.text(max_size=60),
    begun=st.none() | st.floats(0, 1e11, exclude_max=True),
    deadline=st.none() | st.floats(0, 1e11, exclude_max=True),
    choice=st.none() | st.sampled_from(sorted(BY_CHOICE)),
    status_member=st.none()
    | st.lists(st.text(st.characters(exclude_characters=".")).filter(str.strip), min_size=1).map(".".join),
    terminal_words=st.dictionaries(
        st.text(min_size=1, max_size=20).filter(str.strip),
        st.sampled_from([Verdict.SUCCEEDED, Verdict.FAILED, Verdict.CANCELED]),
        max_size=3,
    ),
    result=st.sampled_from(["final", "status"]),
    cancel_url=PLAIN.filter(bool),
    cancel_method=st.sampled_from(["POST", "DELETE"]),
    poll_headers=st.dictionaries(
        st.text(string.ascii_lowercase, min_size=1).map("x-{}".format), PLAIN.map(str.strip), max_size=3
    ).map(lambda headers: tuple(headers.items())),
    sent=st.none() | st.floats(0, 1e11, exclude_min=True, exclude_max=True),
)
TOKEN = Token(method="PUT", resource_url=RESOURCE, pattern="Azure-AsyncOperation", url=url("/op"))
MEMBERS = {"v": 2, "method": "PUT", "resource": RESOURCE, "pattern": "Location", "url": url("/op")}


def text_of(members: object) -> str:
    """Return a token's text with these members, whatever they are."""
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def again(state: Pending) -> Pending:
    """Return the state that a token of this state restores."""
    token = decode(encode(token_of(state, 0.0)))
    resumed = state_of(token, state.plan._replace(method=token.method, resource_url=token.resource_url))
    assert isinstance(resumed, Pending)
    return resumed


@given(token=TOKENS, key=st.none() | st.binary(min_size=1))
def test_rule_42_a_round_trip_changes_nothing(token: Token, key: bytes | None) -> None:
    """With a key and without."""
    text = encode(token, key)
    assert decode(text, key) == token
    assert decode(f" {text}\n", key) == token
    assert text.isascii()
    assert "=" not in text


def test_rule_42_a_token_may_have_all_members() -> None:
    token = TOKEN._replace(fallback="f", location="l", rejected_location="r", client_request_id="c", not_before=1.0)
    token = token._replace(final_state_via=FinalStateVia.LOCATION)
    assert decode(encode(token)) == token


def test_rule_42_a_token_is_versioned_json_in_base64url() -> None:
    """Absent values are omitted; the token has no header, no body and no credential."""
    text = encode(token_of(polling(client_request_id="c", final_state_via=FinalStateVia.LOCATION), 17.5))
    assert json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == {
        "v": 2,
        "method": "PUT",
        "resource": RESOURCE,
        "pattern": "Azure-AsyncOperation",
        "url": url("/op"),
        "via": "location",
        "request_id": "c",
        "not_before": 17.5,
    }


@pytest.mark.parametrize(("not_before", "member"), [(0.0, []), (1.0, ["not_before"])])
def test_rule_42_a_token_omits_empty_members(not_before: float, member: list[str]) -> None:
    """No member that is absent, no time that is 0, no blank."""
    text = encode(TOKEN._replace(not_before=not_before))
    sent = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert list(json.loads(sent)) == ["v", "method", "resource", "pattern", "url", *member]
    assert b" " not in sent


RICH = accepted(Azure_AsyncOperation="/op", Location="/loc")
STATES = [
    run(plan("POST"), RICH),
    run(plan("POST"), RICH, monitor("Running", Operation_Location="/2", Location="/loc2")),
    run(plan("POST"), RICH, reply(503)),
    run(plan("POST"), accepted(Location="/loc")),
    run(plan("PATCH"), resource("Updating")),
    run(plan("DELETE", final_state_via=FinalStateVia.ORIGINAL_URI), accepted()),
    run(plan("POST"), RICH, monitor("Succeeded")),
    run(plan("POST"), RICH, monitor("Succeeded"), accepted(Location="/3")),
]


@pytest.mark.parametrize("state", [history.next for history in STATES])
def test_rule_42_a_pending_state_is_resumed_where_it_was(state: Pending) -> None:
    """Current and fallback polling URL, Location, pattern; counters of trouble start anew."""
    resumed = again(state)
    assert type(resumed) is type(state)
    assert (resumed.url, resumed.next_request) == (state.url, NextRequest(state.url, IMMEDIATELY))
    if isinstance(state, Polling):
        assert isinstance(resumed, Polling)
        for name in ("pattern", "location", "fallback"):
            assert getattr(resumed, name) == getattr(state, name)
    assert resume(resumed, state.next_request.delay, 5.0) == resumed._replace(
        next_request=NextRequest(state.url, state.next_request.delay)
    )


def test_rule_42_a_resumed_redirect_starts_again_at_the_polling_url() -> None:
    """The hop is not kept."""
    assert again(run_from(polling(), reply(307, Location="/b")).next).next_request.url == url("/op")


def test_rule_42_a_confirmation_is_resumed_at_the_poll_before_it() -> None:
    """Which a 404 confirms again."""
    state = run_from(polling("DELETE"), reply(404)).next
    assert isinstance(state, Confirming)
    resumed = again(state)
    assert isinstance(resumed, Polling)
    assert (resumed.url, resumed.next_request.url) == (url("/op"), url("/op"))


def test_rule_42_an_operation_of_unknown_state_can_be_resumed() -> None:
    """Here after a 400; the next answer is read as it would have been."""
    last = run_from(polling(), reply(400)).unknown.last
    assert last is not None
    assert isinstance(run_from(again(last), monitor("Succeeded")).end, Fetching)


def test_rule_42_a_refused_location_is_left_out() -> None:
    """It would be refused again."""
    state = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location="https://evil.example/")).next
    assert token_of(state, 0.0).location is None


@pytest.mark.parametrize("named", ["https://eu.azure.com/loc", "/loc".ljust(9000, "x")])
def test_rule_42_a_refused_location_is_refused_again_when_it_is_used(named: str) -> None:
    """Not forgotten, as if there had been none; and until then it harms nothing."""
    state = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location=named)).next
    resumed = again(state)
    assert isinstance(resumed, Polling)
    assert isinstance(resumed.location, RejectedURL)
    for taken in (state, resumed):
        assert run_from(taken, monitor("Succeeded")).unknown.reason is UnknownReason.UNTRUSTED
    assert run_from(resumed, monitor("Running", Location="/loc"), monitor("Succeeded"), reply(200)).urls[-1] == url(
        "/loc"
    )


def test_rule_42_a_refused_location_is_used_once_its_origin_is_trusted() -> None:
    state = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location="https://eu.azure.com/loc")).next
    eu = TRUST._replace(allowed=frozenset({origin_of(TRUST.parse("https://eu.azure.com"))}))
    resumed = state_of(token_of(state, 0.0), plan("POST", url_policy=eu))
    assert isinstance(resumed, Polling)
    assert resumed.location == "https://eu.azure.com/loc"


@pytest.mark.parametrize("location", [f"{HOST}/loc?t=", "https://eu.azure.com/loc?t="])
@pytest.mark.parametrize("letter", ["x", '"'])
def test_rule_42_every_state_has_a_token_with_urls_of_8_kib(location: str, letter: str) -> None:
    """The resource, the monitor, the fallback and the `Location` may all be that long, and escaped (rule 13)."""
    initial_url, first, second, third = (
        f"{start}{'&' if '?' in start else '?'}api-version=1&t=".ljust(MAX_URL, letter)
        for start in (RESOURCE, f"{HOST}/1", f"{HOST}/2", location)
    )
    the_plan = plan("POST", resource_url=initial_url)
    state = run(
        the_plan, accepted(Azure_AsyncOperation=first), monitor("Running", Azure_AsyncOperation=second, Location=third)
    )
    resumed = again(state.next)
    assert isinstance(resumed, Polling)
    assert (resumed.plan.resource_url, resumed.url, resumed.fallback) == (initial_url, second, first)
    assert isinstance(resumed.location, str if third.startswith(HOST) else RejectedURL)


def test_rule_42_a_refused_url_leaves_its_fallback() -> None:
    """An operation resumes there without trust in the newer URL; without a fallback the rejection is reported."""
    unknown = run_from(polling(), monitor("Running", Azure_AsyncOperation="https://eu.azure.com/op")).unknown
    assert unknown.last is not None
    token = token_of(unknown.last, 0.0)
    resumed = state_of(token, plan())
    assert isinstance(resumed, Polling)
    assert (resumed.url, resumed.fallback) == (url("/op"), None)
    assert isinstance(state_of(token._replace(fallback=None), plan()), RejectedURL)


@pytest.mark.parametrize("odd", ["a\tb", "caf\xe9", "\x7f", "\ud800", "\n"])
def test_rule_42_a_client_request_id_with_control_characters_is_left_out(odd: str) -> None:
    """It is left out: the polls of the resumed operation carry none."""
    assert decode(encode(token_of(polling(client_request_id=odd), 0.0))).client_request_id is None


def test_rule_42_a_token_of_4_kib_urls_has_16_kib() -> None:
    """The documented length of polling URLs; the resource URL is that of some ARM resource."""
    long = f"{HOST}/op?api-version=1&t=".ljust(4000, "x")
    token = TOKEN._replace(url=long, location=f"{long}l", fallback=f"{long}f")
    assert len(encode(token, b"key")) <= 16 * 1024


def test_rule_42_a_longer_text_is_not_read() -> None:
    assert decode(encode(TOKEN).ljust(MAX_TOKEN)) == TOKEN
    with pytest.raises(InvalidToken, match="longer"):
        decode(encode(TOKEN).ljust(MAX_TOKEN + 1))


@pytest.mark.parametrize("key", [None, b"key"])
def test_rule_42_a_client_request_id_is_left_out_only_where_it_does_not_fit(key: bytes | None) -> None:
    """To the character."""
    signature = 0 if key is None else len(encode(TOKEN, key)) - len(encode(TOKEN))
    space = (
        (MAX_TOKEN - signature) * 3 // 4 - len(base64.urlsafe_b64decode(encode(TOKEN) + "==")) - len(',"request_id":""')
    )
    fits = TOKEN._replace(client_request_id="f" * space)
    assert MAX_TOKEN - 1 <= len(encode(fits, key)) <= MAX_TOKEN
    assert decode(encode(fits, key), key) == fits
    assert decode(encode(fits._replace(client_request_id="f" * (space + 1)), key), key) == TOKEN


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 3},
        {"v": 0},
        {"v": "1"},
        {"v": 1.0},
        {"v": True},
        {"v": None},
        {"method": "HEAD"},
        {"method": "put"},
        {"method": 1},
        {"method": None},
        {"pattern": "os.system"},
        {"pattern": ["Location"]},
        {"url": None},
        {"url": {"href": "/op"}},
        {"url": "/\xf6p"},
        {"url": "/o\np"},
        {"url": "/o\0p"},
        {"resource": 7},
        {"fallback": None},
        {"location": False},
        {"via": "Location"},
        {"via": "somewhere"},
        {"via": 1},
        {"request_id": "a\r\nX-Evil: 1"},
        {"not_before": -1},
        {"not_before": 1e11},
        {"not_before": float("nan")},
        {"not_before": float("inf")},
        {"not_before": True},
        {"not_before": "17"},
        {"not_before": None},
        {"not_before": 10**400},
        {"begun": -1},
        {"begun": 1e11},
        {"begun": None},
        {"sent": -1},
        {"sent": 1e11},
        {"sent": "17"},
        {"sent": None},
        {"header": "Authorization"},
        {"": ""},
        {"id": "0123456789ABCDEF"},
        {"id": "0123456789abcde"},
        {"id": None},
        {"label": 7},
        {"label": "x" * 1025},
        {"deadline": -1},
        {"deadline": True},
        {"deadline": 1e11},
        {"deadline": None},
        {"choice": "Location"},
        {"choice": ["location"]},
        {"status_member": "a..b"},
        {"status_member": ""},
        {"status_member": " "},
        {"status_member": "a. .b"},
        {"status_member": "x" * 1025},
        {"words": {}},
        {"words": ["done"]},
        {"words": {"done": "running"}},
        {"words": {"done": ["failed"]}},
        {"words": {" ": "failed"}},
        {"words": {"x" * 257: "failed"}},
        {"words": {str(n): "failed" for n in range(257)}},
        {"result": "final"},
        {"result": 1},
        {"cancel_url": "/a\nb"},
        {"cancel_url": ""},
        {"cancel_url": None},
        {"cancel_method": "POST"},
        {"cancel_method": "GET"},
        {"cancel_method": "DELETE", "choice": "location"},
        {"poll_headers": {}},
        {"poll_headers": []},
        {"poll_headers": {"X-A": 1}},
        {"poll_headers": {"X-A": "1", "x-a": "2"}},
        {"poll_headers": {"X A": "1"}},
        {"poll_headers": {"X-A": "1\r\nX-B: 2"}},
        {"poll_headers": {"Host": "evil.example"}},
        {"poll_headers": {f"x-{n}": "1" for n in range(65)}},
        {"Method": "PUT"},
    ],
)
def test_rule_42_the_schema_is_strict(changes: dict[str, object]) -> None:
    """Version, members and their types; nothing else is accepted."""
    assert decode(text_of(MEMBERS)).pattern == "Location"
    with pytest.raises(InvalidToken):
        decode(text_of(MEMBERS | changes))


@pytest.mark.parametrize("missing", MEMBERS)
def test_rule_42_no_required_member_is_missing(missing: str) -> None:
    """None has a default."""
    with pytest.raises(InvalidToken):
        decode(text_of({name: value for name, value in MEMBERS.items() if name != missing}))


DEEP = base64.urlsafe_b64encode(b"[" * 12_000).decode()


@pytest.mark.parametrize("key", [None, b"key"])
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "..", "=", "====", "A", "AAAA", "e30", "%", "\0", "\x80", "\xe9", "\ud800", "\u3002", "W10"),
        *(DEEP, text_of(None), text_of([MEMBERS]), text_of("x"), text_of(7), text_of({"v": 10**400})[:16_000]),
        *("A" * MAX_TOKEN, "A" * (MAX_TOKEN + 1), "A" * 10**7, encode(TOKEN)[:-2], encode(TOKEN, b"other"), "gASVEQ"),
        *(encode(TOKEN) + ".", encode(TOKEN) + ".AAAA", encode(TOKEN, b"key").replace(".", ""), "\xa0.\xa0", "\ud800."),
    ],
)
def test_rule_42_an_invalid_token_is_refused(text: str, key: bytes | None) -> None:
    """As `InvalidToken`, a ValueError; nothing else is raised, and pickles are not read."""
    with pytest.raises(InvalidToken):
        decode(text, key)


def test_rule_42_a_token_is_signed_if_and_only_if_there_is_a_key() -> None:
    """A signed token needs its key, and a key refuses what is not signed with it."""
    with pytest.raises(InvalidToken, match="signed"):
        decode(encode(TOKEN, b"key"))
    with pytest.raises(InvalidToken, match="not signed"):
        decode(encode(TOKEN), b"key")
    with pytest.raises(InvalidToken, match="not signed"):
        decode(encode(TOKEN, b"key"), b"another")


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("A" * (MAX_TOKEN + 1), None, "it is longer than 98304 characters"),
        ("caf\xe9", None, "it is not a resume token"),
        ("https://a.example/op?t=1", None, "it is a URL, and `follow` tracks the URL of a status"),
        ("https://a.example/op?t=1", b"key", "it is a URL, and `follow` tracks the URL of a status"),
        (encode(TOKEN, b"key"), None, "it is signed: the key it was signed with is needed"),
        (encode(TOKEN), b"key", "it is not signed with this key, or was changed"),
        (encode(TOKEN)[:-2], None, "it is not a resume token, or was cut"),
        (text_of([]), None, "it is not a resume token of version 1 or 2"),
        (text_of(MEMBERS | {"v": 3}), None, "it is not a resume token of version 1 or 2"),
        (text_of(MEMBERS | {"id": "x"}), None, "its member id is not one of a resume token"),
        (text_of(MEMBERS | {"v": 1, "id": "0" * 16}), None, "its members are not those of a resume token"),
        (
            text_of(MEMBERS | {"cancel_method": "DELETE", "choice": "resource"}),
            None,
            "its cancel_method needs a cancel_url",
        ),
        (text_of(MEMBERS | {"header": "x"}), None, "its members are not those of a resume token"),
        (text_of(MEMBERS | {"not_before": -1}), None, "its time is not a time"),
        (text_of(MEMBERS | {"url": 7}), None, "its members are not plain text"),
        (text_of(MEMBERS | {"method": "HEAD"}), None, "it names an unknown method or polling pattern"),
        (text_of(MEMBERS | {"pattern": "x"}), None, "it names an unknown method or polling pattern"),
        (text_of(MEMBERS | {"via": "x"}), None, "it names an unknown final_state_via"),
    ],
)
def test_rule_42_a_refused_token_says_why(text: str, key: bytes | None, why: str) -> None:
    """And shows nothing of the token, which may be signed URLs."""
    with pytest.raises(InvalidToken) as caught:
        decode(text, key)
    assert str(caught.value) == why


@pytest.mark.parametrize("stray", ["\n", " ", "=", "!", ".", "%", "+", "/", "\0"])
def test_rule_42_no_character_is_ignored(stray: str) -> None:
    """A token has one spelling: damage is reported, not repaired by a guess."""
    text = encode(TOKEN)
    with pytest.raises(InvalidToken):
        decode(f"{text[:8]}{stray}{text[8:]}")


def test_rule_42_flipping_any_bit_of_a_signed_token_is_refused() -> None:
    """Each bit of each character."""
    text = encode(TOKEN, b"key")
    for index, character in enumerate(text):
        for bit in range(8):
            changed = text[:index] + chr(ord(character) ^ 1 << bit) + text[index + 1 :]
            with pytest.raises(InvalidToken):
                decode(changed, b"key")


def check_decoding(text: str, key: bytes | None) -> None:
    """Decode a text to a token that is valid, or not at all."""
    try:
        token = decode(text, key)
    except InvalidToken:
        return
    assert decode(encode(token, key), key) == token


@given(token=TOKENS, edits=st.lists(st.tuples(st.integers(0, 400), st.characters()), min_size=1, max_size=4))
def test_rule_42_a_changed_token_is_valid_or_refused(token: Token, edits: list[tuple[int, str]]) -> None:
    """With a key, refused."""
    for key in (None, b"key"):
        text = encode(token, key)
        changed = text
        for index, character in edits:
            changed = changed[:index] + character + changed[index + 1 :]
        check_decoding(changed, key)
        if key is not None:
            assume(changed.strip() != text)
            with pytest.raises(InvalidToken):
                decode(changed, key)


@given(text=st.text() | st.text(st.sampled_from(string.ascii_letters + "-_=.")), key=st.none() | st.binary())
def test_rule_42_any_text_is_a_token_or_refused(text: str, key: bytes | None) -> None:
    """Nothing else is raised."""
    check_decoding(text, key)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)
OBJECTS = st.dictionaries(st.text(), st.text() | st.sampled_from(["failed", "canceled"]), max_size=2)
FURTHER = sorted(ADDED_MEMBERS)


@given(
    st.dictionaries(
        st.sampled_from([*MEMBERS, *FURTHER, "via", "fallback", "not_before"]) | st.text(), VALUES | OBJECTS
    )
)
def test_rule_42_any_members_are_a_token_or_refused(changes: dict[str, object]) -> None:
    """Forged members too."""
    check_decoding(text_of(MEMBERS | changes), None)


def test_rule_42_a_token_does_not_show_its_urls() -> None:
    """They may be signed."""
    token = TOKEN._replace(resource_url="canary", url=f"{HOST}/op?t=canary", fallback="canary", location="canary")
    assert "canary" not in repr(token)


VERSION_1 = [
    (
        (
            "eyJ2IjoxLCJtZXRob2QiOiJQVVQiLCJyZXNvdXJjZSI6Imh0dHBzOi8vbWFuYWdlbWVudC5henVyZS5jb20vcj9hcGktdmVyc2lvbj0xIiwi"
            "cGF0dGVybiI6IkF6dXJlLUFzeW5jT3BlcmF0aW9uIiwidXJsIjoiaHR0cHM6Ly9tYW5hZ2VtZW50LmF6dXJlLmNvbS9vcD9hcGktdmVyc2lv"
            "bj0xIn0"
        ),
        None,
        Token("PUT", f"{HOST}/r?api-version=1", "Azure-AsyncOperation", f"{HOST}/op?api-version=1"),
    ),
    (
        (
            "eyJ2IjoxLCJtZXRob2QiOiJQT1NUIiwicmVzb3VyY2UiOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tL3IiLCJwYXR0ZXJuIjoiTG9j"
            "YXRpb24iLCJ1cmwiOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tL2wyIiwiZmFsbGJhY2siOiJodHRwczovL21hbmFnZW1lbnQuYXp1"
            "cmUuY29tL2wxIiwibG9jYXRpb24iOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tL2wiLCJ2aWEiOiJsb2NhdGlvbiIsInJlcXVlc3Rf"
            "aWQiOiJpZC0xIiwibm90X2JlZm9yZSI6MTcuNSwicmVmdXNlZCI6Imh0dHBzOi8vZXUuYXp1cmUuY29tL3gifQ"
        ),
        None,
        Token(
            "POST",
            f"{HOST}/r",
            "Location",
            f"{HOST}/l2",
            fallback=f"{HOST}/l1",
            location=f"{HOST}/l",
            final_state_via=FinalStateVia.LOCATION,
            client_request_id="id-1",
            not_before=17.5,
            rejected_location="https://eu.azure.com/x",
        ),
    ),
    (
        (
            "eyJ2IjoxLCJtZXRob2QiOiJERUxFVEUiLCJyZXNvdXJjZSI6Imh0dHBzOi8vbWFuYWdlbWVudC5henVyZS5jb20vciIsInBhdHRlcm4iOiJm"
            "ZXRjaGluZyIsInVybCI6Imh0dHBzOi8vbWFuYWdlbWVudC5henVyZS5jb20vciJ9.jQAONEWW-PPvJwLccW3tE183A3w3myDwcydLCH4VTts"
        ),
        b"key",
        Token("DELETE", f"{HOST}/r", "fetching", f"{HOST}/r"),
    ),
]


@pytest.mark.parametrize(("text", "key", "token"), VERSION_1)
def test_rule_42_a_token_of_version_1_is_still_read(text: str, key: bytes | None, token: Token) -> None:
    """As it was made; its operation gets a new id."""
    assert decode(text, key) == token
    assert token.operation_id is None


def test_rule_42_a_token_holds_every_option_of_tracking() -> None:
    options = RequestOptions((("X-Tenant", "t"), ("Authorization", "Bearer x")), frozenset({"x-tenant"}), "/cancel")
    state = polling(
        "POST",
        pattern="operation-location",
        status_member="state.id",
        terminal_words={"done": Verdict.SUCCEEDED},
        result="status",
        request_options=options._replace(cancel_method="DELETE"),
    )
    token = token_of(state, 17.5, operation_id="0123456789abcdef", label="caf\xe9", begun=1e8, deadline=1e9, sent=9e7)
    assert decode(encode(token)) == token
    text = encode(token)
    members = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert {name: members[name] for name in FURTHER} == {
        "id": "0123456789abcdef",
        "label": "caf\xe9",
        "begun": 1e8,
        "deadline": 1e9,
        "sent": 9e7,
        "choice": "operation-location",
        "status_member": "state.id",
        "words": {"done": "succeeded"},
        "result": "status",
        "cancel_url": "/cancel",
        "cancel_method": "DELETE",
        "poll_headers": {"X-Tenant": "t"},
    }
    assert "Bearer" not in repr(state.plan) + repr(options) + json.dumps(members)


@pytest.mark.parametrize("refused", ["https://evil.example/cancel", "/a\nb", "https://u:p@management.azure.com/c"])
def test_rule_42_a_refused_cancel_url_is_left_out(refused: str) -> None:
    """Else the operation could not be resumed. A token that names one is refused as a whole (rule 9)."""
    options = RequestOptions(cancel_url=refused, cancel_method="DELETE")
    token = token_of(polling(request_options=options), 0.0)
    assert (token.cancel_url, token.cancel_method) == (None, "POST")
    assert isinstance(state_of(token._replace(cancel_url=refused), plan()), RejectedURL)


def test_rule_42_a_long_label_is_cut_and_an_endless_deadline_is_left_out() -> None:
    for deadline in (END_OF_TIME, 1e300):
        token = token_of(polling(), 0.0, label="x" * 2000, deadline=deadline)
        assert decode(encode(token)) == token
        assert (token.label, token.deadline) == ("x" * 1024, None)


def test_rule_42_a_resumed_operation_shares_the_certificate_of_a_signed_location() -> None:
    """As each waiting operation does, so that it takes less memory."""
    signed = f"{HOST}/loc?api-version=1&c={'x' * 3000}&s=1"
    state = run(plan("POST"), accepted(Azure_AsyncOperation="/op", Location=signed)).next
    resumed = again(state)
    assert isinstance(resumed, Polling)
    assert isinstance(resumed.location, StoredURL)


@pytest.mark.parametrize("key", [None, b"key"])
def test_rule_42_the_last_member_that_a_long_token_omits_is_the_cancel_url(key: bytes | None) -> None:
    long = TOKEN._replace(cancel_url="/c".ljust(MAX_TOKEN, "c"), cancel_method="DELETE")
    assert decode(encode(long, key), key) == TOKEN


def test_rule_42_a_token_holds_as_many_words_and_headers_as_an_operation_may_have() -> None:
    words = {str(number): Verdict.FAILED for number in range(MAX_WORDS)}
    headers = tuple((f"x-{number}", "v") for number in range(MAX_HEADERS))
    token = TOKEN._replace(terminal_words=words, poll_headers=headers)
    assert decode(encode(token)) == token


@given(st.integers(0, 60_000))
def test_rule_42_a_token_that_would_be_too_long_omits_the_least_important(length: int) -> None:
    words = {str(n).rjust(256, "w"): Verdict.FAILED for n in range(200)}
    headers = tuple((f"x-{n}", "v" * 8000) for n in range(4))
    token = TOKEN._replace(url="u" * length, label="l", client_request_id="c", poll_headers=headers, cancel_url="/c")
    read = decode(encode(token._replace(terminal_words=words)))
    kept = [
        read.client_request_id == "c",
        read.label == "l",
        read.poll_headers == headers,
        read.terminal_words == words,
    ]
    assert kept == sorted(kept)
    assert read.url == token.url


def test_a_token_without_an_id_gets_the_same_one_each_time() -> None:
    assert derived_id("a token") == derived_id("a token")
    assert derived_id("a token") != derived_id("another")
    assert len(derived_id("")) == 16
