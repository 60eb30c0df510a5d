"""The one guess that could say "Succeeded" of what still runs: a status monitor taken for a `Location` URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.json_body import is_object
from azpoll.protocol.status_document import Verdict, is_monitor, status_word, verdict_of

if TYPE_CHECKING:
    import httpx


def is_running_monitor(response: httpx.Response) -> bool:
    """Whether an answer is the document of a status monitor whose operation still runs."""
    try:
        document: object = response.json()
    except ValueError:
        return False
    if not is_object(document) or not is_monitor(document):
        return False
    word = status_word(document)
    return word is not None and verdict_of(word, {}) is Verdict.RUNNING
