"""The polling pattern of a URL that is given without `--pattern`: a guess from the URL, checked against the answer.

One wrong guess could report "Succeeded" for a running operation: a status monitor that is read as a `Location` URL.
`is_running_monitor` detects it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.operation_document import is_monitor
from azpoll.protocol.status_document import TERMINAL_WORDS, status_word

if TYPE_CHECKING:
    import httpx

    from azpoll.options import PatternName

_MONITOR_SEGMENTS = frozenset(
    {
        *("operationstatuses", "operationstatus", "operationsstatus", "operations"),
        *("asyncoperations", "asyncoperation", "azureasyncoperation", "azureasyncoperations"),
    }
)
"""Lower-case path segments that services give to status monitors."""

_LOCATION_QUERY = "monitor=true"
"""The query part that marks `Location` URLs of ARM, including those below `/operations/`."""


def guess_pattern(url: str) -> PatternName:
    """Return the most likely pattern of a polling URL."""
    location, _, query = url.partition("?")
    if _LOCATION_QUERY in query.lower().split("&"):
        return "location"
    return "azure-async-operation" if _MONITOR_SEGMENTS.intersection(location.lower().split("/")) else "location"


def is_running_monitor(response: httpx.Response) -> bool:
    """Whether an answer is the document of a status monitor whose operation is still running."""
    try:
        document: dict[str, object] | list[object] | str | float | None = response.json()
    except ValueError:
        return False
    if not isinstance(document, dict) or not is_monitor(document):
        return False
    word = status_word(document)
    return word is not None and word.lower() not in TERMINAL_WORDS
