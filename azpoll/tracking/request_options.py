"""The check of `poll_headers`, `stored_headers`, `cancel_url` and `cancel_method`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeGuard

from azpoll.protocol.plan import NO_REQUEST_OPTIONS, RequestOptions
from azpoll.protocol.request_headers import MAX_HEADERS, header_problem

if TYPE_CHECKING:
    from azpoll.protocol.plan import CancelMethod, PatternName
    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.token_content import Token


def checked_request_options(
    poll_headers: object,
    stored_headers: object,
    cancel_url: str | None,
    cancel_method: CancelMethod,
    pattern: PatternName | None,
) -> RequestOptions:
    """Return the request options of one call; those without any are one shared value.

    Raises:
        TypeError: the headers are not a mapping of text, or their names are not a collection of text.
        ValueError: a header cannot be sent, a stored one is not among them, or a DELETE to cancel has no target.
    """
    if cancel_method == "DELETE" and cancel_url is None and pattern in {"location", "resource"}:
        raise ValueError(
            f"cancel_method='DELETE' needs a cancel_url: with pattern={pattern!r} there is no status monitor"
        )
    headers = _checked_headers(poll_headers)
    options = RequestOptions(headers, _checked_names(stored_headers, headers), cancel_url, cancel_method)
    return NO_REQUEST_OPTIONS if options == NO_REQUEST_OPTIONS else options


def resumed_options(token: Token, given: Mapping[str, object]) -> dict[str, object]:
    """Return the options of a token, as the keywords of a call; those that are given to `resume` override them."""
    headers = given.get("poll_headers", dict(token.poll_headers))
    names = {name for name in headers if isinstance(name, str)} if _is_mapping(headers) else set[str]()
    stored = {name.lower() for name, _ in token.poll_headers}
    return {
        "final_state_via": token.final_state_via,
        "result": token.result,
        "terminal_words": {word: verdict.value for word, verdict in token.terminal_words.items()},
        "pattern": token.choice,
        "status_member": token.status_member,
        "cancel_url": token.cancel_url,
        "cancel_method": token.cancel_method,
        "poll_headers": headers,
        "stored_headers": [name for name in names if name.lower() in stored],
        "label": token.label,
    }


def _checked_headers(headers: object) -> HeaderPairs:
    if headers is None:
        return ()
    if not _is_mapping(headers):
        raise TypeError(f"poll_headers must be a mapping, not {type(headers).__name__}")
    pairs: dict[str, tuple[str, str]] = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("poll_headers maps names to values, both text")
        if (problem := header_problem(name, value)) is not None:
            raise ValueError(f"poll_headers: {problem}")
        if pairs.setdefault(name.lower(), (name, value)) != (name, value):
            raise ValueError(f"poll_headers names {name} twice")
    if len(pairs) > MAX_HEADERS:
        raise ValueError(f"poll_headers holds at most {MAX_HEADERS} headers, not {len(pairs)}")
    return tuple(pairs.values())


def _checked_names(names: object, headers: HeaderPairs) -> frozenset[str]:
    if isinstance(names, (str, bytes)) or not _is_iterable(names):
        raise TypeError("stored_headers must be a collection of names, such as a list")
    known = {name.lower() for name, _ in headers}
    stored: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"stored_headers must be names, not {type(name).__name__}")
        if name.lower() not in known:
            raise ValueError(f"stored_headers names {name[:64]!r}, which is not among poll_headers")
        stored.add(name.lower())
    return frozenset(stored)


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)
