"""The rows of a journal as JSON text, for a journal of the caller's in any database."""

from __future__ import annotations

import base64
import json

from azpoll.operation_state import OperationState
from azpoll.protocol.json_body import is_object
from azpoll.tracking.journal import JournalResult, JournalRow


def journal_text(row: JournalRow | JournalResult) -> str:
    """Return a row as JSON text. It holds the token, and the body of a result: keep it secret."""
    _check_row(row)
    values: dict[str, object] = row._asdict()
    if isinstance(row, JournalResult):
        values["body"] = base64.b64encode(row.body).decode()
    return json.dumps(values)


def _check_row(row: object) -> None:
    if not isinstance(row, JournalRow | JournalResult):
        raise TypeError(f"row must be a JournalRow or a JournalResult, not {type(row).__name__}")


def journal_row(text: str) -> JournalRow | JournalResult:
    """Return the row of a text that `journal_text` made.

    Raises:
        ValueError: the text is none of a row.
    """
    values: object = json.loads(text)
    if not is_object(values):
        raise ValueError("the text is no row of a journal")
    members = dict(values)
    try:
        if "body" not in members:
            return JournalRow(**members)  # type: ignore[arg-type]  # - its own text; a wrong name raises TypeError
        state = members["state"]
        members["state"] = None if state is None else OperationState(str(state))
        members["body"] = base64.b64decode(str(members["body"]))
        return JournalResult(**members)  # type: ignore[arg-type]  # - its own text
    except (TypeError, KeyError) as error:
        raise ValueError("the text is no row of a journal") from error
