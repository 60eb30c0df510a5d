"""Version 2 of the resume token: version 1, and all further options of an operation (rule 42).

Further members, each omitted where it has its default: `id`, `label`, `begun`, `deadline` and `sent` (Unix times),
`choice` (the caller's pattern), `status_member`, `words`, `result`, `cancel_url`, `cancel_method`, `poll_headers`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from azpoll.protocol import token_v1
from azpoll.protocol.json_body import is_object
from azpoll.protocol.patterns import BY_CHOICE
from azpoll.protocol.plan import MAX_PATH, MAX_WORDS, CancelMethod, PatternName, is_member_path
from azpoll.protocol.request_headers import MAX_HEADERS, HeaderPairs, header_problem
from azpoll.protocol.status_document import OUTCOMES, Verdict
from azpoll.protocol.token_content import MAX_LABEL, InvalidToken, Token, is_plain, is_unix_time

_ID = r"[0-9a-f]{16}"


def read(members: Mapping[str, object]) -> Token:
    """Return the token of a JSON object without its version.

    Raises:
        InvalidToken: the object is not one of this schema.
    """
    added = [name for name in _ADDED if name in members]
    token = token_v1.read({name: value for name, value in members.items() if name not in _ADDED})
    values: dict[str, Any] = {_ADDED[name][0]: _read(name, members[name]) for name in added}
    token = token._replace(**values)
    if token.cancel_method == "DELETE" and token.cancel_url is None and token.choice in {"location", "resource"}:
        raise InvalidToken("its cancel_method needs a cancel_url")
    return token


def members_of(token: Token) -> dict[str, object]:
    """Return the JSON object of a token; members that have their default are omitted."""
    members: dict[str, object] = {
        name: value for name, value, default in zip(_MEMBERS, token, _DEFAULTS, strict=True) if value != default
    }
    if token.terminal_words:
        members["words"] = {word: verdict.value for word, verdict in token.terminal_words.items()}
    if token.poll_headers:
        members["poll_headers"] = dict(token.poll_headers)
    return members


def _read(name: str, value: object) -> object:
    """Return the value of a member."""
    try:
        return _ADDED[name][1](value)
    except ValueError:
        raise InvalidToken(f"its member {name} is not one of a resume token") from None


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch(_ID, value) is None:
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
    if not is_member_path(path):
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


_ADDED: dict[str, tuple[str, Callable[[object], object]]] = {
    "id": ("operation_id", _id),
    "label": ("label", _label),
    "begun": ("begun", _unix_time),
    "deadline": ("deadline", _unix_time),
    "sent": ("sent", _unix_time),
    "choice": ("choice", _choice),
    "status_member": ("status_member", _path),
    "words": ("terminal_words", _words),
    "result": ("result", _result),
    "cancel_url": ("cancel_url", _cancel_url),
    "cancel_method": ("cancel_method", _cancel_method),
    "poll_headers": ("poll_headers", _headers),
}
"""The field and the reader of each member that version 1 lacks, in the order of the fields of a `Token`."""

ADDED_MEMBERS = _ADDED.keys()
"""Their names."""

_MEMBERS = (*token_v1.MEMBERS, *_ADDED)
_DEFAULTS = tuple(map(Token._field_defaults.get, Token._fields))
