"""The exception for an initial request without a complete answer (rule 53)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import InitialRequestFailed, advice_on_sending_again
from azpoll.protocol.answer import FailureKind
from azpoll.protocol.arm_error import read_error
from azpoll.protocol.redaction import masked_url

if TYPE_CHECKING:
    from azpoll.protocol.answer import RequestFailure
    from azpoll.transport.transport import InitialRequest

_NOTHING_SENT = "Nothing was sent to the service. Fix the client or the connection, then send it again"
_NOT_AUTHORIZED = "Nothing was sent to the service, or it refused with 401. Fix the client, then send it again"


def unanswered(
    request: InitialRequest, outcome: RequestFailure, resume_token: str | None, *, may_have_acted: bool
) -> InitialRequestFailed:
    """Return the exception; the token polls the resource.

    An answer of which only the head could be read says what became of the request.
    """
    name, head = f"{request.method} {masked_url(request.url)}", outcome.head
    why = f"{outcome.kind.value}: {outcome.detail}" if outcome.detail else outcome.kind.value
    if head is not None:
        what = f"was answered with HTTP {head.status_code}, but the answer could not be read ({why})"
        advice = advice_on_sending_again(head.status_code, resume_token, acted=may_have_acted)
    else:
        what = f"has no complete answer ({why})"
        unsent = _NOT_AUTHORIZED if outcome.kind is FailureKind.AUTH else _NOTHING_SENT
        advice = advice_on_sending_again(None, resume_token, acted=True) if may_have_acted else unsent
    reported = None if head is None else read_error(head)
    text = f"{name} {what}. {advice}"
    error = InitialRequestFailed(text, operation=name, resume_token=resume_token, reported=reported)
    error.may_have_acted = may_have_acted
    error.is_local = not may_have_acted and head is None and outcome.kind.is_local
    error.__cause__ = outcome.cause
    return error
