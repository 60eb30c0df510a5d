"""The rows of a journal, made of records; and the options of a row, given back to a recovered operation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

from azpoll.operation_state import OperationState
from azpoll.protocol.answer import Answer
from azpoll.protocol.json_body import is_object
from azpoll.protocol.patience import Patience
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Pending, Succeeded, Unknown
from azpoll.tracking.group_owner import GroupOwner, label_of
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.tracking.journaled_record import JournaledRecord
from azpoll.tracking.record import PUBLIC_STATES

if TYPE_CHECKING:
    from azpoll.protocol.delay import DelayLimits
    from azpoll.protocol.states import Terminal
    from azpoll.tracking.outcome import Outcomes
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.starter import Prepared


class _Counts(TypedDict):
    """The counts of a row."""

    polls: int | None
    throttled: int | None


_NO_POLLS: _Counts = {"polls": 0, "throttled": 0}

UNANSWERED_TEXT = "a process stopped between this request and its answer; the service may have executed it"


class RowMaker:
    """Makes the rows of one tracker.

    Args:
        outcomes: makes the tokens and errors.
        delay_limits: of the tracker; those of an operation are stored where they differ.
        patience: of the tracker; likewise.
    """

    def __init__(self, outcomes: Outcomes, delay_limits: DelayLimits, patience: Patience) -> None:
        self._outcomes = outcomes
        self._delay_limits = delay_limits
        self._patience = patience

    def row_of(self, record: OperationRecord) -> JournalRow | JournalResult:
        """Return the row for the present state of a record."""
        state = record.state
        return self._open_row(record, state) if isinstance(state, Pending) else self._result_of(record, state)

    def intent_of(self, operation_id: str, prepared: Prepared, assumed: OperationRecord | None) -> JournalRow:
        """Return the row of a request that is about to be sent; `assumed` polls its resource (rule 53)."""
        if assumed is not None and isinstance(assumed.state, Pending):
            return self._open_row(assumed, assumed.state, intent=True)
        request, settings = prepared.request, prepared.settings
        group, ident = label_of(settings.owner), request.client_request_id
        url = masked_url(request.url)
        label = settings.label
        common = (operation_id, request.method, url, ident, label, group)
        return JournalRow(*common, status=None, intent=True, token=None, options="", **_NO_POLLS)

    def _open_row(self, record: OperationRecord, state: Pending, *, intent: bool = False) -> JournalRow:
        plan = record.plan
        return JournalRow(
            record.id,
            plan.method,
            masked_url(plan.resource_url),
            plan.client_request_id,
            record.label,
            label_of(record.owner),
            state.progress.status,
            intent=intent,
            token=self._outcomes.token(record),
            options=self._options_of(record),
            percent=state.progress.percent,
            last_error=state.failure_counts.reason or None,
            **_counts_of(record),
        )

    def _result_of(self, record: OperationRecord, state: Terminal) -> JournalResult:
        plan, answer = record.plan, state.answer
        return JournalResult(
            record.id,
            plan.method,
            masked_url(plan.resource_url),
            plan.client_request_id,
            record.label,
            label_of(record.owner),
            PUBLIC_STATES[type(state)],
            None if answer is None else answer.status_code,
            b"" if answer is None else answer.body,
            0 if answer is None else len(answer.body),
            None if isinstance(state, Succeeded) else str(self._outcomes.error(record)),
            self._outcomes.token(record) if isinstance(state, Unknown) else None,
            **_counts_of(record),
        )

    def _options_of(self, record: OperationRecord) -> str:
        plan = record.plan
        options: dict[str, object] = {}
        if plan.delay_limits is not self._delay_limits and plan.delay_limits.interval is not None:
            options["interval"] = plan.delay_limits.interval
        if plan.patience is not self._patience:
            options["patience"] = list(plan.patience)
        if isinstance(record.owner, str):
            options["owner"] = record.owner
        return json.dumps(options) if options else ""


def not_started(operation_id: str, prepared: Prepared, outcome: object, error: str) -> JournalResult:
    """Return the result of a request that started no operation."""
    request, settings = prepared.request, prepared.settings
    answer = outcome if isinstance(outcome, Answer) else None
    return JournalResult(
        operation_id,
        request.method,
        masked_url(request.url),
        request.client_request_id,
        settings.label,
        label_of(settings.owner),
        None,
        None if answer is None else answer.status_code,
        b"" if answer is None else answer.body,
        0 if answer is None else len(answer.body),
        error,
        None,
        **_NO_POLLS,
    )


def never_answered(row: JournalRow) -> JournalResult:
    """Return the result of a POST or GET whose answer no process received: nothing can be polled."""
    return JournalResult(*row[:6], OperationState.UNKNOWN, None, b"", 0, UNANSWERED_TEXT, None, **_NO_POLLS)


def _counts_of(record: OperationRecord) -> _Counts:
    """Return the polls of an operation; those of a tracker's own operations are known."""
    if isinstance(record, JournaledRecord):
        return {"polls": record.all_polls, "throttled": record.throttled}
    return {"polls": None, "throttled": None}


def options_of(row: JournalRow, owners: dict[str, GroupOwner]) -> dict[str, object]:
    """Return the keywords of `resume` for a row, without those that its token has; `owners` has one for each group."""
    options: dict[str, object] = {}
    if row.group is not None:
        options["owner"] = owners.setdefault(row.group, GroupOwner(row.group))
    if row.options:
        stored: object = json.loads(row.options)
        if is_object(stored):
            options |= {name: stored[name] for name in ("interval", "owner") if name in stored}
            if isinstance(bounds := stored.get("patience"), list):
                options["patience"] = Patience(*bounds)
    return options
