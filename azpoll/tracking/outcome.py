"""Exception and resume token of an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import TrackerClosed, error_of
from azpoll.eventloop.clock import WallClock
from azpoll.protocol import resume_token
from azpoll.protocol.states import Canceled, Failed, Pending, Succeeded, Unknown, UnknownReason

if TYPE_CHECKING:
    from azpoll.errors import AzpollError
    from azpoll.tracking.record import OperationRecord
    from azpoll.transport.library import HTTPResponse
    from azpoll.transport.transport import Transport

CLOCK_TOLERANCE_S = 1.0
"""How far the clock of the host that makes a token may be behind the clock of the host that resumes it."""


class Outcomes:
    """Makes the exceptions and the resume tokens of one tracker; without a `token_key`, tokens are not signed."""

    def __init__(self, transport: Transport[HTTPResponse], token_key: bytes | None) -> None:
        self._transport = transport
        self._token_key = token_key
        self.wall_clock = WallClock()

    def error(self, record: OperationRecord) -> AzpollError:
        """Return a new exception for an operation that ended without success."""
        token = self.token(record)
        match record.state:
            case Failed(answer=answer) | Canceled(answer=answer) | Unknown(answer=answer) as state:
                response = None if answer is None else self._transport.response_from(answer)
                error = error_of(state, record.name, token, response, reported=record.reported)
                record.reported = error.reported
                return error
            case _:
                text = f"tracking of {record.name} stopped before it ended; it may still run"
                return TrackerClosed(
                    f"{text}. Resume with the resume_token of this error", operation=record.name, resume_token=token
                )

    def token(self, record: OperationRecord) -> str | None:
        """Return a resume token; None after success, and where there is no polling URL.

        The token holds the time before which no poll may be sent: that of the last answer, plus the delay that it
        asked for, plus the tolerance. Later changes of the schedule do not count.
        """
        if isinstance(record.state, Succeeded):
            return None
        state = record.state if isinstance(record.state, Pending) else record.state.last
        if state is None:
            return None
        unix_s = self.wall_clock.difference_s()  # once, since a journal makes a token for each change
        not_before = unix_s + record.answered_s + state.next_request.delay.seconds + CLOCK_TOLERANCE_S
        sent_s, deadline_s = state.plan.sent_s, _deadline_s(record)
        token = resume_token.token_of(
            state,
            not_before,
            operation_id=record.id,
            label=record.label,
            begun=unix_s + record.started_s,
            deadline=None if deadline_s is None else unix_s + deadline_s,
            sent=None if sent_s is None else unix_s + sent_s,
        )
        return resume_token.encode(token, self._token_key)


def _deadline_s(record: OperationRecord) -> float | None:
    """Return the deadline; None if there is none, or if it has ended the tracking.

    To resume an operation after its deadline is to wait longer.
    """
    is_over = isinstance(record.state, Unknown) and record.state.reason is UnknownReason.TIMED_OUT
    return None if is_over else record.plan.deadline_s
