"""The keywords of `begin`, `track`, `follow`, `resume` and `wait`."""

# Without `from __future__ import annotations`: `tracking.settings` reads the keywords from the annotations.

from collections.abc import Hashable, Iterable, Mapping
from typing import Literal, TypeAlias, TypedDict

from azpoll.protocol.patience import Patience
from azpoll.protocol.plan import CancelMethod, Method, PatternName

__all__ = [
    "BeginOptions",
    "CancelMethod",
    "FinalStateName",
    "FollowOptions",
    "Method",
    "Outcome",
    "PatternName",
    "ResultWanted",
    "TrackingOptions",
    "WaitOptions",
]

ResultWanted: TypeAlias = Literal["final", "status"]
Outcome: TypeAlias = Literal["succeeded", "failed", "canceled"]
FinalStateName: TypeAlias = Literal["azure-async-operation", "operation-location", "location", "original-uri"]


class FollowOptions(TypedDict, total=False):
    """The keywords that `begin`, `track`, `follow`, `resume` and `wait` share.

    Attributes:
        final_state_via: "azure-async-operation", "operation-location", "location" or "original-uri": where
            the result is read, as `x-ms-long-running-operation-options` in the API's description says. By
            default the method decides. For a DELETE that answers 202 without a polling header, "original-uri"
            polls the resource until it is gone (rules 6, 30).
        timeout: overall deadline in seconds from now, 0 or more; None for none. At the deadline the operation is
            polled once more, unless the server's own Retry-After forbids it. Awaiters then get
            `OperationTimeout` with a resume token (rule 38).
        interval: seconds between polls where the server names no delay, in place of the schedule.
        result: "status" omits the final GET; the last answer is then the result (rule 33).
        terminal_words: status words of this API that end the operation, in addition to Azure's own (rule 16).
            A number is given as text: `{"4": "succeeded"}`.
        status_member: dotted path of the member with the status word, such as "state.id", if it is not `status`
            (rule 48).
        patience: the bounds after which azpoll gives up; None for those of the tracker (rules 25 to 27).
        cancel_url: target of the request that `AsyncOperation.cancel` sends, for ARM usually `<resource>/cancel`.
        cancel_method: "POST" or "DELETE". A DELETE goes to the status monitor unless `cancel_url` names another
            target (rule 43).
        poll_headers: headers that each poll and the cancel request of this operation carry besides the client's own,
            such as a tenant or a feature flag. If the client's auth sets the same header, the value of the
            auth is sent (rule 45).
        stored_headers: names of the poll headers that resume tokens hold; none by default. A token with a
            credential in it is as secret as the credential (rule 42).
        label: the caller's own name for the operation, for logs and errors.
        owner: key for fair scheduling: owners take turns where reads are scarce. Each group is its own owner.
    """

    final_state_via: FinalStateName | None
    timeout: float | None
    interval: float | None
    result: ResultWanted
    terminal_words: Mapping[str, Outcome] | None
    status_member: str | None
    patience: Patience | None
    cancel_url: str | None
    cancel_method: CancelMethod
    poll_headers: Mapping[str, str] | None
    stored_headers: Iterable[str]
    label: str | None
    owner: Hashable


class TrackingOptions(FollowOptions, total=False):
    """The keywords that `begin`, `track`, `resume` and `wait` share.

    Attributes:
        pattern: "azure-async-operation", "operation-location", "location" or "resource": how the polling URL is
            read, whichever header names it. By default the header decides (rule 47).
    """

    pattern: PatternName | None


class WaitOptions(TrackingOptions, total=False):
    """The keywords of `wait`: those of every call, and some of `Tracker`."""

    allowed_origins: Iterable[str]
    anonymous_origins: Iterable[str]
    rebase_to: str | None
    min_interval: float
    request_timeout: float
    max_body: int


class BeginOptions(TrackingOptions, total=False):
    """The keywords of `begin`: those of every call, and the arguments of an httpx request.

    Attributes:
        content: as in `httpx.AsyncClient.build_request`, like all that follow.
        data: form fields.
        files: a multipart upload.
        json: a body that is sent as JSON.
        params: query parameters.
        headers: of this request alone; polls carry the client's own headers and `poll_headers`.
        cookies: of this request alone.
        extensions: of this request alone.
        auth: of this request alone, in place of the client's; None for none. Polls have the client's auth.
        follow_redirects: whether this request follows redirects; polls follow theirs in any case (rule 11). Polls go
            to the origin of the URL that was given here, and to no other one that a redirect names (rule 9).
        request_timeout: time limit of this request in seconds; None for that of the tracker. `timeout` is the
            deadline of the operation.
        idempotent: whether the service may execute the request twice. If so, the request is sent again when it is
            unknown whether the service executed it: after a lost connection, a time-out, 408 or 5xx. By default
            (None) a PUT, DELETE or GET may be executed twice, a PATCH or POST not (rule 53). A request that was
            refused with 429 was not executed, and is sent again in any case. A body that is a stream is never sent
            again.
    """

    content: object
    data: object
    files: object
    json: object
    params: object
    headers: object
    cookies: object
    extensions: object
    auth: object
    follow_redirects: bool
    request_timeout: float | None
    idempotent: bool | None
