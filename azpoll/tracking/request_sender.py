"""Sends initial requests, each with an intent in the journal before it and its outcome after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import InitialRequestFailed
from azpoll.protocol.initial_retry import InitialOutcome, outcome_after
from azpoll.tracking.record import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.delay import DelayLimits
    from azpoll.schedule.initial_requests import InitialRequests
    from azpoll.tracking.journal import JournalRow
    from azpoll.tracking.journal_writer import JournalWriter
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.starter import OperationStarter, Prepared
    from azpoll.transport.transport import InitialRequest


CLOSED = "the tracker was closed before the request was sent"


class RequestSender:
    """Sends the initial requests of one tracker.

    Args:
        starter: prepares requests, and makes operations of their answers.
        queue: sends each request in its turn.
        writer: of the journal; None without one.
        delay_limits: limits of the delay before a request is sent again.
        now: returns the loop time in seconds.
    """

    def __init__(
        self,
        starter: OperationStarter,
        queue: InitialRequests[InitialRequest],
        writer: JournalWriter | None,
        delay_limits: DelayLimits,
        now: Callable[[], float],
    ) -> None:
        self._starter = starter
        self._queue = queue
        self._writer = writer
        self._delay_limits = delay_limits
        self._now = now

    def prepare(self, method: str, url: str, arguments: Mapping[str, object]) -> Prepared:
        """Build and check an initial request from the arguments of `Tracker.begin`. Sends nothing."""
        return self._starter.prepare(method, url, arguments)

    async def send(
        self, prepared: Prepared, *, sending: Callable[[], object] | None = None, again: JournalRow | None = None
    ) -> OperationRecord:
        """Send a request, and return the operation that it started; it is not scheduled yet.

        Args:
            prepared: the request.
            sending: called before the request is first sent.
            again: the intent of an earlier process that may have sent the request; this is its repetition (rule 53).

        Raises:
            InitialRequestFailed: as for `Tracker.begin`.
            TrackerClosed: nothing was sent.
        """
        own_id = None
        if self._writer is not None:
            own_id = new_id() if again is None else again.operation_id
        outcome = await self._outcome(prepared, own_id, sending, is_first=again is None)
        if outcome is not None and again is not None and again.token is not None:
            sent_s = self._starter.from_token(again.token, {}, self._now()).plan.sent_s
            outcome = outcome_after(InitialOutcome(outcome.last, sent_s), outcome.last, self._now())
        try:
            return self._starter.from_outcome(prepared, outcome, own_id)
        except InitialRequestFailed as error:
            if self._writer is not None and own_id is not None and outcome is not None and not error.may_have_acted:
                await self._writer.not_started(own_id, prepared, outcome.last, str(error))
            raise

    async def _outcome(
        self, prepared: Prepared, own_id: str | None, sending: Callable[[], object] | None, *, is_first: bool
    ) -> InitialOutcome | None:
        """Send a request; None if the tracker closed before it was sent."""
        has_intent = False

        async def before() -> None:
            nonlocal has_intent
            if sending is not None:
                sending()
            if self._writer is not None and own_id is not None:
                assumed = self._starter.assumed(prepared, self._now(), own_id)
                await self._writer.intent(own_id, prepared, assumed)
                has_intent = True

        outcome = await self._queue.send(
            prepared.request,
            prepared.settings.owner,
            self._delay_limits,
            repeatable=prepared.request.is_repeatable,
            idempotent=prepared.idempotent,
            patience=prepared.settings.patience,
            before=before,
        )
        if outcome is None and has_intent and is_first and self._writer is not None and own_id is not None:
            await self._writer.not_started(own_id, prepared, None, CLOSED)
        return outcome
