"""`FakeOperation`: the state of one operation at the service. Only its `FakeARM` changes it."""

from __future__ import annotations

import math
from hashlib import sha512
from typing import TYPE_CHECKING

from azpoll.testing.client_audit import POLL_ROLE, Role, reports_end
from azpoll.testing.script import is_success
from azpoll.testing.steps import Cut, Delay, Drip, Ordinary, Reply, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.testing.client_audit import ClientAudit
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.script import Script

_NO_CONTENT = 204
_ORDINARY = Ordinary()
_NOT_CANCELABLE = Reply(409, {"error": {"code": "OperationNotCancelable", "message": "The operation has ended."}})


class FakeOperation:
    """An operation: planned by `FakeARM.operation`, running from its initial request on.

    Attributes:
        id: the last part of its polling URL.
        script: its course.
        method: of the initial request.
        path: of the initial request; the path of the resource, unless the request is a POST.
        started_at_s: on the fake's clock; None before the initial request.
        canceled: whether a cancel request was accepted.
        audits: client to its conduct, kept by the fake; the only client is "" without `client_header`.
        request_document: the initial request's body as a JSON object, kept by the fake.
    """

    __slots__ = (
        "_ends_at_s", "_finals_answered", "_make_audit", "_origin", "_polls_answered", "_query", "_seen_at_s", "audits",
        "canceled", "id", "method", "path", "request_document", "script", "started_at_s",
    )  # fmt: skip

    def __init__(
        self, operation_id: str, script: Script, method: str, path: str, make_audit: Callable[[], ClientAudit]
    ) -> None:
        self.id = operation_id
        self.script = script
        self.method = method
        self.path = path
        self.audits: dict[str, ClientAudit] = {}
        self._make_audit = make_audit
        self.started_at_s: float | None = None
        self.canceled = False
        self.request_document: Mapping[str, object] = {}
        self._polls_answered = 0
        self._finals_answered = 0
        self._origin = ""
        self._query = ""
        self._ends_at_s = math.inf
        self._seen_at_s = -math.inf

    def start(self, request: IncomingRequest, document: Mapping[str, object], now_s: float) -> None:
        """Start the operation with its initial request; `document` is the request's body."""
        self.method, self.path = request.method, request.path
        self._origin = request.origin
        versions = (part for part in request.query.split("&") if part.lower().startswith("api-version="))
        self._query = next(versions, "")
        self.request_document = document
        self.started_at_s = self._seen_at_s = now_s
        polls = self.script.polls
        if polls is None or any(isinstance(_innermost(step), Ordinary) for step in polls):
            self._ends_at_s = now_s + self.script.duration_s

    def cancel(self, now_s: float) -> bool:
        """Accept a cancel request; False if the operation has ended already."""
        if now_s >= self._ends_at_s:
            return False
        if not self.canceled:
            self.canceled = True
            self._ends_at_s = now_s + self.script.cancel_takes_s
        return True

    def audit_of(self, client: str) -> ClientAudit:
        """Return the audit of a client, a new one at its first request."""
        if client not in self.audits:
            self.audits[client] = self._make_audit()
        return self.audits[client]

    def is_audited(self, role: Role, audit: ClientAudit) -> bool:
        """Whether a client's GET in that role tracks the operation; a read of the resource meanwhile does not."""
        return role != "resource" or self.script.pattern == "body" or audit.told_end_at_s is not None

    def next_step(self, role: Role, now_s: float) -> Step:
        """Take the script's next step for a request in that role."""
        self._seen_at_s = now_s
        script = self.script
        if role == "initial":
            return script.initial or _ORDINARY
        if role == "cancel":
            return _ORDINARY if self.cancel(now_s) else _NOT_CANCELABLE
        if role == POLL_ROLE[script.pattern]:
            if script.polls is None or self.canceled:
                return _ORDINARY
            self._polls_answered += 1
            return script.polls[min(self._polls_answered, len(script.polls)) - 1]
        if self.told_end_at_s is None or self._finals_answered >= len(script.finals):
            return _ORDINARY
        self._finals_answered += 1
        return script.finals[self._finals_answered - 1]

    def reply_reports_end(self, role: Role, reply: Reply, headers: Mapping[str, str], audit: ClientAudit) -> bool:
        """Whether a reply in that role reports to a client that the operation ended, or is its final answer."""
        if role == "cancel" or not self.is_audited(role, audit):
            return False
        if reply.terminal is not None:
            return reply.terminal
        return reports_end(role, reply.status, reply.document(), headers)

    def end_sent(self, role: Role, status: int, now_s: float, audit: ClientAudit) -> None:
        """Record that a client received the end. An operation whose script sets no end time ends now."""
        if self._ends_at_s == math.inf:
            self._ends_at_s = self._seen_at_s = now_s
        pattern = self.script.pattern
        holds_result = pattern in {"location", "body"} and role in {"initial", POLL_ROLE[pattern]}
        nothing_left = holds_result or role in {"location", "resource"} or status == _NO_CONTENT or not self.succeeds
        audit.end_sent(now_s, nothing_left=nothing_left)

    def ended_by(self, now_s: float) -> bool:
        """Whether the operation has ended at that time."""
        return now_s >= self._ends_at_s

    @property
    def ends_at_s(self) -> float:
        """The time of the end, past or future; `math.inf` while it is open."""
        return self._ends_at_s

    @property
    def ended_at_s(self) -> float | None:
        """The time of the end, on the fake's clock; None if the operation had not ended at its latest request."""
        return self._ends_at_s if self._seen_at_s >= self._ends_at_s else None

    @property
    def told_end_at_s(self) -> float | None:
        """The time at which a client first received the end; minus `ended_at_s` it is the detection delay."""
        told_s = [audit.told_end_at_s for audit in self.audits.values() if audit.told_end_at_s is not None]
        return min(told_s, default=None)

    @property
    def polls(self) -> int:
        """GETs up to the answer that reported the end to their client, throttled and rejected ones included."""
        return sum(audit.polls for audit in self.audits.values())

    @property
    def outcome(self) -> str:
        """The terminal status word, which the operation has or will have."""
        return "Canceled" if self.canceled else self.script.outcome

    @property
    def succeeds(self) -> bool:
        """Whether `outcome` means success."""
        return is_success(self.outcome)

    def status(self, now_s: float) -> str:
        """Return the status word at that time."""
        return self.outcome if self.ended_by(now_s) else self.script.running

    def percent_complete(self, now_s: float) -> float:
        """Return the completed part at that time, 0..100."""
        if self.ended_by(now_s) or self.started_at_s is None or self.script.duration_s <= 0:
            return 100.0
        return round(min(99.0, 100.0 * (now_s - self.started_at_s) / self.script.duration_s), 1)

    @property
    def monitor_url(self) -> str:
        """The status monitor's URL, whether the pattern uses it or not."""
        return self._url("operationStatuses", self._query)

    @property
    def location_url(self) -> str:
        """The result's URL, whether the pattern uses it or not."""
        return self._url("operationResults", f"monitor=true&{self._query}" if self._query else "monitor=true")

    @property
    def resource_url(self) -> str:
        """The initial request's URL."""
        return f"{self._origin}{self.path}?{self._query}" if self._query else f"{self._origin}{self.path}"

    @property
    def poll_url(self) -> str:
        """The polling URL of the script's pattern."""
        match self.script.pattern:
            case "azure-async-operation" | "operation-location":
                return self.monitor_url
            case "location":
                return self.location_url
            case "body":
                return self.resource_url

    @property
    def origin(self) -> str:
        """The origin of the initial request."""
        return self._origin

    def _url(self, collection: str, query: str) -> str:
        subscription = subscription_of(self.path)
        scope = f"/subscriptions/{subscription}" if subscription else ""
        path = f"{scope}/providers/Microsoft.Fake/locations/westeurope/{collection}/{self.id}"
        if self.script.signed:
            query = f"{query}&{signature_of(collection, self.id)}" if query else signature_of(collection, self.id)
        return f"{self._origin}{path}?{query}" if query else f"{self._origin}{path}"


def signature_of(collection: str, operation_id: str) -> str:
    """Return the query parameters that sign a URL, as long as those of ARM."""
    code = sha512(f"{collection}/{operation_id}".encode()).hexdigest()
    return f"t=639000000000000000&c={code * 18}&s={code * 5}&h={code[:43]}"


def subscription_of(path: str) -> str:
    """Return the subscription id in a path; empty if there is none."""
    match path.split("/", 3):
        case [_, name, ident, *_] if name.lower() == "subscriptions":
            return ident
        case _:
            return ""


def _innermost(step: Step) -> Step:
    while isinstance(step, Cut | Delay | Drip):
        step = step.step
    return step
