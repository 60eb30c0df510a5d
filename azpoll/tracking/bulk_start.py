"""Starts the operations of many requests, each once: a journal may know the operation of a request already."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.errors import JournalError
from azpoll.options import TrackingOptions
from azpoll.protocol.redaction import masked_url
from azpoll.tracking.group_owner import label_of
from azpoll.tracking.journal import JournalResult, JournalRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.tracking.journal import Journal
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.session import Session
    from azpoll.tracking.starter import Prepared
    from azpoll.transport.library import HTTPResponse

_NOT_IN_TOKENS = TrackingOptions.__annotations__.keys() & {"poll_headers", "stored_headers", "owner"}
"""The options that a request gives to an operation of the journal; the others are stored."""


class RequestKey(NamedTuple):
    """The identity of a request in a journal; `url` is without the values of its query."""

    group: str | None
    label: str | None
    method: str
    url: str


class Started(NamedTuple):
    """The operation of a request, or its end in the journal.

    Attributes:
        is_new: whether the request was sent now.
    """

    operation: OperationRecord | JournalResult
    is_new: bool


class BulkStart:
    """Starts the operation of each request, unless the journal has it.

    Args:
        session: sends the requests.
        known: ids of operations of the journal; None without a journal.
    """

    def __init__(self, session: Session[HTTPResponse], known: Mapping[RequestKey, str] | None) -> None:
        self._session = session
        self._known = known
        self._given: set[RequestKey] = set()

    async def start(
        self, method: str, url: str, options: Mapping[str, object], sending: Callable[[], object]
    ) -> Started:
        """Start the operation of a request, or find it in the journal.

        Args:
            method: as for `Tracker.begin`.
            url: likewise.
            options: likewise.
            sending: called before the request is first sent.

        Raises:
            AzpollError: as `Tracker.begin` does; or the row of the journal cannot be used.
            ValueError: as `Tracker.begin` does; or an earlier request has the same group, label, method and URL.
            TypeError: as `Tracker.begin` does.
        """
        prepared = self._session.requests.prepare(method, url, options)
        operation_id = self._known_id(prepared)
        if operation_id is not None:
            found = await self._continued(operation_id, prepared, options, sending)
            if found is not None:
                return found
        return Started(await self._session.send(prepared, sending=sending), is_new=True)

    def _known_id(self, prepared: Prepared) -> str | None:
        if self._known is None:
            return None
        settings, url = prepared.settings, masked_url(prepared.resource_url)
        key = RequestKey(label_of(settings.owner), settings.label, prepared.request.method, url)
        if key in self._given:
            raise ValueError(
                f"{key.method} {key.url} was given twice: with a journal, requests to one URL need different labels"
            )
        self._given.add(key)
        return self._known.get(key)

    async def _continued(
        self, operation_id: str, prepared: Prepared, options: Mapping[str, object], sending: Callable[[], object]
    ) -> Started | None:
        """Return the operation with an id of the journal; None if its row is there no more."""
        journal = self._session.journal()
        given = {name: options[name] for name in _NOT_IN_TOKENS & options.keys()}
        row = await journal.storage.get(operation_id)
        record = journal.writer.find(operation_id)
        if record is not None:
            return Started(record, is_new=False)
        if row is None:
            return None
        if isinstance(row, JournalRow):
            if row.intent and prepared.idempotent:  # unknown whether it was sent: as after a lost connection (rule 53)
                return Started(await self._session.send(prepared, sending=sending, again=row), is_new=True)
            return Started(await journal.recover_row(row, given), is_new=False)
        if row.token is not None:  # its status was unknown: it may still run
            return Started(self._session.resume(row.token, {"label": row.label, **given}), is_new=False)
        return Started(row, is_new=False)


async def bulk_start(session: Session[HTTPResponse]) -> BulkStart:
    """Return a start of operations, after the journal was read if there is one.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        journal = session.journal().storage
    except JournalError:
        return BulkStart(session, None)
    return BulkStart(session, await _ids_of(journal))


async def _ids_of(journal: Journal) -> dict[RequestKey, str]:
    """Return the ids of all operations of a journal. A request that started none is left out, and is sent again."""
    ids = {_key_of(result): result.operation_id async for result in journal.results() if result.state is not None}
    async for row in journal.open_rows():
        ids[_key_of(row)] = row.operation_id
    return ids


def _key_of(row: JournalRow | JournalResult) -> RequestKey:
    return RequestKey(row.group, row.label, row.method, row.url)
