"""Version 2 of the resume token: version 1, and everything that tracking needs to go on alike (rule 42).

Further members, each omitted where it has its default: `id`, `label`, `begun`, `deadline` and `sent` (Unix times),
`choice` (the caller's pattern), `status_member`, `words`, `result`, `cancel_url`, `cancel_method`, `poll_headers`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from azpoll.protocol import token_v1
from azpoll.protocol.json_body import is_object
from azpoll.protocol.patterns import BY_CHOICE
from azpoll.protocol.plan import CancelMethod, PatternName
from azpoll.protocol.request_headers import MAX_HEADERS, HeaderPairs, header_problem
from azpoll.protocol.status_document import NO_WORDS, OUTCOMES, Verdict
from azpoll.protocol.token_content import (
    MAX_LABEL,
    MAX_PATH,
    MAX_WORDS,
    InvalidToken,
    Token,
    is_plain,
    is_unix_time,
)

T = TypeVar("T")

_ID = re.compile(r"[0-9a-f]{16}")
ADDED_MEMBERS = frozenset(
    {
        "id",
        "label",
        "begun",
        "deadline",
        "sent",
        "choice",
        "status_member",
        "words",
        "result",
        "cancel_url",
        "cancel_method",
        "poll_headers",
    }
)
"""The names of the members that version 1 lacks."""


def read(members: Mapping[str, object]) -> Token:
    """Return the token of a JSON object without its version.

    Raises:
        InvalidToken: the object is not one of this schema.
    """
    token = token_v1.read({name: value for name, value in members.items() if name not in ADDED_MEMBERS})
    token = token._replace(
        operation_id=_member(members, "id", _id, None),
        label=_member(members, "label", _label, None),
        begun=_member(members, "begun", _unix_time, None),
        deadline=_member(members, "deadline", _unix_time, None),
        sent=_member(members, "sent", _unix_time, None),
        choice=_member(members, "choice", _choice, None),
        status_member=_member(members, "status_member", _path, None),
        terminal_words=_member(members, "words", _words, NO_WORDS),
        result=_member(members, "result", _result, "final"),
        cancel_url=_member(members, "cancel_url", _cancel_url, None),
        cancel_method=_member(members, "cancel_method", _cancel_method, "POST"),
        poll_headers=_member(members, "poll_headers", _headers, ()),
    )
    if token.cancel_method == "DELETE" and token.cancel_url is None and token.choice in {"location", "resource"}:
        raise InvalidToken("its cancel_method needs a cancel_url")
    return token


def members_of(token: Token) -> dict[str, object]:
    """Return the JSON object of a token; members that have their default are omitted."""
    values: dict[str, object] = {
        "id": token.operation_id,
        "label": token.label,
        "begun": token.begun,
        "deadline": token.deadline,
        "sent": token.sent,
        "choice": token.choice,
        "status_member": token.status_member,
        "words": {word: verdict.value for word, verdict in token.terminal_words.items()} or None,
        "result": None if token.result == "final" else token.result,
        "cancel_url": token.cancel_url,
        "cancel_method": None if token.cancel_method == "POST" else token.cancel_method,
        "poll_headers": dict(token.poll_headers) or None,
    }
    return token_v1.members_of(token) | {name: value for name, value in values.items() if value is not None}


def _member(members: Mapping[str, object], name: str, read_value: Callable[[object], T], default: T) -> T:
    """Return the value of a member, or the default if it is absent."""
    if name not in members:
        return default
    try:
        return read_value(members[name])
    except ValueError:
        raise InvalidToken(f"its member {name} is not one of a resume token") from None


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise ValueError
    return value


def _label(value: object) -> str:
    return _text(value, MAX_LABEL)


def _unix_time(value: object) -> float:
    if not is_unix_time(value):
        raise ValueError
    return float(value)


def _choice(value: object) -> PatternName:
    for name in BY_CHOICE:
        if value == name:
            return name
    raise ValueError


def _path(value: object) -> str:
    path = _text(value, MAX_PATH)
    if not all(path.split(".")):
        raise ValueError
    return path


def _words(value: object) -> Mapping[str, Verdict]:
    if not is_object(value) or not 0 < len(value) <= MAX_WORDS:
        raise ValueError
    words: dict[str, Verdict] = {}
    for word, outcome in value.items():
        if not word.strip() or not isinstance(outcome, str) or outcome not in OUTCOMES:
            raise ValueError
        words[_text(word, MAX_WORDS)] = OUTCOMES[outcome]
    return words


def _result(value: object) -> Literal["status"]:
    if value != "status":
        raise ValueError
    return "status"


def _cancel_url(value: object) -> str:
    if not is_plain(value) or not value:
        raise ValueError
    return value


def _cancel_method(value: object) -> CancelMethod:
    if value != "DELETE":
        raise ValueError
    return "DELETE"


def _headers(value: object) -> HeaderPairs:
    if not is_object(value) or not 0 < len(value) <= MAX_HEADERS:
        raise ValueError
    pairs = tuple((name, text) for name, text in value.items() if isinstance(text, str))
    one_each = len({name.lower() for name in value}) == len(pairs) == len(value)
    if not one_each or any(header_problem(name, text) for name, text in pairs):
        raise ValueError
    return pairs
