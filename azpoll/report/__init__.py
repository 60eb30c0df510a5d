"""Reports on the operations of a journal, a fleet or a group: an HTML page, JSON and CSV (docs/report.md).

`azpoll report` is the same on the command line.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from azpoll.journal import JournalEntry
from azpoll.protocol.redaction import escape_for_display
from azpoll.report.data import csv_text, json_text
from azpoll.report.live import reported_live
from azpoll.report.operations import reported
from azpoll.report.page import page
from azpoll.report.summary import summary_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.operation import AsyncOperation
    from azpoll.report.operations import ReportedOperation

    Entry: TypeAlias = JournalEntry | AsyncOperation[Any]  # of the responses of any library

__all__ = ["csv", "html", "json"]


def html(entries: Iterable[Entry], *, title: str = "Azure operations") -> str:
    """Return a report as one HTML page, which holds no script and requests nothing.

    It has the states, durations, polls and 429s, a timeline, the failures with the errors of the service, the slowest
    operations and a table of them all. The timeline shows at most 100 bars, beside a chart of all operations, and the
    table at most 1,000 rows. So the page has less than 1 MB. Every text is escaped, and query values and credentials
    are masked.

    Args:
        entries: as `JournalReader.entries` and `Fleet.entries` yield them, or operations of a tracker of this process,
            as `Group.operations` has them.
        title: of the page.
    """
    operations, now_s = [_reported(entry) for entry in entries], time.time()
    return page(escape_for_display(title), operations, summary_of(operations, now_s), now_s)


def json(entries: Iterable[Entry]) -> str:
    """Return a report as a JSON document with a summary and all operations. Secrets are masked as in `html`."""
    operations, now_s = [_reported(entry) for entry in entries], time.time()
    return json_text(operations, summary_of(operations, now_s), now_s)


def csv(entries: Iterable[Entry]) -> str:
    """Return the operations as CSV with a header. Secrets are masked as in `html`.

    A text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    return csv_text(map(_reported, entries), time.time())


def _reported(entry: Entry) -> ReportedOperation:
    return reported(entry) if isinstance(entry, JournalEntry) else reported_live(entry)
