"""`FakeOperation`: one operation as the service knows it. Only its arm changes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from azpoll.testing.client_audit import POLL_ROLE, Role, Watch, tells_end
from azpoll.testing.script import is_success
from azpoll.testing.steps import Cut, Delay, Drip, Ordinary, Reply, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.script import Script

NO_CONTENT = 204
_ORDINARY = Ordinary()
_TOO_LATE = Reply(409, {"error": {"code": "OperationNotCancelable", "message": "The operation has ended."}})


class FakeOperation:
    """An operation: planned by `FakeARM.operation`, running once its initial request came.

    Attributes:
        id: the last part of its polling URL.
        script: how it goes.
        method: of the initial request.
        path: of the initial request; the resource, unless it is a POST.
        started_at_s: on the arm's clock; None before the initial request.
        canceled: whether a cancel request was taken.
    """

    __slots__ = (
        "_ends_at_s", "_finals_asked", "_origin", "_polls_asked", "_query", "_seen_at_s", "canceled", "id", "method",
        "path", "script", "sent", "started_at_s", "watch",
    )  # fmt: skip

    def __init__(self, operation_id: str, script: Script, method: str, path: str, watch: Watch) -> None:
        self.id = operation_id
        self.script = script
        self.method = method
        self.path = path
        self.watch = watch
        self.started_at_s: float | None = None
        self.canceled = False
        self.sent: Mapping[str, object] = {}
        self._polls_asked = 0
        self._finals_asked = 0
        self._origin = ""
        self._query = ""
        self._ends_at_s = math.inf
        self._seen_at_s = -math.inf

    def start(self, request: IncomingRequest, sent: Mapping[str, object], now_s: float) -> None:
        """Start running."""
        self.method, self.path = request.method, request.path
        self._origin = request.origin
        versions = (part for part in request.query.split("&") if part.lower().startswith("api-version="))
        self._query = next(versions, "")
        self.sent = sent
        self.started_at_s = self._seen_at_s = now_s
        polls = self.script.polls
        if polls is None or any(isinstance(_innermost(step), Ordinary) for step in polls):
            self._ends_at_s = now_s + self.script.duration_s

    def cancel(self, now_s: float) -> bool:
        """Take a cancel request; False where the operation has ended already."""
        if now_s >= self._ends_at_s:
            return False
        if not self.canceled:
            self.canceled = True
            self._ends_at_s = now_s + self.script.cancel_takes_s
        return True

    def watches(self, role: Role) -> bool:
        """Whether a GET in that role is one of the client's waiting, not a reading of the resource meanwhile."""
        return role != "resource" or self.script.pattern == "body" or self.told_end_at_s is not None

    def step(self, role: Role, now_s: float) -> Step:
        """Take the script's next step in that role."""
        self._seen_at_s = now_s
        script = self.script
        if role == "initial":
            return script.initial or _ORDINARY
        if role == "cancel":
            return _ORDINARY if self.cancel(now_s) else _TOO_LATE
        if role == POLL_ROLE[script.pattern]:
            if script.polls is None or self.canceled:
                return _ORDINARY
            self._polls_asked += 1
            return script.polls[min(self._polls_asked, len(script.polls)) - 1]
        if self.told_end_at_s is None or self._finals_asked >= len(script.finals):
            return _ORDINARY
        self._finals_asked += 1
        return script.finals[self._finals_asked - 1]

    def ends_with(self, role: Role, reply: Reply, headers: Mapping[str, str]) -> bool:
        """Whether a reply in that role tells a client that the operation ended, or gives its final answer."""
        if role == "cancel" or (role == "resource" and not self.watches(role)):
            return False
        if reply.terminal is not None:
            return reply.terminal
        return tells_end(role, reply.status, reply.document(), headers)

    def end_told(self, role: Role, status: int, now_s: float) -> None:
        """Note that a client was told the end; where no time was set for it, it is now."""
        if self._ends_at_s == math.inf:
            self._ends_at_s = self._seen_at_s = now_s
        final = role in {"initial", POLL_ROLE[self.script.pattern]} and self.script.pattern in {"location", "body"}
        nothing_left = final or role in {"location", "resource"} or status == NO_CONTENT or not self.succeeds
        self.watch.told_end(now_s, nothing_left=nothing_left)

    def ended_by(self, now_s: float) -> bool:
        """Whether it has ended at that time."""
        return now_s >= self._ends_at_s

    @property
    def ends_at_s(self) -> float:
        """When it ends or ended; `math.inf` while that is open."""
        return self._ends_at_s

    @property
    def ended_at_s(self) -> float | None:
        """When it ended, on the arm's clock; None if that was not yet so at the latest request on it."""
        return self._ends_at_s if self._seen_at_s >= self._ends_at_s else None

    @property
    def told_end_at_s(self) -> float | None:
        """When a client was first told the end; less `ended_at_s` that is the detection delay."""
        return self.watch.told_end_at_s

    @property
    def polls(self) -> int:
        """GETs on it up to the answer that told the end; throttled and refused ones count."""
        return self.watch.polls

    @property
    def outcome(self) -> str:
        """The terminal status word it has or will have."""
        return "Canceled" if self.canceled else self.script.outcome

    @property
    def succeeds(self) -> bool:
        """Whether `outcome` is success."""
        return is_success(self.outcome)

    def status(self, now_s: float) -> str:
        """Return the status word at that time."""
        return self.outcome if self.ended_by(now_s) else self.script.running

    def percent_complete(self, now_s: float) -> float:
        """Return the part done at that time, 0..100."""
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
        """The URL the pattern is polled at."""
        match self.script.pattern:
            case "azure-async-operation" | "operation-location":
                return self.monitor_url
            case "location":
                return self.location_url
            case "body":
                return self.resource_url

    @property
    def origin(self) -> str:
        """Of the initial request."""
        return self._origin

    def _url(self, collection: str, query: str) -> str:
        subscription = subscription_of(self.path)
        scope = f"/subscriptions/{subscription}" if subscription else ""
        path = f"{scope}/providers/Microsoft.Fake/locations/westeurope/{collection}/{self.id}"
        return f"{self._origin}{path}?{query}" if query else f"{self._origin}{path}"


def subscription_of(path: str) -> str:
    """Return the subscription id in a path, empty if there is none."""
    parts = path.split("/", 3)
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""  # noqa: PLR2004 - "", "subscriptions", id


def _innermost(step: Step) -> Step:
    while isinstance(step, Cut | Delay | Drip):
        step = step.step
    return step
