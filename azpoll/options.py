"""The keywords that say how an operation is tracked, checked before anything is sent."""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

import math
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias, TypedDict, TypeGuard

from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.states import NO_WORDS, FinalStateVia, Verdict
from azpoll.protocol.url_policy import Origin, ParsedURL, origin_of

ResultWanted: TypeAlias = Literal["final", "status"]
Outcome: TypeAlias = Literal["succeeded", "failed", "canceled"]


class TrackingOptions(TypedDict, total=False):
    """The keywords that `begin`, `track`, `resume` and `wait` share.

    Attributes:
        final_state_via: "azure-async-operation", "operation-location", "location" or "original-uri": where
            the result is read, as `x-ms-long-running-operation-options` of the API's description
            says; the method decides by default. For a DELETE that answers 202 without a polling
            header, "original-uri" asks to poll the resource until it is gone (rules 6, 30).
        timeout: overall deadline in seconds from now, 0 or more; None for none. At the deadline the operation is
            polled once more, unless the server's own Retry-After forbids it, and then ends for whoever awaits it
            with `OperationTimeout` and a resume token (rule 38).
        interval: seconds between polls where the server names none, in place of 1, 2, 4 ... 30 s.
        result: "status" spares the final GET: the result is then the last answer (rule 33).
        terminal_words: status words of this API that end the operation, besides Azure's own (rule 16).
        cancel_url: where `AsyncOperation.cancel` sends its POST, for ARM usually `<resource>/cancel`.
        label: the caller's own name for the operation, for logs and errors.
        owner: who it is polled for: owners take turns where reads are scarce. A group is an owner of its own.
    """

    final_state_via: str | None
    timeout: float | None
    interval: float | None
    result: ResultWanted
    terminal_words: Mapping[str, Outcome] | None
    cancel_url: str | None
    label: str | None
    owner: Hashable


class BeginOptions(TrackingOptions, total=False):
    """The keywords of `begin`: those of every call, and the arguments of an httpx request.

    Attributes:
        content: as in `httpx.AsyncClient.build_request`, and so all that follow.
        data: form fields.
        files: a multipart upload.
        json: a body to be sent as JSON.
        params: query parameters.
        headers: of this request alone; polls carry the client's own.
        cookies: of this request alone.
        extensions: of this request alone.
        idempotent: whether the service may execute the request twice. If so it is sent again when nobody knows
            whether it was executed: after a lost connection, 408 or 5xx. A request refused with 429 was not executed,
            and is sent again in any case, unless its body is a stream.
    """

    content: object
    data: object
    files: object
    json: object
    params: object
    headers: object
    cookies: object
    extensions: object
    idempotent: bool


REQUEST_ARGUMENTS = BeginOptions.__annotations__.keys() - TrackingOptions.__annotations__.keys() - {"idempotent"}


class Settings(NamedTuple):
    """The same, checked."""

    final_state_via: FinalStateVia | None
    timeout_s: float
    delay_limits: DelayLimits
    result: ResultWanted
    terminal_words: Mapping[str, Verdict]
    cancel_url: str | None
    label: str | None
    owner: Hashable


class Defaults(NamedTuple):
    """What a tracker's own settings say of every operation."""

    delay_limits: DelayLimits
    timeout_s: float


def checked(defaults: Defaults, options: Mapping[str, object]) -> Settings:
    """Check the keywords of one call against a tracker's own settings.

    Raises:
        ValueError: a value that can never be right.
        TypeError: a keyword that does not exist, or a value of the wrong type.
    """
    unknown = options.keys() - TrackingOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword: {', '.join(sorted(map(repr, unknown)))}")
    return Settings(
        final_state_via=checked_final_state_via(options.get("final_state_via")),
        timeout_s=checked_seconds("timeout", options["timeout"]) if "timeout" in options else defaults.timeout_s,
        delay_limits=checked_pace(options["interval"], defaults.delay_limits.floor)
        if options.get("interval") is not None
        else defaults.delay_limits,
        result=checked_result(options.get("result", "final")),
        terminal_words=checked_terminal_words(options.get("terminal_words")),
        cancel_url=checked_text("cancel_url", options.get("cancel_url")),
        label=checked_text("label", options.get("label")),
        owner=checked_owner(options.get("owner")),
    )


_OUTCOMES = {"succeeded": Verdict.SUCCEEDED, "failed": Verdict.FAILED, "canceled": Verdict.CANCELED}


def checked_text(name: str, value: object) -> str | None:
    """Return text or None.

    Raises:
        TypeError: neither.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    return value


def checked_owner(value: object) -> Hashable:
    """Return an owner.

    Raises:
        TypeError: it cannot be hashed, so nothing tells one owner from another.
    """
    hash(value)
    return value


def checked_seconds(name: str, value: object) -> float:
    """Return seconds as a float, infinite for None.

    Raises:
        ValueError: negative or not a number.
        TypeError: not a real number at all.
    """
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if not value >= 0 or (isinstance(value, int) and value > sys.float_info.max):
        raise ValueError(f"{name} must be 0 seconds or more, not {str(value)[:32]}")
    return float(value)


def checked_count(name: str, value: object) -> int:
    """Return a count of 1 or more.

    Raises:
        ValueError: it is less.
        TypeError: it is not an integer.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {value}")
    return value


def checked_key(key: object) -> bytes | None:
    """Return the key that signs tokens, or None.

    Raises:
        ValueError: it is empty.
        TypeError: it is not bytes.
    """
    if key is None:
        return None
    if not isinstance(key, bytes):
        raise TypeError(f"token_key must be bytes, not {type(key).__name__}")
    if not key:
        raise ValueError("token_key must not be empty")
    return key


def checked_pace(interval: object, min_interval: object) -> DelayLimits:
    """Return the pace of polling.

    Raises:
        ValueError: a setting is negative or not finite.
    """
    interval_s = None if interval is None else checked_seconds("interval", interval)
    floor_s = checked_seconds("min_interval", min_interval)
    for name, seconds in (("interval", interval_s or 0.0), ("min_interval", floor_s)):
        if math.isinf(seconds):
            raise ValueError(f"{name} must be finite")
    return DelayLimits(interval=interval_s, floor=floor_s, cap=max(DelayLimits().cap, floor_s))


def checked_final_state_via(name: object) -> FinalStateVia | None:
    """Return the final-state-via of a name in any case (rule 30).

    Raises:
        ValueError: an unknown name.
    """
    if name is None:
        return None
    try:
        return FinalStateVia(str(name).lower())
    except ValueError:
        known = ", ".join(repr(via.value) for via in FinalStateVia)
        raise ValueError(f"final_state_via must be one of {known}, not {str(name)[:64]!r}") from None


def checked_result(result: object) -> ResultWanted:
    """Return which result is wanted.

    Raises:
        ValueError: neither "final" nor "status".
    """
    if result == "final":
        return "final"
    if result == "status":
        return "status"
    raise ValueError(f"result must be 'final' or 'status', not {result!r}")


def checked_terminal_words(words: object) -> Mapping[str, Verdict]:
    """Return lower-case status words and what each says (rule 16).

    Raises:
        ValueError: a blank word, or an outcome that is none.
        TypeError: not a mapping.
    """
    if words is None:
        return NO_WORDS
    if not _is_mapping(words):
        raise TypeError(f"terminal_words must be a mapping, not {type(words).__name__}")
    known: dict[str, Verdict] = {}
    for word, outcome in words.items():
        if not isinstance(word, str) or not word.strip() or not isinstance(outcome, str) or outcome not in _OUTCOMES:
            raise ValueError("terminal_words maps status words to 'succeeded', 'failed' or 'canceled' alone")
        known[word.strip().lower()] = _OUTCOMES[outcome]
    return known


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)


def checked_origins(urls: Iterable[str], parse: Callable[[str], ParsedURL]) -> frozenset[Origin]:
    """Return the origins of URLs such as `https://host` or `https://host:8443`.

    Raises:
        ValueError: one is not an origin: not http(s), without a host, or with a path or user information.
        TypeError: a single string in place of a collection.
    """
    if isinstance(urls, str):
        raise TypeError("allowed_origins must be a collection of URLs, not one string")
    return frozenset(checked_origin("allowed_origins", url, parse) for url in urls)


def checked_origin(name: str, url: str, parse: Callable[[str], ParsedURL], *, path: bool = False) -> Origin:
    """Return the origin of one URL.

    Raises:
        ValueError: it is not an http(s) URL with a host, and without user information, query or, unless
            `path`, a path.
    """
    try:
        parsed = parse(url)
        origin = origin_of(parsed)
    except Exception as error:
        raise ValueError(f"{name}: not an http or https URL") from error
    rest = url.partition("://")[2].partition("/")[2]
    if not origin.host or parsed.userinfo or any(mark in url for mark in "?#@\\") or (rest and not path):
        raise ValueError(f"{name}: {origin} is to be given as scheme, host and port alone")
    return origin
