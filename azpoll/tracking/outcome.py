"""Response, exception and resume token of an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from azpoll.errors import TrackerClosed, error_of
from azpoll.eventloop.clock import WallClock
from azpoll.protocol import resume_token
from azpoll.protocol.answer import Answer
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Canceled, Failed, Succeeded, Unknown
from azpoll.transport.library import ResponseT_co

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.errors import AzpollError
    from azpoll.protocol.plan import Plan
    from azpoll.tracking.record import OperationRecord
    from azpoll.transport.transport import Transport

T = TypeVar("T")

CLOCK_TOLERANCE_S = 1.0
"""How far the clock of the host that makes a token may be behind the clock of the host that resumes it."""


class Outcomes(Generic[ResponseT_co]):
    """Makes the results of the operations of one tracker.

    Args:
        transport: rebuilds responses.
        token_key: signs resume tokens; None leaves them unsigned.
    """

    def __init__(self, transport: Transport[ResponseT_co], token_key: bytes | None) -> None:
        self._transport = transport
        self._token_key = token_key
        self.wall_clock = WallClock()

    def response(self, record: OperationRecord) -> ResponseT_co:
        """Return the final response of a succeeded operation.

        Raises:
            AzpollError: the operation did not succeed.
        """
        if not isinstance(record.state, Succeeded):
            raise self.error(record)
        return self._transport.response_from(record.state.answer)

    def decoded(self, decode: Callable[[ResponseT_co], T], record: OperationRecord) -> T:
        """Return the final response, converted by the caller's function."""
        return decode(self.response(record))

    def error(self, record: OperationRecord) -> AzpollError:
        """Return a new exception for an operation that ended without success."""
        token = self.token(record)
        match record.state:
            case Failed(answer=outcome) | Canceled(answer=outcome) | Unknown(outcome=outcome) as state:
                response = self._transport.response_from(outcome) if isinstance(outcome, Answer) else None
                return error_of(state, record.name, token, response)
            case _:
                text = f"tracking of {record.name} stopped before it ended; it may still run"
                return TrackerClosed(
                    f"{text}. Resume with the resume_token of this error", operation=record.name, resume_token=token
                )

    def not_started(self, state: Unknown, plan: Plan) -> AzpollError:
        """Return the exception for an initial answer that says that there is no operation."""
        response = self._transport.response_from(state.outcome) if isinstance(state.outcome, Answer) else None
        return error_of(state, f"{plan.method} {masked_url(plan.resource_url)}", None, response)

    def token(self, record: OperationRecord) -> str | None:
        """Return a resume token; None where there is nothing to resume.

        The token holds the time before which no poll may be sent: the last answer, plus the delay that it asked for,
        plus one second for the difference between the clocks of two hosts. Later changes of the schedule do not count.
        """
        state = record.resumable
        if state is None:
            return None
        not_before = self.wall_clock.unix_s(record.answered_s + state.next_request.delay.seconds) + CLOCK_TOLERANCE_S
        return resume_token.encode(resume_token.token_of(state, not_before), self._token_key)
