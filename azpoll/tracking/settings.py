"""The settings of a tracker and of one call, checked before anything is sent.

Each `checked_` function returns the value in its final type. It raises `ValueError` for a value out of its range and
`TypeError` for a value of the wrong type.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

import math
import sys
from collections.abc import Hashable, Iterable, Mapping
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeGuard, TypeVar, get_args

from azpoll.options import BeginOptions, ResultWanted, TrackingOptions
from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.patience import DEFAULT_PATIENCE, Patience
from azpoll.protocol.patterns import BY_CHOICE
from azpoll.protocol.plan import MAX_WORDS, CancelMethod, FinalStateVia, Plan, RequestOptions, is_member_path
from azpoll.protocol.status_document import NO_WORDS, OUTCOMES, Verdict
from azpoll.protocol.url_policy import URLPolicy
from azpoll.schedule.budget import Budget
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.durations import Durations
from azpoll.tracking.request_options import checked_request_options

if TYPE_CHECKING:
    from azpoll.tracking.journal import Journal

T = TypeVar("T")

REQUEST_ARGUMENTS = (
    BeginOptions.__annotations__.keys()
    - TrackingOptions.__annotations__.keys()
    - {
        "idempotent",
        "request_timeout",
    }
)
"""The keywords of `begin` that describe the request itself, as for a request of httpx."""

MAX_INTERVAL_S = 86_400
"""The greatest interval between polls in seconds: a day."""

_JOURNAL = ("__aenter__", "__aexit__", "store", "open_rows", "results", "get", "forget")

_SHOWN_TYPES: dict[type, str] = {bytes: "bytes", int: "an integer", str: "text"}


class TrackerSettings(NamedTuple):
    """The checked arguments of a `Tracker`.

    Attributes:
        base_url: of the client; it may be empty.
        url_policy: of an operation at the client's base URL. Polls may go to its origins, and a resume token may name
            one of them as the origin of the initial request (rules 9, 42).
        token_key: signs resume tokens; None for tokens without a signature.
        max_in_flight: the least and the greatest number of concurrent polls, and of concurrent initial requests; then
            the number of connections for both, None if they may have no more than that.
        keep_failures: whether failures are kept until a caller has seen them.
    """

    base_url: str
    url_policy: URLPolicy
    delay_limits: DelayLimits
    timeout_s: float
    token_key: bytes | None
    max_in_flight: tuple[int, int, int | None]
    budget: Budget | None
    due_times: DueTimes
    keep_failures: bool
    journal: "Journal | None"
    patience: Patience = DEFAULT_PATIENCE


class Settings(NamedTuple):
    """The checked `TrackingOptions` of one call.

    Attributes:
        plan: makes a plan with the options that belong to it.
        timeout_s: infinity for none.
    """

    plan: partial[Plan]
    timeout_s: float
    patience: Patience
    label: str | None
    owner: Hashable

    @property
    def cancel_url(self) -> str | None:
        """The URL to cancel at, as the caller named it."""
        options: RequestOptions = self.plan.keywords["request_options"]
        return options.cancel_url

    def plan_at(self, method: str, url: str, policy: URLPolicy, begun_s: float, client_request_id: str | None) -> Plan:
        """Return the plan of an operation that began at a time."""
        deadline_s = None if math.isinf(self.timeout_s) else begun_s + self.timeout_s
        return self.plan(method, url, policy, deadline_s=deadline_s, client_request_id=client_request_id)


def checked(options: Mapping[str, object], tracker: TrackerSettings) -> Settings:
    """Return the settings of one call: its keywords, else those of the tracker."""
    unknown = options.keys() - TrackingOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword: {', '.join(sorted(map(repr, unknown)))}")
    interval, limits, via = options.get("interval"), tracker.delay_limits, options.get("final_state_via")
    owner, pattern, patience = options.get("owner"), options.get("pattern"), options.get("patience")
    pattern = None if pattern is None else checked_choice("pattern", pattern, BY_CHOICE)
    patience = tracker.patience if patience is None else checked_value("patience", patience, Patience)
    return Settings(
        partial(
            Plan,
            final_state_via=None if via is None else checked_choice("final_state_via", str(via).lower(), FinalStateVia),
            result=checked_choice("result", options.get("result", "final"), get_args(ResultWanted)),
            terminal_words=checked_terminal_words(options.get("terminal_words")),
            delay_limits=limits if interval is None else checked_delay_limits(interval, limits.floor),
            patience=patience,
            pattern=pattern,
            status_member=checked_path("status_member", options.get("status_member")),
            request_options=checked_request_options(
                options.get("poll_headers"),
                options.get("stored_headers", ()),
                checked_text("cancel_url", options.get("cancel_url")),
                checked_choice("cancel_method", options.get("cancel_method", "POST"), get_args(CancelMethod)),
                pattern,
            ),
        ),
        timeout_s=checked_seconds("timeout", options["timeout"]) if "timeout" in options else tracker.timeout_s,
        patience=patience,
        label=checked_type("label", options.get("label"), str),
        owner=checked_owner(owner),
    )


def checked_owner(owner: object) -> Hashable:
    """Return an owner, which is a key of the fair queue."""
    try:
        hash(owner)
    except TypeError as error:
        raise TypeError(f"owner must be hashable, not {type(owner).__name__}") from error
    return owner


def checked_choice(name: str, value: object, choices: Iterable[T]) -> T:
    """Return the choice that equals a value."""
    choices = tuple(choices)
    for choice in choices:
        if value == choice:
            return choice
    known = ", ".join(f"'{choice}'" for choice in choices)
    raise ValueError(f"{name} must be one of {known}, not {str(value)[:64]!r}")


def checked_type(name: str, value: object, kind: type[T]) -> T | None:
    """Return a value of this type or None; a bool is no number."""
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise TypeError(f"{name} must be {_SHOWN_TYPES[kind]}, not {type(value).__name__}")
    return value


def checked_text(name: str, value: object) -> str | None:
    """Return text that is not empty, or None."""
    text = checked_type(name, value, str)
    if text == "":
        raise ValueError(f"{name} must not be empty")
    return text


def checked_function(name: str, value: T) -> T:
    """Return a function."""
    if not callable(value):
        raise TypeError(f"{name} must be callable, not {type(value).__name__}")
    return value


def checked_journal(value: "Journal | None") -> "Journal | None":
    """Return the journal, or None."""
    if value is not None:
        lacking = [name for name in _JOURNAL if not callable(getattr(value, name, None))]
        if lacking or isinstance(value, type):
            advice = "; for a file it is azpoll.SQLiteJournal(path)" if isinstance(value, str | PathLike) else ""
            raise TypeError(f"journal must be an azpoll.Journal or None, and {type(value).__name__} is none{advice}")
    return value


def checked_path(name: str, value: object) -> str | None:
    """Return names of members with dots between them (rule 48), or None."""
    path = checked_type(name, value, str)
    if path is not None and not is_member_path(path):
        raise ValueError(f"{name} must be names with dots between them, not {path[:64]!r}")
    return path


def checked_seconds(name: str, value: object) -> float:
    """Return seconds as a float; infinity for None."""
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if not value >= 0 or (isinstance(value, int) and value > sys.float_info.max):
        raise ValueError(f"{name} must be 0 seconds or more, not {str(value)[:32]}")
    return float(value)


def checked_request_timeout(value: object) -> float:
    """Return the time limit of one request in seconds."""
    limit_s = checked_seconds("request_timeout", value)
    if not 0 < limit_s < math.inf:
        raise ValueError("request_timeout must be above 0 seconds and finite")
    return limit_s


def checked_limits(request_timeout: object, max_body: object) -> tuple[float, int]:
    """Return the time limit of each request in seconds, and the limit of each body in bytes."""
    return checked_request_timeout(request_timeout), checked_count("max_body", max_body)


def checked_value(name: str, value: object, kind: type[T]) -> T:
    """Return a value of one of azpoll's own types."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be an azpoll.{kind.__name__}, not {type(value).__name__}")
    return value


def checked_count(name: str, value: object) -> int:
    """Return an integer of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {value}")
    if value > sys.maxsize:
        raise ValueError(f"{name} must be at most {sys.maxsize}")
    return value


def checked_in_flight(value: object, concurrency: tuple[int, int], connections: int) -> tuple[int, int, int | None]:
    """Return `TrackerSettings.max_in_flight`: a fixed number of 1 or more, or those of the transport for None."""
    if value is None:
        return (*concurrency, connections)
    count = checked_count("max_in_flight", value)
    return count, count, None


def checked_key(key: object) -> bytes | None:
    """Return the key that signs tokens, or None."""
    if key == b"":
        raise ValueError("token_key must not be empty")
    return checked_type("token_key", key, bytes)


def checked_durations(durations: object) -> Durations | None:
    """Return the completion times: the caller's, new ones for "recorded", or None."""
    if durations is None or isinstance(durations, Durations):
        return durations
    if durations == "recorded":
        return Durations()
    raise TypeError(f'durations must be a Durations, "recorded" or None, not {type(durations).__name__}')


def checked_delay_limits(interval: object, min_interval: object) -> DelayLimits:
    """Return the limits of the delays between polls."""
    interval_s = None if interval is None else checked_seconds("interval", interval)
    floor_s = checked_seconds("min_interval", min_interval)
    for name, seconds in (("interval", interval_s or 0.0), ("min_interval", floor_s)):
        if math.isinf(seconds):
            raise ValueError(f"{name} must be finite")
        if seconds > MAX_INTERVAL_S:
            raise ValueError(f"{name} must be at most {MAX_INTERVAL_S} seconds, not {str(seconds)[:32]}")
    return DelayLimits(interval=interval_s, floor=floor_s, cap=max(DelayLimits().cap, floor_s))


def checked_terminal_words(words: object) -> Mapping[str, Verdict]:
    """Return lower-case status words and their verdicts (rule 16)."""
    if words is None:
        return NO_WORDS
    if not _is_mapping(words):
        raise TypeError(f"terminal_words must be a mapping, not {type(words).__name__}")
    if len(words) > MAX_WORDS or any(isinstance(word, str) and len(word) > MAX_WORDS for word in words):
        raise ValueError(f"terminal_words holds at most {MAX_WORDS} words of at most {MAX_WORDS} characters")
    known: dict[str, Verdict] = {}
    for word, outcome in words.items():
        if not isinstance(word, str) or not word.strip() or not isinstance(outcome, str) or outcome not in OUTCOMES:
            raise ValueError("terminal_words maps status words to 'succeeded', 'failed' or 'canceled' alone")
        known[word.strip().lower()] = OUTCOMES[outcome]
    return known


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)
