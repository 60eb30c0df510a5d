r"""Every exception azpoll raises.

    AzpollError
    ├── OperationError                 the service reported how the operation ended
    │   ├── OperationFailed
    │   └── OperationCanceled
    ├── PollingError                   azpoll no longer knows the status: the operation may still run
    │   ├── RetriesExhausted           polls failed for too long
    │   ├── AuthenticationFailed       401 twice, or errors of the client's auth
    │   ├── PermissionDenied           403 for too long
    │   ├── OperationNotFound          404 or 410 for too long
    │   ├── MalformedAnswer            unreadable answers for too long
    │   ├── AnswerTooLarge             a body beyond the limit `max_body`
    │   ├── UntrustedPollingURL        a URL of an untrusted origin; nothing was sent
    │   └── OperationTimeout           the deadline passed; also a TimeoutError
    ├── InitialRequestFailed           the initial request was refused, failed or not answered
    ├── CancelFailed                   the service did not accept the cancel request
    ├── InvalidResumeToken             also a ValueError
    ├── JournalError                   the journal cannot be used
    │   └── JournalInUse               another tracker owns it
    ├── TrackerClosed                  tracking stopped here; the operation may still run
    └── WrongEventLoop                 used outside the event loop of its tracker; also a RuntimeError

The first two families are never mixed: only `OperationError` describes the operation itself. Arguments out of their
range raise `ValueError` or `TypeError`. No text shows query values, headers, or more than 512 characters of a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.answer import RequestFailure
from azpoll.protocol.arm_error import ARMError, ServiceError, is_explained, read_error, reason_of
from azpoll.protocol.initial_retry import may_be_executed
from azpoll.protocol.last_error import counts_of
from azpoll.protocol.reading import is_success
from azpoll.protocol.redaction import escape_for_display
from azpoll.protocol.states import Canceled, Failed, Fetching, Unknown, UnknownReason

if TYPE_CHECKING:
    from azpoll.transport.library import HTTPResponse


class AzpollError(Exception):
    """Base of every error that azpoll raises.

    Attributes:
        operation: the operation's id, with its label if it has one; None where there is no operation.
        resume_token: resumes tracking, here or in another process; None where there is nothing to resume.
        response: the answer that caused the error, as a response of the client's library without the headers of
            its request; None where there is none.
        reported: the error that the service reported in that answer, with its HTTP status code and request ids.
        code: the service's error code, such as `Conflict`.
        message: the service's error message, as sent.
        target: the target of the service's error.
        details: the errors beneath the service's error.
        status_code: of the answer that caused the error; 200 where a status monitor reports a failure.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        resume_token: str | None = None,
        response: HTTPResponse | None = None,
        reported: ServiceError | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.resume_token = resume_token
        self.response = response
        self.reported = reported
        error = ARMError() if reported is None else reported.error
        self.code = error.code
        self.message = error.message
        self.target = error.target
        self.details = error.details
        self.status_code = None if reported is None else reported.status_code


class OperationError(AzpollError):
    """The service reported that the operation did not succeed."""


class OperationFailed(OperationError):
    """The operation failed."""


class OperationCanceled(OperationError):
    """The operation was canceled; `response` may hold partial results."""


class PollingError(AzpollError):
    """azpoll no longer knows the status. The operation itself may still run, or may have ended.

    Attributes:
        succeeded: whether the operation is known to have succeeded and only its result could not be read.
    """

    succeeded: bool = False


class RetriesExhausted(PollingError):
    """Polls failed ten times in a row and for ten minutes, or past the bounds of another `Patience` (rule 25)."""


class AuthenticationFailed(PollingError):
    """The service refused the credential twice, or the client's auth raised errors (rule 26).

    An error of the client's auth is the `__cause__`.
    """


class PermissionDenied(PollingError):
    """The caller lacks the read permission on the status URL (rule 27)."""


class OperationNotFound(PollingError):
    """The status was not found for at least 60 s and five polls, or past another `Patience` (rule 27)."""


class MalformedAnswer(PollingError):
    """The answers are unreadable: no status, not JSON, or no header with a polling URL (rules 6, 17, 27)."""


class AnswerTooLarge(PollingError):
    """The body of an answer is longer than `max_body`; the text has its size and the limit (rule 38)."""


class UntrustedPollingURL(PollingError):
    """The service named a malformed URL, or one of an untrusted origin; nothing was sent there (rules 8, 9).

    The message names the option by which the caller can trust the origin: `allowed_origins`, `anonymous_origins`,
    `rebase_to`, or none.
    """


class OperationTimeout(PollingError, TimeoutError):
    """The deadline passed; the operation may still run (rule 38)."""


class InitialRequestFailed(AzpollError):
    """The initial request was refused, failed or not answered; nothing is tracked (rule 7).

    Attributes:
        may_have_acted: whether the service may have executed the request: after a 5xx, a 408, and a request that was
            sent and not answered. False if the service refused it, or nothing was sent.
        is_local: whether nothing was sent for want of a credential or a connection: another process may succeed.
    """

    may_have_acted: bool = False
    is_local: bool = False


class CancelFailed(AzpollError):
    """The cancel request was not sent, not answered or not accepted; tracking goes on (rule 43).

    Attributes:
        retry_after_s: the seconds that the service asks to wait before another request; None if it named no wait.
    """

    retry_after_s: float | None = None


class InvalidResumeToken(AzpollError, ValueError):
    """The text is not a resume token, or was cut, changed or signed with another key (rule 42)."""


class JournalError(AzpollError):
    """The journal cannot be opened, read or written; the text says why and what helps."""


class JournalInUse(JournalError):
    """Another tracker, of this or another process, owns the journal."""


class TrackerClosed(AzpollError):
    """Tracking stopped before the operation ended; the operation may still run."""


class WrongEventLoop(AzpollError, RuntimeError):
    """A tracker or an operation was used outside its event loop, or before the tracker was entered."""


_BY_REASON: dict[UnknownReason, type[PollingError]] = {
    UnknownReason.EXHAUSTED: RetriesExhausted,
    UnknownReason.UNAUTHENTICATED: AuthenticationFailed,
    UnknownReason.FORBIDDEN: PermissionDenied,
    UnknownReason.NOT_FOUND: OperationNotFound,
    UnknownReason.MALFORMED: MalformedAnswer,
    UnknownReason.UNTRUSTED: UntrustedPollingURL,
    UnknownReason.TOO_LARGE: AnswerTooLarge,
    UnknownReason.TIMED_OUT: OperationTimeout,
}

_NEXT: dict[UnknownReason, str] = {
    UnknownReason.UNAUTHENTICATED: "Give the client a valid credential, then resume",
    UnknownReason.FORBIDDEN: "Grant read on the status URL to this identity, then resume",
    UnknownReason.UNREACHABLE: "Fix the client, then resume",
    UnknownReason.TOO_LARGE: "Give the tracker a greater max_body, then resume",
}
"""The advice for each reason, where it is more than to resume and the state has none."""

_CORRECTIONS = {
    **dict.fromkeys((301, 302, 303, 307, 308), "Correct its URL, which the service redirects,"),
    401: "Give the client a valid credential",
    403: "Grant this identity the permission",
    429: "Wait",
}
_MAY_HAVE_ACTED = "The service may have executed it. Look at the resource before you send it again"


def error_of(
    state: Failed | Canceled | Unknown,
    operation: str,
    resume_token: str | None,
    response: HTTPResponse | None,
    *,
    reported: ServiceError | None = None,
    may_have_acted: bool = False,
) -> AzpollError:
    """Return a new exception for a terminal state, so that each awaiter has its own (rule 39).

    `reported` is the error in the state's answer if it was read before; the exceptions of all awaiters share it.
    `may_have_acted` means that an earlier attempt of an initial request may have been executed (rule 53).
    """
    if reported is None and state.answer is not None:
        reported = read_error(state.answer)
    acted = may_have_acted or (reported is not None and may_be_executed(reported.status_code))
    kind, text = _kind_and_text(state, operation, reported, resume_token, acted=acted)
    error = kind(text, operation=operation, resume_token=resume_token, response=response, reported=reported)
    if isinstance(error, InitialRequestFailed):
        error.may_have_acted = acted
    if isinstance(state, Unknown):
        error.__cause__ = state.outcome.cause if isinstance(state.outcome, RequestFailure) else None
        if isinstance(error, PollingError):
            error.succeeded = isinstance(state.last, Fetching)
    return error


def _kind_and_text(
    state: Failed | Canceled | Unknown,
    operation: str,
    reported: ServiceError | None,
    resume_token: str | None,
    *,
    acted: bool,
) -> tuple[type[AzpollError], str]:
    reason = ids = ""
    if reported is not None:
        reason = reason_of(reported)
        if reported.request_id is not None:
            ids = f" [request id {escape_for_display(reported.request_id, 64)}]"
    if isinstance(state, Failed):
        return OperationFailed, f"{operation} failed: {reason}{ids}"
    if isinstance(state, Canceled):
        return OperationCanceled, f"{operation} was canceled: {reason}{ids}"
    why = f" ({reason})" if reported is not None and _is_worth_quoting(state, reported) else ""
    detail = f"{escape_for_display(state.detail)}{why}{ids}"
    if state.reason is UnknownReason.NOT_STARTED:
        advice = advice_on_sending_again(reported.status_code if reported else None, resume_token, acted=acted)
        return InitialRequestFailed, f"{operation} was answered with {detail}. {advice}"
    still = "" if isinstance(state.last, Fetching) else ". It may still run"
    advice = f"{state.advice}, then resume" if state.advice else _NEXT.get(state.reason, "Resume")
    advice = f". {advice} with the resume_token of this error" if resume_token else ""
    text = f"{_what_happened(state, operation)}: {detail}{still}{advice}"
    return _BY_REASON.get(state.reason, PollingError), text


def _is_worth_quoting(state: Unknown, reported: ServiceError) -> bool:
    """Whether the answer explains why the status is unknown: not if it only says that the operation still runs."""
    if is_explained(reported.error):
        return True
    return bool(reported.raw) and (state.reason is UnknownReason.MALFORMED or not is_success(reported.status_code))


def _what_happened(state: Unknown, operation: str) -> str:
    """Return the subject of an error text; the detail of an operation that succeeded says so itself."""
    if isinstance(state.last, Fetching):
        return operation
    if state.reason is UnknownReason.TIMED_OUT and not counts_of(state).in_a_row:
        return f"{operation} did not end in time"
    if state.reason in {UnknownReason.UNTRUSTED, UnknownReason.UNATTRIBUTED} or state.last is None:
        return f"{operation} cannot be followed"
    return f"the status of {operation} could not be read"


def advice_on_sending_again(status_code: int | None, resume_token: str | None, *, acted: bool) -> str:
    """Return the advice after an initial request that was refused or not answered (rules 7, 53)."""
    if acted:
        return f"{_MAY_HAVE_ACTED}. The resume_token of this error polls it" if resume_token else _MAY_HAVE_ACTED
    correction = _CORRECTIONS.get(status_code or 0, "Correct the request")
    return f"The service did not execute it. {correction} and send it again"
