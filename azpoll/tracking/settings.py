"""The settings of a tracker and of one call, checked before anything is sent.

Each `checked_` function returns the value in its final type. It raises `ValueError` for a value out of its range and
`TypeError` for a value of the wrong type.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

import math
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple, TypeGuard

from azpoll.options import BeginOptions, ResultWanted, TrackingOptions
from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.status_document import NO_WORDS, Verdict
from azpoll.protocol.url_policy import Origin, ParsedURL, origin_of
from azpoll.schedule.budget import Budget
from azpoll.schedule.due_time import DueTimes
from azpoll.tracking.journal import Journal

REQUEST_ARGUMENTS = BeginOptions.__annotations__.keys() - TrackingOptions.__annotations__.keys() - {"idempotent"}
"""The keywords of `begin` that `build_request` of the client takes."""

_OUTCOMES = {"succeeded": Verdict.SUCCEEDED, "failed": Verdict.FAILED, "canceled": Verdict.CANCELED}


class Settings(NamedTuple):
    """The checked `TrackingOptions` of one call; the attributes have the same meaning."""

    delay_limits: DelayLimits
    timeout_s: float = math.inf
    final_state_via: FinalStateVia | None = None
    result: ResultWanted = "final"
    terminal_words: Mapping[str, Verdict] = NO_WORDS
    cancel_url: str | None = None
    label: str | None = None
    owner: Hashable = None


class Origins(NamedTuple):
    """The origins that requests may go to besides that of the initial request.

    Attributes:
        allowed: polls may go there (rule 9).
        resumable: resume tokens may name them as the origin of the initial request (rule 42).
        rebase_to: origin, with an optional path, that URLs of other origins are moved to; None for none (rule 10).
    """

    allowed: frozenset[Origin]
    resumable: frozenset[Origin]
    rebase_to: str | None


class TrackerSettings(NamedTuple):
    """The checked arguments of a `Tracker`.

    Attributes:
        defaults: apply to each operation unless a call overrides them.
        max_in_flight: the least and the greatest number of concurrent polls, and of concurrent initial requests.
        keep_failures: whether failures are kept until a caller has seen them.
    """

    parse_url: Callable[[str], ParsedURL]
    defaults: Settings
    origins: Origins
    token_key: bytes | None
    max_in_flight: tuple[int, int]
    budget: Budget | None
    due_times: DueTimes
    keep_failures: bool
    journal: Journal | None


def checked(defaults: Settings, options: Mapping[str, object]) -> Settings:
    """Return the settings of one call: its keywords, else the tracker's defaults."""
    if not options:
        return defaults
    unknown = options.keys() - TrackingOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword: {', '.join(sorted(map(repr, unknown)))}")
    interval, limits = options.get("interval"), defaults.delay_limits
    owner = options.get("owner")
    hash(owner)  # raises TypeError where an owner cannot be a key
    return Settings(
        delay_limits=limits if interval is None else checked_delay_limits(interval, limits.floor),
        timeout_s=checked_seconds("timeout", options["timeout"]) if "timeout" in options else defaults.timeout_s,
        final_state_via=checked_final_state_via(options.get("final_state_via")),
        result=checked_result(options.get("result", "final")),
        terminal_words=checked_terminal_words(options.get("terminal_words")),
        cancel_url=checked_text("cancel_url", options.get("cancel_url")),
        label=checked_text("label", options.get("label")),
        owner=owner,
    )


def checked_text(name: str, value: object) -> str | None:
    """Return the text or None."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    return value


def checked_seconds(name: str, value: object) -> float:
    """Return seconds as a float; infinity for None."""
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if not value >= 0 or (isinstance(value, int) and value > sys.float_info.max):
        raise ValueError(f"{name} must be 0 seconds or more, not {str(value)[:32]}")
    return float(value)


def checked_range(name: str, value: object, default: tuple[int, int]) -> tuple[int, int]:
    """Return the least and the greatest count: a fixed count of 1 or more, or the default for None."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {value}")
    return value, value


def checked_key(key: object) -> bytes | None:
    """Return the key that signs tokens, or None."""
    if key is None:
        return None
    if not isinstance(key, bytes):
        raise TypeError(f"token_key must be bytes, not {type(key).__name__}")
    if not key:
        raise ValueError("token_key must not be empty")
    return key


def checked_delay_limits(interval: object, min_interval: object) -> DelayLimits:
    """Return the limits of the delays between polls."""
    interval_s = None if interval is None else checked_seconds("interval", interval)
    floor_s = checked_seconds("min_interval", min_interval)
    for name, seconds in (("interval", interval_s or 0.0), ("min_interval", floor_s)):
        if math.isinf(seconds):
            raise ValueError(f"{name} must be finite")
    return DelayLimits(interval=interval_s, floor=floor_s, cap=max(DelayLimits().cap, floor_s))


def checked_final_state_via(name: object) -> FinalStateVia | None:
    """Return the final-state-via with this name, in any case (rule 30)."""
    if name is None:
        return None
    try:
        return FinalStateVia(str(name).lower())
    except ValueError:
        known = ", ".join(repr(via.value) for via in FinalStateVia)
        raise ValueError(f"final_state_via must be one of {known}, not {str(name)[:64]!r}") from None


def checked_result(result: object) -> ResultWanted:
    """Return "final" or "status"."""
    if result == "final":
        return "final"
    if result == "status":
        return "status"
    raise ValueError(f"result must be 'final' or 'status', not {result!r}")


def checked_terminal_words(words: object) -> Mapping[str, Verdict]:
    """Return lower-case status words and their verdicts (rule 16)."""
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


def checked_origins(
    allowed_origins: Iterable[str], rebase_to: str | None, base_url: str, parse: Callable[[str], ParsedURL]
) -> Origins:
    """Return the origins that the caller trusts; `base_url` is the client's, or empty."""
    if isinstance(allowed_origins, str):
        raise TypeError("allowed_origins must be a collection of URLs, not one string")
    allowed = frozenset(checked_origin("allowed_origins", url, parse) for url in allowed_origins)
    if rebase_to is not None:
        allowed |= {checked_origin("rebase_to", rebase_to, parse, path=True)}
    at_home = {checked_origin("the client's base_url", base_url, parse, path=True)} if base_url else set[Origin]()
    return Origins(allowed, allowed | at_home, rebase_to)


def checked_origin(name: str, url: str, parse: Callable[[str], ParsedURL], *, path: bool = False) -> Origin:
    """Return the origin of one URL."""
    try:
        parsed = parse(url)
        origin = origin_of(parsed)
    except Exception as error:
        raise ValueError(f"{name}: not an http or https URL") from error
    rest = url.partition("://")[2].partition("/")[2]
    if not origin.host or parsed.userinfo or any(mark in url for mark in "?#@\\") or (rest and not path):
        raise ValueError(f"{name}: {origin} is to be given as scheme, host and port alone")
    return origin
