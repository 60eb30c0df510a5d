"""The rows of a journal as text, for commands and reports."""

from __future__ import annotations

import re

from azpoll.tracking.journal import JournalResult, JournalRow

_ADVICE = re.compile(r"[.,](?: then)? resume with the resume_token[^.]*", re.IGNORECASE)
"""The part of an error's text that names its Python attribute."""


def state_of(row: JournalRow | JournalResult) -> str:
    """Return the state: `intent`, `running`, a terminal state, or `not_started`."""
    if isinstance(row, JournalRow):
        return "intent" if row.intent else "running"
    return "not_started" if row.state is None else row.state.value


def without_advice(text: str) -> str:
    """Return the text of an error without its advice to resume."""
    return _ADVICE.sub("", text)


def without_name(text: str, operation_id: str) -> str:
    """Return the text of an error without the name of its operation before it."""
    prefix, colon, rest = text.partition(": ")
    return rest if colon and operation_id in prefix else text
