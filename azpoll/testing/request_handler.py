"""`RequestHandler`: chooses, audits and records the answer to each request of a `FakeARM`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from azpoll.testing.access_control import AccessControl
from azpoll.testing.arguments import check_seconds
from azpoll.testing.client_audit import ClientAudit, Findings
from azpoll.testing.deployments import Deployments
from azpoll.testing.exchange import Exchange
from azpoll.testing.fake_arguments import check_settings
from azpoll.testing.operation_store import OperationStore
from azpoll.testing.ordinary_replies import ordinary_reply, unplanned_reply
from azpoll.testing.rendering import apply_faults, fill_placeholders, render
from azpoll.testing.request_log import RequestLog, RequestRecord
from azpoll.testing.steps import Ordinary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from azpoll.testing.client_audit import Role
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.fake_operation import FakeOperation
    from azpoll.testing.rate_limits import Limits
    from azpoll.testing.script import Script
    from azpoll.testing.steps import Reply

_NO_FINDINGS = Findings()


class RequestHandler:
    """Answers requests in this order: access control, the operation's script, deployment lists, 404.

    Attributes:
        access_control: accepted tokens and rate limits.
        log: the requests received.
        operations: planned and started operations.
        latest_at_s: the time of the latest request, on the fake's clock.
        ends_sent: operations whose end was sent to a client.
    """

    def __init__(
        self,
        *,
        limits: Limits | None,
        clock: Callable[[], float],
        epoch: datetime,
        latency_s: float,
        floor_s: float,
        retry_after_cap_s: float,
        log_size: int,
        client_header: str | None,
    ) -> None:
        """Create a handler without operations; `FakeARM` documents the arguments."""
        check_settings(limits=limits, clock=clock, epoch=epoch, log_size=log_size, client_header=client_header)
        check_seconds("latency_s", latency_s, is_finite=True)
        check_seconds("floor_s", floor_s, is_finite=True)
        check_seconds("retry_after_cap_s", retry_after_cap_s)
        self.access_control = AccessControl(limits)
        self.log = RequestLog(log_size)
        self.operations = OperationStore(lambda: ClientAudit(floor_s, retry_after_cap_s))
        self.latest_at_s = 0.0
        self.ends_sent = 0
        self._deployments = Deployments()
        self._clock = clock
        self._epoch = epoch
        self._epoch_s: float | None = None
        self._latency_s = latency_s
        self._client_header = client_header and client_header.lower()

    def handle(
        self, request: IncomingRequest, default: Script | Callable[[IncomingRequest], Script] | None
    ) -> Exchange:
        """Return the answer to a request; `default` applies to an initial request without a plan."""
        now_s = self.latest_at_s = self._clock()
        if self._epoch_s is None:
            self._epoch_s = now_s
        operation, role = self.operations.find(request)
        findings = _NO_FINDINGS
        audited = False
        if operation is not None and request.method == "GET":
            audit = self._audit_of(operation, request)
            audited = operation.is_audited(role, audit)
            if audited:
                findings = audit.get_received(role, request.path, now_s)
        rejection, extra_headers = self.access_control.check(request, now_s)
        extra_headers["x-ms-request-id"] = f"fake-request-{self.log.requests + 1}"
        if rejection is None and role == "initial":
            operation = self.operations.start(request, default, now_s)
            if operation is not None:
                self._deployments.add(operation)
        exchange = self._respond(request, operation, role, rejection, extra_headers, audited=audited)
        self._record(request, operation, exchange.status, findings)
        return exchange

    def _audit_of(self, operation: FakeOperation, request: IncomingRequest) -> ClientAudit:
        header = self._client_header
        return operation.audit_of("" if header is None else request.headers.get(header, ""))

    def _wall_time(self, at_s: float) -> datetime:
        return self._epoch + timedelta(seconds=at_s - (self._epoch_s or 0.0))

    def _respond(
        self,
        request: IncomingRequest,
        operation: FakeOperation | None,
        role: Role,
        rejection: Reply | None,
        extra_headers: Mapping[str, str],
        *,
        audited: bool,
    ) -> Exchange:
        headers: Mapping[str, str] = {}
        reports_end = False

        def head_sent() -> None:
            if operation and exchange.status and not reports_end and (audited or role == "initial"):
                audit = self._audit_of(operation, request)
                audit.answer_sent(request.path, exchange.status, headers, self._clock())

        def finished(complete: bool) -> None:  # noqa: FBT001 - `Exchange.finished`, which calls it, takes it as a keyword
            if operation and audited:
                self._audit_of(operation, request).get_finished()
            if operation and reports_end and complete:
                self.ends_sent += operation.told_end_at_s is None
                operation.end_sent(role, exchange.status or 0, self._clock(), self._audit_of(operation, request))

        exchange = Exchange(head_sent, finished)
        exchange.delay_s = self._latency_s
        now = self._wall_time(self.latest_at_s)
        if rejection is not None or operation is None:
            unscripted = rejection or self._reply_without_operation(request)
            headers = render(exchange, unscripted, extra_headers, now, missing=0)
            return exchange
        reply, missing = self._next_reply(exchange, operation, role)
        if reply is not None:
            headers = render(exchange, reply, extra_headers, now, missing)
            reports_end = operation.reply_reports_end(role, reply, headers, self._audit_of(operation, request))
        return exchange

    def _next_reply(self, exchange: Exchange, operation: FakeOperation, role: Role) -> tuple[Reply | None, int]:
        """Return the operation's reply and the number of bytes to withhold; None for a dropped connection."""
        now_s = self.latest_at_s
        answer, missing = apply_faults(exchange, operation.next_step(role, now_s))
        if answer is None:
            return None, 0
        if isinstance(answer, Ordinary):
            return ordinary_reply(operation, role, now_s, self._wall_time), missing
        return fill_placeholders(answer, operation), missing

    def _reply_without_operation(self, request: IncomingRequest) -> Reply:
        return self._deployments.page(request, self.latest_at_s) or unplanned_reply(request)

    def _record(
        self, request: IncomingRequest, operation: FakeOperation | None, status: int | None, findings: Findings
    ) -> None:
        operation_id, headers = operation.id if operation else None, request.headers
        record = RequestRecord(
            self.latest_at_s, request.method, request.url, request.path, operation_id, status,
            "authorization" in headers, headers, *findings,
        )  # fmt: skip
        self.log.add(record, request.origin)
