"""Log lines about requests that fail, and about status words that azpoll does not know (rule 55).

The logger is `azpoll`. No line holds the values of a URL's query, a header or a body (rule 45).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.answer import RequestFailure
from azpoll.protocol.failures import http_status
from azpoll.protocol.last_error import counts_of, error_of_poll, last_error
from azpoll.protocol.machine import expires_at
from azpoll.protocol.reading import Reading
from azpoll.protocol.redaction import escape_for_display, masked_url
from azpoll.protocol.states import Pending, Polling, Unknown
from azpoll.protocol.status_document import RUNNING_WORDS

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer
    from azpoll.protocol.initial_retry import Retry
    from azpoll.protocol.states import State
    from azpoll.tracking.record import OperationRecord
    from azpoll.transport.transport import InitialRequest

WARNED_AT = (5, 10)
"""Numbers of failures in a row that are warnings; the first one is information, and others are not logged."""

UNKNOWN_WORD_S = 600.0
"""Seconds for which an operation reports the same unknown status word before it is logged."""

_LONGEST_WORD = 64

logger = logging.getLogger("azpoll")


class _UnknownWord(NamedTuple):
    """An unknown status word, and the monotonic time of its first answer; None after it was logged."""

    word: str
    since_s: float | None


class PollLog:
    """Logs the polls of one tracker. Only an operation that reports an unknown status word takes memory here."""

    def __init__(self) -> None:
        self._unknown_words: dict[OperationRecord, _UnknownWord] = {}

    def polled(self, record: OperationRecord, before: State, at_s: float) -> None:
        """Log the outcome of a poll that came at `at_s`, where it is worth a line."""
        state = record.state
        if not isinstance(state, Polling) or state.failure_counts.in_a_row:
            if (reason := error_of_poll(before, state)) is not None:
                _log_failure(record, state, reason, at_s)
        elif (word := state.progress.status) is not None and word.lower() not in RUNNING_WORDS:
            self._unknown_word(record, word, at_s)
        elif self._unknown_words:
            self._unknown_words.pop(record, None)

    def expired(self, record: OperationRecord) -> None:
        """Log the end of an operation whose deadline passed while no request was in flight, if its polls failed."""
        reason = last_error(record.state)
        if reason is not None and isinstance(record.state, Unknown):
            _log_failure(record, record.state, reason, 0.0)

    def ended(self, record: OperationRecord) -> None:
        """Forget an operation that has ended."""
        self._unknown_words.pop(record, None)

    def _unknown_word(self, record: OperationRecord, word: str, at_s: float) -> None:
        known = self._unknown_words.get(record)
        if known is None or known.word != word:
            self._unknown_words[record] = _UnknownWord(word, at_s)
        elif known.since_s is not None and at_s - known.since_s >= UNKNOWN_WORD_S:
            self._unknown_words[record] = _UnknownWord(word, None)
            logger.info(
                "%s: the status has been %r for %.0f s, a word that azpoll does not know and takes for running. If it"
                " means that the operation has ended, name it in terminal_words",
                record.name,
                escape_for_display(word, _LONGEST_WORD),
                at_s - known.since_s,
            )


def wait_s(state: Pending, answered_s: float) -> float:
    """Return the seconds until the next request, or until the deadline if that comes first."""
    expires_s = expires_at(state, answered_s)
    return state.next_request.delay.seconds if expires_s is None else expires_s - answered_s


def log_repetition(request: InitialRequest, outcome: Answer | RequestFailure, retry: Retry) -> None:
    """Log that an initial request failed and is sent again (rule 53)."""
    reason = outcome.reason if isinstance(outcome, RequestFailure) else http_status(Reading(outcome))
    name = f"{request.method} {masked_url(request.url)}"
    _log_next(name, _counted(reason, retry.failures, "attempt"), retry.failures, retry.delay.seconds)


def _log_failure(record: OperationRecord, state: State, reason: str, answered_s: float) -> None:
    in_a_row = counts_of(state).in_a_row
    text = _counted(reason, in_a_row, "poll")
    if isinstance(state, Unknown):
        logger.warning("%s: %s; azpoll gives up", record.name, text)
    elif isinstance(state, Pending):
        _log_next(record.name, text, in_a_row, wait_s(state, answered_s))


def _log_next(name: str, text: str, in_a_row: int, next_s: float) -> None:
    if in_a_row == 1 or in_a_row in WARNED_AT:
        level = logging.INFO if in_a_row == 1 else logging.WARNING
        logger.log(level, "%s: %s, next in %.0f s", name, text, next_s)


def _counted(reason: str, in_a_row: int, unit: str) -> str:
    """Return a reason and the count; an answer that names a refused URL ends the tracking, and is no failed poll."""
    text = escape_for_display(reason)
    return f"{text}, {in_a_row} {unit}{'s' if in_a_row > 1 else ''} in a row" if in_a_row else text
